// The page that sets models side by side: a text in, the answers out, and then why.

import { agreementOf, answerCards, spoken } from "./answers.js";
import { get, post, Problem } from "./asking.js";
import { byId, element } from "./element.js";
import { EXAMPLES } from "./examples.js";
import { Choice } from "./models.js";
import { addressOf, keep, shared } from "./sharing.js";
import { Why } from "./why.js";
import { say, whole } from "./words.js";

const LONGEST = 5000; // code points of a text, as the service counts them

const text = byId("text");
const why = new Why();
let choice = null;
let shown = null; // what was asked for when the answers on the page were given
let asked = 0; // so that an answer that comes late does not replace a later one

async function compare() {
  const number = (asked += 1);
  const request = { text: text.value, models: choice?.names ?? null };
  busy(true);
  try {
    const problem = refusal(request.text);
    if (problem) throw problem;
    const comparison = await post("/compare", request);
    if (number === asked) show(request, comparison);
  } catch (problem) {
    if (number === asked) fail(problem);
    return;
  }
  try {
    const explanation = await why.ask(request);
    if (number === asked) why.show(request, explanation);
  } catch (problem) {
    if (number === asked) tell(problem); // the answers themselves stay
  }
  if (number === asked) busy(false);
}

function busy(is) {
  for (const id of ["ask", "why"]) byId(id).setAttribute("aria-busy", String(is));
}

function refusal(said) {
  if (!said.trim()) return new Problem("empty");
  return Array.from(said).length > LONGEST ? new Problem("too_long") : null;
}

function show(request, comparison) {
  shown = request;
  byId("problem").replaceChildren();
  byId("shared").hidden = true;
  byId("agreement").textContent = agreementOf(comparison);
  byId("answers").replaceChildren(...answerCards(comparison));
  byId("status").textContent = spoken(comparison);
  byId("results").hidden = false;
}

function fail(problem) {
  byId("results").hidden = true;
  tell(problem);
  busy(false);
  if (["empty", "too_long"].includes(problem.kind)) text.focus();
}

// Says in plain words what went wrong, and offers to try again where that may help.
function tell(problem) {
  if (!(problem instanceof Problem)) console.error(problem);
  const { kind = "failed", seconds = null, detail = "" } = problem;
  const again = ["busy", "not_ready", "slow", "network", "failed"].includes(kind);
  const wait = seconds ? ` ${say("problems.wait", { seconds: whole(seconds) })}` : "";
  const button = again ? element("button", { type: "button", onclick: compare }, say("problems.again")) : null;
  const told = kind === "refused" && detail ? element("p", { class: "aside", lang: "en" }, detail) : null;
  const words = element("p", {}, say(`problems.${kind}`) + wait);
  byId("problem").replaceChildren(element("div", { class: "problem" }, words, told, button));
  why.hide();
}

function count() {
  const characters = Array.from(text.value).length;
  byId("count").textContent = say("home.count", { count: whole(characters), limit: whole(LONGEST) });
  byId("count").classList.toggle("over", characters > LONGEST);
}

function exampleButtons() {
  return EXAMPLES.map(({ key, text: example }) => {
    const button = element("button", { type: "button", "aria-pressed": "false" }, say(`home.example_${key}`));
    button.addEventListener("click", () => {
      text.value = example;
      input();
      button.setAttribute("aria-pressed", "true");
      byId("hint").textContent = say(`home.hint_${key}`);
      compare();
    });
    return element("li", {}, button);
  });
}

function input() {
  count();
  byId("hint").textContent = "";
  for (const button of byId("examples").querySelectorAll("button")) button.setAttribute("aria-pressed", "false");
}

async function share() {
  const address = addressOf(shown.text, shown.models);
  const field = byId("shared").querySelector("input");
  byId("shared").hidden = false;
  field.value = address;
  field.select();
  const copied = await navigator.clipboard?.writeText(address).then(
    () => true,
    () => false,
  );
  byId("status").textContent = copied ? say("home.copied") : "";
  byId("shared").querySelector("span").textContent = copied ? say("home.copied") : say("home.link");
}

// Shows what the address holds, if it holds anything.
function open() {
  const held = shared();
  if (!held.text) return;
  text.value = held.text;
  input();
  compare();
}

async function start() {
  byId("examples").replaceChildren(...exampleButtons());
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    compare();
  });
  text.addEventListener("input", input);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) compare();
  });
  byId("share").addEventListener("click", share);
  for (const link of document.querySelectorAll(".language")) {
    link.addEventListener("click", () => {
      link.hash = new URL(addressOf(text.value, choice?.names ?? null)).hash;
    });
  }
  addEventListener("hashchange", open);
  count();
  choice = new Choice(await get("/models").catch(() => ({ models: [], default: "" })), shared().models);
  if (location.search) keep(shared().text, shared().models);
  open();
}

start();
