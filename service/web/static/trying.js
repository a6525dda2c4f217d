// Tries an operation of the API from the page: fields for what it takes, then its answer as it came.

import { byId, element } from "./element.js";
import { milliseconds, say } from "./words.js";

const LONGEST = 20_000; // characters of an answer that are shown

// Returns a form; `schemas` makes the example of the body.
export function trialOf(method, path, operation, schemas) {
  const fields = (operation.parameters ?? []).map((parameter) => field(parameter));
  const taken = operation.requestBody?.content?.["application/json"]?.schema;
  const example = taken ? JSON.stringify(schemas.example(taken), null, 2) : "";
  const rows = Math.min(14, example.split("\n").length);
  const body = taken ? element("textarea", { rows, spellcheck: "false", dir: "auto" }, example) : null;
  const curl = element("pre", { tabindex: "0", role: "region", "aria-label": "curl" });
  const output = element("div", { class: "output", role: "status" });
  const form = element(
    "form",
    { class: "trial" },
    ...fields.map(({ label }) => label),
    body ? element("label", {}, element("span", {}, say("docs.body")), body) : null,
    element("button", { type: "submit", class: "primary" }, say("docs.send")),
    element("details", {}, element("summary", {}, "curl"), curl),
    output,
  );
  const made = () => requestOf(method, path, fields, body?.value);
  const tell = () => (curl.textContent = asCurl(made()));
  form.addEventListener("input", tell);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(made(), output);
  });
  tell();
  return form;
}

function field({ name, in: where, required, schema }) {
  const input = schema?.enum
    ? element(
        "select",
        {},
        ...(required ? [] : [element("option", { value: "" })]),
        ...schema.enum.map((value) => element("option", {}, value)),
      )
    : element("input", { required, autocomplete: "off", spellcheck: "false" });
  const label = element(
    "label",
    {},
    element("span", {}, element("code", {}, name), ` ${say(`docs.in_${where}`)}`),
    input,
  );
  return { name, where, input, label };
}

function requestOf(method, path, fields, body) {
  const given = fields.filter(({ input }) => input.value !== "");
  const of = (where) => given.filter((one) => one.where === where).map(({ name, input }) => [name, input.value]);
  const filled = of("path").reduce((done, [name, value]) => done.replace(`{${name}}`, encodeURIComponent(value)), path);
  const query = new URLSearchParams(of("query")).toString();
  const key = byId("key").querySelector("input").value;
  const headers = Object.fromEntries(of("header"));
  if (key) headers.authorization = `Bearer ${key}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  return { method: method.toUpperCase(), url: filled + (query && `?${query}`), headers, body };
}

// A key is never written into a command: it would end up in the history of a shell.
function asCurl({ method, url, headers, body }) {
  const words = [
    "curl",
    method === "GET" || (method === "POST" && body !== undefined) ? "" : `-X ${method}`,
    quoted(location.origin + url),
  ];
  for (const [name, value] of Object.entries(headers)) {
    if (name !== "content-type")
      words.push(`-H ${name === "authorization" ? '"Authorization: Bearer $KEY"' : quoted(`${name}: ${value}`)}`);
  }
  if (body !== undefined) words.push(`-d ${quoted(body)}`);
  return words.filter(Boolean).join(" ");
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

async function send({ method, url, headers, body }, output) {
  const started = performance.now();
  try {
    const answer = await fetch(url, { method, headers, body });
    const text = await answer.text();
    if ([401, 403].includes(answer.status)) byId("key").hidden = false;
    const took = say("docs.took", { time: milliseconds(performance.now() - started) });
    const type = answer.headers.get("content-type") ?? "";
    output.replaceChildren(
      element(
        "p",
        {},
        element("b", {}, `${answer.status} ${answer.statusText}`),
        ` · ${took} · `,
        element("code", {}, type),
      ),
      element("pre", { tabindex: "0", role: "region", "aria-label": say("docs.answer") }, pretty(text, type)),
    );
  } catch (error) {
    const kind = error instanceof TypeError ? "network" : "failed";
    output.replaceChildren(element("p", { class: "problem" }, say(`problems.${kind}`)));
  }
}

function pretty(text, type) {
  let written = text;
  if (type.includes("json")) {
    try {
      written = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // it is shown as it came
    }
  }
  return written.length > LONGEST
    ? `${written.slice(0, LONGEST)}\n… ${say("docs.longer", { count: written.length })}`
    : written;
}
