// All figures of the pictures as one table: to be read, heard or copied.

import { named } from "./answers.js";
import { element } from "./element.js";
import { METHODS } from "./reading.js";
import { percent, points, say } from "./words.js";

export function figuresTable(models, axis, method) {
  const values = models.map((model) => METHODS[method](model));
  const head = models.flatMap((model) => [
    say("home.table_after", { model: named(model) }),
    say("home.table_effect", { model: named(model) }),
  ]);
  const rows = axis.pieces.map((piece, place) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, element("bdi", {}, piece.text)),
      ...models.flatMap((model, number) => cells(axis.tokensAt(model, place), model.trajectory, values[number])),
    ),
  );
  const heads = [say("home.table_piece"), ...head].map((text) => element("th", { scope: "col" }, text));
  return element(
    "div",
    { class: "wide", tabindex: "0", role: "region", "aria-label": say("home.table") },
    element(
      "table",
      {},
      element("caption", { class: "unseen" }, say("home.table")),
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...rows),
    ),
  );
}

function cells(tokens, trajectory, values) {
  if (!tokens.length) return [element("td", {}, "–"), element("td", {}, "–")];
  const effect = tokens.reduce((sum, token) => sum + values[token], 0);
  return [element("td", {}, percent(trajectory[tokens.at(-1)])), element("td", {}, points(effect))];
}
