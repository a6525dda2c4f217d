// Which models answer: all that can be compared, until somebody chooses; only models with the same labels at once.

import { byId, element } from "./element.js";
import { called, list, say } from "./words.js";

export class Choice {
  #boxes = [];

  // `chosen` are names from a shared address, null if it has none.
  constructor({ models, default: standard }, chosen) {
    const ready = models.filter((model) => model.state === "ready");
    const groups = Map.groupBy(ready, (model) => model.labels.join("\n"));
    const usual = ready.findLast((model) => model.model === standard)?.labels.join("\n");
    const first = [...groups].sort(([one], [other]) => Number(other === usual) - Number(one === usual));
    byId("choice").lastElementChild.replaceChildren(
      ...first.map(([labels, group]) => this.#group(labels, group, usual)),
    );
    if (chosen) this.#take(chosen);
    this.#describe();
  }

  // Returns the names of what was chosen; null for all that can be compared.
  get names() {
    const on = this.#boxes.filter(({ box }) => box.checked);
    const usual = this.#boxes.every(({ box, usual }) => box.checked === usual);
    return usual || !on.length ? null : on.map(({ name }) => name);
  }

  #group(labels, models, usual) {
    const latest = new Map(models.map((model) => [model.model, model.version]));
    const boxes = models.map(({ model, version }) => {
      const newest = latest.get(model) === version;
      const box = element("input", { type: "checkbox", onchange: () => this.#changed(labels) });
      box.checked = newest && labels === usual;
      const name = newest ? model : `${model}/${version}`;
      this.#boxes.push({ box, name, labels, usual: box.checked });
      return element("label", {}, box, element("span", {}, `${model}/${version}`));
    });
    const legend = labels
      .split("\n")
      .map((label) => called("labels", label))
      .join(" · ");
    return element("fieldset", {}, element("legend", {}, legend), ...boxes);
  }

  #changed(labels) {
    for (const each of this.#boxes) if (each.labels !== labels) each.box.checked = false;
    this.#describe();
  }

  #take(names) {
    for (const each of this.#boxes) each.box.checked = names.includes(each.name);
  }

  #describe() {
    const on = this.#boxes.filter(({ box }) => box.checked).map(({ name }) => name);
    byId("choice").firstElementChild.textContent = on.length
      ? say("home.models", { names: list(on) })
      : say("home.models_all");
  }
}
