// Why the models answered as they did: every picture below the answers.

import { named } from "./answers.js";
import { post } from "./asking.js";
import { Axis } from "./axis.js";
import { byId, element } from "./element.js";
import { gateRows } from "./gates.js";
import { memoryChart, trajectoryChart } from "./pictures.js";
import { fullColour, reading } from "./reading.js";
import { figuresTable } from "./table.js";
import { called, figure, say, size } from "./words.js";

export class Why {
  #request = null;
  #explanation = null;
  #axis = null;

  constructor() {
    byId("method").addEventListener("change", () => this.#drawWords());
    byId("memories").addEventListener("change", () => this.#drawMemory());
    byId("follow").lastElementChild.addEventListener("change", (event) => this.#follow(event.target.value));
  }

  // Asks why; `request` is that of the comparison, with the label to follow if one was chosen.
  ask(request) {
    return post("/explain", request);
  }

  show(request, explanation) {
    this.#request = request;
    this.#explanation = explanation;
    this.#axis = new Axis(request.text, explanation.models);
    byId("why").hidden = false;
    this.#offerLabels();
    this.#draw();
  }

  hide() {
    byId("why").hidden = true;
  }

  async #follow(label) {
    const request = { ...this.#request, label };
    this.show(request, await this.ask(request));
  }

  #offerLabels() {
    const { labels, label } = this.#explanation;
    byId("follow").hidden = labels.length < 3;
    const options = labels.map((name) =>
      element("option", { value: name, selected: name === label }, called("labels", name)),
    );
    byId("follow").lastElementChild.replaceChildren(...options);
  }

  #draw() {
    this.#drawWords();
    trajectoryChart(byId("trajectory"), this.#explanation, this.#axis);
    byId("gates").replaceChildren(...gateRows(this.#explanation.models, this.#axis, (model) => this.#units(model)));
    this.#drawMemory();
  }

  #drawWords() {
    const { models, label, labels } = this.#explanation;
    const method = chosen("method");
    const full = fullColour(models, method);
    const other =
      labels.length === 2
        ? called(
            "labels",
            labels.find((name) => name !== label),
          )
        : say("home.others");
    const words = { label: called("labels", label), other };
    byId("words-note").textContent = say(`home.${method}_note`, words);
    byId("readings").replaceChildren(
      ...models.map((model, place) => reading(model, place, this.#axis, { method, full, words })),
    );
    byId("legend").replaceChildren(...legend(words, full, method, models));
    byId("figures").replaceChildren(figuresTable(models, this.#axis, method));
  }

  #drawMemory() {
    byId("memory-note").textContent = say(`home.memory_${chosen("memory")}_note`);
    memoryChart(byId("memory"), this.#explanation.models, chosen("memory"));
  }

  // Returns the layers of a model, unit by unit.
  async #units(model) {
    const request = { ...this.#request, models: [named(model)], label: this.#explanation.label, units: true };
    const { models } = await this.ask(request);
    return models[0].layers;
  }
}

const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;

function legend({ label, other }, full, method, models) {
  const worst = Math.max(...models.map((model) => model.integrated_gradients.completeness_error));
  return [
    element("span", { class: "token for sample" }, say("home.legend_for", { label })),
    element("span", { class: "token against sample" }, say("home.legend_for", { label: other })),
    element("span", { class: "token unknown sample" }, say("home.legend_unknown")),
    element("span", {}, say("home.legend_full", { points: size(full) })),
    method === "gradients" ? element("span", {}, say("home.legend_error", { points: figure(100 * worst) })) : null,
  ].filter(Boolean);
}
