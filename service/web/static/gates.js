// Inside the cells: for every recurrent layer, how far its gates were open and how much it held, token by token.

import { named } from "./answers.js";
import { drawn, element } from "./element.js";
import { choose, labels } from "./labels.js";
import { unitPicture } from "./units.js";
import { figure, quoted, say } from "./words.js";

const OPEN = new Set(["forget", "input", "output", "update", "reset"]); // shares, 0 to 1; all else has no limit

// Returns the rows of all models; `units` asks for every unit of a model and returns its layers.
export function gateRows(models, axis, units) {
  const largest = largestOf(models);
  const rows = models.map((model, place) =>
    element(
      "div",
      { class: `cells series-${place % 6}` },
      element("h3", {}, element("span", { class: "key", "aria-hidden": "true" }), named(model)),
      ...(model.layers.length
        ? model.layers.map((layer, number) =>
            layerRows({ model, layer, axis, largest, units: () => units(model).then((all) => all[number]) }),
          )
        : [element("p", { class: "note" }, say("gates.none"))]),
    ),
  );
  return [...rows, wordRow(axis)];
}

// Returns the words below all rows, and at their side the one that is pointed at.
function wordRow(axis) {
  const chosen = element("span", { class: "pointed", "aria-hidden": "true" });
  const picture = drawn("svg", { class: "words", "aria-hidden": "true" });
  let texts = [];
  const draw = () => {
    const found = labels(
      axis.pieces.map(({ text }) => text),
      0,
      picture.getBoundingClientRect().width / axis.length,
    );
    texts = found.texts;
    picture.setAttribute("height", String(found.height));
    picture.replaceChildren(...texts);
    choose(texts, axis.selected);
  };
  new ResizeObserver(draw).observe(picture);
  axis.listen((piece) => {
    choose(texts, piece);
    chosen.textContent = piece === null ? "" : quoted(axis.pieces[piece].text);
  });
  return element("div", { class: "gates" }, chosen, picture, element("span"));
}

// Returns for each name what full colour stands for: 1 for gates, else the largest value that any model has.
function largestOf(models) {
  const largest = {};
  for (const [gate, values] of models.flatMap((model) =>
    model.layers.flatMap((layer) => Object.entries(layer.gates)),
  )) {
    largest[gate] = OPEN.has(gate) ? 1 : Math.max(largest[gate] ?? 0.01, ...values);
  }
  return largest;
}

function layerRows({ model, layer, axis, largest, units }) {
  const several = model.layers.length > 1;
  const words = { layer: layer.layer, direction: say(`gates.${layer.direction}`) };
  const title = several ? element("h4", {}, say("gates.layer", words)) : null;
  const rows = Object.entries(layer.gates).flatMap(([gate, values]) =>
    gateRow({ model, gate, values, axis, units, full: largest[gate] }),
  );
  return element("div", { class: "gates" }, title, ...rows);
}

// Returns a row and the place, below it, for its units.
function gateRow({ model, gate, values, axis, units, full }) {
  const cells = axis.places.get(model);
  const cursor = drawn("rect", { class: "cursor", width: 1, height: 1, visibility: "hidden" });
  const picture = drawn(
    "svg",
    { class: "strip", viewBox: `0 0 ${axis.length} 1`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...cells.map((tokens, piece) => cell(tokens.length ? values[tokens.at(-1)] / full : null, piece)),
    cursor,
  );
  const value = element("span", { class: "value" });
  const below = element("div", { class: "units", hidden: true });
  const button = element(
    "button",
    { type: "button", class: "gate", "aria-expanded": "false", title: say(`gates.${gate}_does`) },
    say(`gates.${gate}`),
  );
  button.addEventListener("click", () => toggle(button, below, gate, axis, model, units));
  picture.addEventListener("pointermove", (event) => axis.hover(pieceUnder(event, picture, axis)));
  picture.addEventListener("pointerleave", () => axis.hover(null));
  axis.listen((piece) => {
    const token = piece === null ? null : cells[piece].at(-1);
    value.textContent = figure(token === null || token === undefined ? mean(values) : values[token]);
    cursor.setAttribute("x", piece ?? 0);
    cursor.setAttribute("visibility", piece === null ? "hidden" : "visible");
  });
  return [button, picture, value, below];
}

function cell(share, piece) {
  if (share === null) return null;
  return drawn("rect", { class: "cell", x: piece, width: 1, height: 1, "fill-opacity": share.toFixed(3) });
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function pieceUnder(event, picture, axis) {
  const box = picture.getBoundingClientRect();
  return Math.min(axis.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * axis.length)));
}

async function toggle(button, below, gate, axis, model, units) {
  const open = below.hidden;
  button.setAttribute("aria-expanded", String(open));
  below.hidden = !open;
  if (!open || below.childElementCount) return;
  try {
    const layer = await units();
    below.replaceChildren(unitPicture(gate, layer.per_unit[gate], axis.places.get(model), OPEN.has(gate)));
  } catch (problem) {
    below.replaceChildren(element("p", { class: "note", role: "alert" }, say(`problems.${problem.kind ?? "failed"}`)));
  }
}
