"use strict";
// Shows the texts of #data on which models disagree, some at a time. Texts are only ever set as text.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const control = Object.fromEntries(
    ["pair", "right", "label", "length", "order", "contains"].map((id) => [id, document.getElementById(id)]),
  );
  const list = document.getElementById("texts");
  const more = document.getElementById("more");
  const STEP = 50;
  const LENGTHS = [["any", 0, Infinity], ["to 10 characters", 0, 10], ["11 to 30", 11, 30], ["31 to 80", 31, 80], ["more than 80", 81, Infinity]];
  const given = (row, model) => row.said[model][0];
  const isRight = (row, model) => given(row, model) === row.label;
  const gap = (row, models) => {
    const values = models.map((model) => row.said[model][2]); // the probability of the true label
    return Math.max(...values) - Math.min(...values);
  };
  const ORDERS = {
    "furthest apart first": (models) => (one, other) => gap(other, models) - gap(one, models),
    "as in the data": () => (one, other) => one.number - other.number,
    "shortest first": () => (one, other) => one.length - other.length,
    "longest first": () => (one, other) => other.length - one.length,
  };
  let shown = [];

  function options(select, names) {
    const kept = select.selectedIndex;
    select.replaceChildren(...names.map((name, index) => new Option(name, String(index))));
    if (kept > 0 && kept < names.length) select.selectedIndex = kept;
  }

  function chosenModels() {
    const index = Number(control.pair.value);
    return index === 0 ? data.models.map((_, model) => model) : data.pairs[index - 1];
  }

  function rights(models) {
    const only = models.map((model) => [`only ${data.models[model]}`, (row) => isRight(row, model) && models.every((other) => other === model || !isRight(row, other))]);
    const all = [["any of them, or none", () => true], ...only];
    if (models.length > 2) {
      all.push(...models.map((model) => [`all but ${data.models[model]}`, (row) => !isRight(row, model) && models.every((other) => other === model || isRight(row, other))]));
    }
    if (data.labels.length > 2) all.push(["none", (row) => !models.some((model) => isRight(row, model))]);
    return all;
  }

  function element(name, style, text) {
    const made = document.createElement(name);
    if (style) made.className = style;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function item(row) {
    const made = element("li");
    const text = element("p", "text", row.text);
    text.lang = "ko";
    const said = element("p", "said");
    said.append(element("span", "", `truly ${data.labels[row.label]}`));
    row.said.forEach(([label, probability], model) => {
      const right = label === row.label;
      said.append(element("span", right ? "right" : "wrong", `${right ? "✓" : "✗"} ${data.models[model]}: ${data.labels[label]} ${probability.toFixed(2)}`));
    });
    made.append(text, said);
    return made;
  }

  function showMore() {
    const from = list.children.length;
    list.append(...shown.slice(from, from + STEP).map(item));
    more.hidden = list.children.length >= shown.length;
  }

  function show() {
    const models = chosenModels();
    const kinds = rights(models);
    options(control.right, kinds.map(([name]) => name));
    const kind = kinds[Number(control.right.value)][1];
    const label = Number(control.label.value) - 1;
    const [, low, high] = LENGTHS[Number(control.length.value)];
    const wanted = control.contains.value.normalize("NFC").toLowerCase();
    const differ = data.rows.filter((row) => models.some((model) => given(row, model) !== given(row, models[0])));
    shown = differ
      .filter((row) => kind(row) && (label < 0 || row.label === label) && row.length >= low && row.length <= high)
      .filter((row) => !wanted || row.text.normalize("NFC").toLowerCase().includes(wanted))
      .sort(Object.values(ORDERS)[Number(control.order.value)](models));
    const format = (count) => count.toLocaleString("en");
    document.getElementById("count").textContent = `${format(shown.length)} of ${format(differ.length)} texts on which they disagree`;
    list.replaceChildren();
    showMore();
  }

  document.getElementById("about").textContent = data.about;
  options(control.pair, ["all models", ...data.pairs.map(([one, other]) => `${data.models[one]} and ${data.models[other]}`)]);
  options(control.label, ["any", ...data.labels]);
  options(control.length, LENGTHS.map(([name]) => name));
  options(control.order, Object.keys(ORDERS));
  control.pair.addEventListener("change", () => { control.right.selectedIndex = 0; });
  document.getElementById("filters").addEventListener("input", show);
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", showMore);
  show();
})();
