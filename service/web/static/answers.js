// What every model says, side by side.

import { element } from "./element.js";
import { called, list, milliseconds, percent, say } from "./words.js";

export const named = ({ model, version }) => `${model}/${version}`;

// Returns one sentence on whether the models agree.
export function agreementOf({ models, agreement }) {
  const label = called("labels", agreement.label);
  if (models.length === 1) return say("home.one_says", { model: models[0].model, label });
  if (agreement.unanimous) return say("home.all_say", { count: models.length, label });
  const those = (kept) => list(models.filter(kept).map((model) => model.model));
  const others = those((model) => model.label !== agreement.label);
  if (agreement.share > 0.5) return say("home.most_say", { others, label });
  return say("home.divided", { models: those((model) => model.label === agreement.label), others, label });
}

// Returns what a screen reader says once the answers are there.
export function spoken(comparison) {
  const answers = comparison.models.map(
    ({ model, label, score }) => `${model}: ${called("labels", label)} ${percent(score)}`,
  );
  return `${agreementOf(comparison)} ${answers.join(", ")}`;
}

export function answerCards({ models }) {
  return models.map((model, place) =>
    element(
      "li",
      { class: `answer series-${place % 6}` },
      element("h3", {}, element("span", { class: "key", "aria-hidden": "true" }), named(model)),
      element("p", { class: "said" }, called("labels", model.label), " ", element("b", {}, percent(model.score))),
      scale(model),
      element("p", { class: "aside" }, aside(model)),
    ),
  );
}

// Two labels share one bar, from the first to the second; of more, each has its own.
function scale({ scores, label }) {
  const labels = Object.entries(scores);
  if (labels.length !== 2) {
    return element("ul", { class: "bars" }, ...labels.map(([name, score]) => bar(name, score, name === label)));
  }
  const [[first], [second, score]] = labels;
  const mark = element("i", {});
  mark.style.setProperty("inset-inline-start", `${100 * score}%`);
  return element(
    "div",
    { class: "scale", "aria-hidden": "true" },
    element("div", { class: "track" }, mark),
    element("span", {}, called("labels", first)),
    element("span", {}, called("labels", second)),
  );
}

function bar(name, score, best) {
  const filled = element("i", {});
  filled.style.setProperty("inline-size", `${100 * score}%`);
  const words = element("span", {}, `${called("labels", name)} ${percent(score)}`);
  return element("li", { class: best ? "best" : null }, words, element("div", { class: "track" }, filled));
}

function aside(model) {
  const parts = [
    say("home.time", { time: milliseconds(model.time_ms) }),
    say("home.tokens", { count: model.tokens }),
    model.unknown_tokens ? say("home.unknown", { count: model.unknown_tokens }) : null,
    model.truncated ? say("home.truncated") : null,
    model.uncertain ? say("home.uncertain") : null,
  ];
  return parts.filter(Boolean).join(" · ");
}
