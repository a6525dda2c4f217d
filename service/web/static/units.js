// One gate of a layer, unit by unit: a column for each piece of the text, a line for each unit.

import { element } from "./element.js";
import { say } from "./words.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

// `values`: for each token a number for each unit; `places`: the tokens of each piece; `open`: 0 to 1, else signed.
export function unitPicture(gate, values, places, open) {
  const units = values[0].length;
  const canvas = element("canvas", {
    width: places.length,
    height: units,
    role: "img",
    "aria-label": say("gates.units_said", { gate: say(`gates.${gate}`), count: units }),
  });
  const full = open ? 1 : Math.max(1e-6, ...values.flat().map(Math.abs));
  const paint = () => canvas.isConnected && painted(canvas, values, places, full);
  dark.addEventListener("change", paint);
  requestAnimationFrame(paint);
  return element(
    "figure",
    {},
    canvas,
    element("figcaption", { class: "note" }, say(open ? "gates.units_open" : "gates.units_signed", { count: units })),
  );
}

function painted(canvas, values, places, full) {
  const style = getComputedStyle(canvas);
  const [above, under] = ["--unit-above", "--unit-below"].map((name) => style.getPropertyValue(name).trim());
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  places.forEach((tokens, piece) => {
    if (!tokens.length) return;
    values[tokens.at(-1)].forEach((value, unit) => {
      context.fillStyle = value < 0 ? under : above;
      context.globalAlpha = Math.min(1, Math.abs(value) / full);
      context.fillRect(piece, unit, 1, 1);
    });
  });
}
