// The two pictures of lines: how each model's mind changed as it read, and how much it remembers.

import { lineChart } from "./lines.js";
import { called, percent, say, shortPercent } from "./words.js";

const LEAST = 1e-4; // of the largest memory; less is drawn at the bottom

export function trajectoryChart(host, { models, label, labels }, axis) {
  const [low, high] = labels.length === 2 ? labels.filter((other) => other !== label).concat(label) : ["", label];
  const lines = models.map((model, place) => ({
    name: model.model,
    place,
    values: axis.lasts(model, model.trajectory),
  }));
  const mark = lineChart(host, {
    lines,
    height: 190,
    at: (value) => value,
    shown: percent,
    rules: [
      { value: 0, label: called("labels", low) || "0%" },
      { value: 0.5, label: "50%", strong: true },
      { value: 1, label: called("labels", high) },
    ],
    columns: axis.pieces.map(({ text }) => text),
    caption: say("home.pieces", { count: axis.length }),
    said: say("home.trajectory_said", { label: called("labels", label), lines: ends(lines, percent) }),
    onhover: (column) => axis.hover(column),
  });
  axis.listen(mark);
}

// Draws how much the answer (`of` = answer) or the last state of a layer (state) depends on what was read before.
export function memoryChart(host, models, of) {
  const lines = models.flatMap((model, place) => memories(model, of).map((memory) => ({ ...memory, place })));
  if (!lines.length) return host.replaceChildren(say("gates.none"));
  const mark = lineChart(host, {
    lines,
    height: 170,
    at: (value) => 1 + Math.log10(Math.max(value, LEAST)) / -Math.log10(LEAST),
    shown: remaining,
    rules: [1, 0.1, 0.01, 0.001, LEAST].map((value) => ({ value, label: shortPercent(value), strong: value === 1 })),
    columns: null,
    caption: say("home.steps_back"),
    said: say("home.memory_said", { lines: ends(lines, remaining) }),
    onhover: (column) => mark(column),
  });
  return mark;
}

function memories(model, of) {
  if (of === "answer") return [{ name: model.model, values: relative(model.memory) }];
  return model.layers.map((layer) => ({ name: layerName(model, layer), values: relative(layer.memory) }));
}

// Returns the name of a model, with the number of a layer and its direction where it has several; short, for phones.
function layerName({ model, layers }, { layer, direction }) {
  const number = layers.some((other) => other.layer !== layer) ? ` ${layer}` : "";
  const arrow = layers.some((other) => other.direction !== direction) ? { forward: "→", backward: "←" }[direction] : "";
  return model + number + arrow;
}

function relative(values) {
  const largest = Math.max(...values);
  return values.map((value) => (largest > 0 ? value / largest : 0));
}

const remaining = (share) => (share < LEAST ? `<${shortPercent(LEAST)}` : shortPercent(share));

const ends = (lines, written) =>
  lines.map(({ name, values }) => `${name} ${written(values.findLast((value) => value !== null))}`).join(", ");
