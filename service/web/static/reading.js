// The text as one model read it: each token coloured and underlined by what it did to the answer.

import { named } from "./answers.js";
import { element } from "./element.js";
import { points, quoted, say } from "./words.js";

const FELT = 0.06; // of full colour; less is not marked at all
const FAINTEST = 0.1; // full colour stands for this much at least, so that noise is not shown as if it mattered

export const METHODS = {
  occlusion: (model) => model.occlusion,
  gradients: (model) => model.integrated_gradients.values,
};

// Returns the change of probability that full colour stands for: the same for all models, so that they compare.
export function fullColour(models, method) {
  return Math.max(FAINTEST, ...models.flatMap((model) => METHODS[method](model).map(Math.abs)));
}

// Returns the text of one model; `place` is its number among all, `full` what full colour stands for.
export function reading(model, place, axis, { method, full, words }) {
  const values = METHODS[method](model);
  const tokens = merged(model.tokens, values).map((token) => ({ ...token, text: axis.text(token.start, token.end) }));
  const options = tokens.map((token, number) => option(token, `${place}-${number}`, full, words));
  const end = model.tokens.length ? model.tokens.at(-1).end : 0;
  const box = element("span", {
    role: "listbox",
    tabindex: "0",
    "aria-label": say("home.read_by", { model: named(model) }),
    class: "tokens",
  });
  let done = 0;
  for (const { token, node } of options) {
    box.append(axis.text(done, token.start), node);
    done = token.end;
  }
  connect(box, options, axis);
  const cut = model.truncated ? element("span", { class: "cut" }, axis.text(end, axis.characters.length)) : null;
  const note = model.truncated
    ? element("p", { class: "note" }, say("home.cut", { count: model.tokens.length }))
    : null;
  return element(
    "div",
    { class: `reading series-${place % 6}` },
    element("h3", {}, element("span", { class: "key", "aria-hidden": "true" }), named(model)),
    element("div", { class: "read", dir: "auto", lang: "ko" }, box, cut),
    note,
  );
}

// Joins tokens that stand for the same characters, such as the bytes of one emoji.
function merged(tokens, values) {
  const found = [];
  tokens.forEach(({ start, end, known }, number) => {
    const last = found.at(-1);
    if (last && last.start === start && last.end === end) last.value += values[number];
    else found.push({ start: Math.max(start, last?.end ?? 0), end, known, value: values[number] });
  });
  return found.filter(({ start, end }) => start < end);
}

function option(token, id, full, words) {
  const strength = Math.min(1, Math.abs(token.value) / full);
  const side = strength < FELT ? "neutral" : token.value > 0 ? "for" : "against";
  const node = element(
    "span",
    { role: "option", id: `token-${id}`, "aria-selected": "false", class: `token ${side}` },
    token.text,
  );
  node.style.setProperty("--strength", strength.toFixed(3));
  if (!token.known) node.classList.add("unknown");
  return { token, node, said: say(`home.does_${side}`, { ...words, points: points(token.value) }) };
}

// Lets the pointer and the keys go from token to token, and marks what any other picture shows.
function connect(box, options, axis) {
  const pieceOf = ({ token }) => axis.pieces.findIndex((piece) => token.start <= piece.start && piece.end <= token.end);
  const pieces = options.map(pieceOf);
  options.forEach(({ token, node, said }, number) => {
    node.setAttribute("aria-label", `${quoted(token.text)}: ${said}`);
    node.setAttribute("title", said);
    node.addEventListener("pointerenter", () => axis.hover(pieces[number]));
    node.addEventListener("click", () => axis.pin(pieces[number]));
  });
  box.addEventListener("pointerleave", () => axis.hover(null));
  box.addEventListener("keydown", (event) =>
    move(event, box, options.length, (number) => axis.pin(pieces[number] ?? null)),
  );
  axis.listen((shown) => mark(box, options, shown === null ? null : axis.pieces[shown]));
}

function mark(box, options, piece) {
  box.removeAttribute("aria-activedescendant");
  for (const { token, node } of options) {
    const here = piece !== null && token.start <= piece.start && piece.end <= token.end;
    node.setAttribute("aria-selected", String(here));
    if (here) box.setAttribute("aria-activedescendant", node.id);
  }
}

function move(event, box, count, pin) {
  const active = box.querySelector('[aria-selected="true"]');
  const now = active ? Number(active.id.split("-").at(-1)) : -1;
  const next = {
    ArrowRight: Math.min(now + 1, count - 1),
    ArrowLeft: Math.max(now - 1, 0),
    Home: 0,
    End: count - 1,
    Escape: null,
  }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  pin(next ?? -1);
}
