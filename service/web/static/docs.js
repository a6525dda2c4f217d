// The page of the API: made from /openapi.json, with a form to try every operation.

import { get } from "./asking.js";
import { byId, element } from "./element.js";
import { prose, Schemas } from "./schema.js";
import { trialOf } from "./trying.js";
import { say } from "./words.js";

async function start() {
  let page;
  try {
    page = await get("/openapi.json");
  } catch (problem) {
    byId("problem").replaceChildren(element("p", { class: "problem" }, say(`problems.${problem.kind ?? "failed"}`)));
    return;
  }
  const schemas = new Schemas(page);
  byId("operations").replaceChildren(...groups(page).map(([tag, operations]) => group(tag, operations, schemas)));
  open();
  addEventListener("hashchange", open);
}

function groups({ paths }) {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return [...Map.groupBy(all, ({ operation }) => operation.tags?.[0] ?? "")];
}

function group(tag, operations, schemas) {
  return element("section", {}, element("h2", {}, tag), ...operations.map((one) => operationOf(one, schemas)));
}

// An operation is made when it is opened: most never are.
function operationOf({ path, method, operation }, schemas) {
  const content = element("div", { class: "content" });
  const details = element(
    "details",
    { class: "operation", id: `${method}${path}` },
    element(
      "summary",
      {},
      element("span", { class: `method ${method}` }, method.toUpperCase()),
      element("code", {}, path),
      element("span", { class: "what", lang: "en" }, (operation.description ?? operation.summary ?? "").split("\n")[0]),
    ),
    content,
  );
  details.addEventListener("toggle", () => {
    if (!details.open || content.childElementCount) return;
    content.append(...contentOf(method, path, operation, schemas));
  });
  return details;
}

function contentOf(method, path, operation, schemas) {
  const taken = operation.requestBody?.content?.["application/json"]?.schema;
  const rest = (operation.description ?? "").split("\n").slice(1).join("\n").trim();
  const parameters = operation.parameters ?? [];
  return [
    prose(rest),
    element("h3", {}, say("docs.try")),
    trialOf(method, path, operation, schemas),
    parameters.length ? element("h3", {}, say("docs.parameters")) : null,
    parameters.length ? parameterList(parameters) : null,
    taken ? element("h3", {}, say("docs.takes")) : null,
    taken ? schemas.view(taken) : null,
    element("h3", {}, say("docs.answers")),
    element(
      "ul",
      { class: "answers-list" },
      ...Object.entries(operation.responses).map(([status, answer]) => answerOf(status, answer, schemas)),
    ),
  ].filter(Boolean);
}

function parameterList(parameters) {
  const items = parameters.map(({ name, in: where, required, description }) =>
    element(
      "li",
      {},
      element("code", {}, name),
      element("span", { class: "type" }, say(`docs.in_${where}`) + (required ? "" : `, ${say("docs.optional")}`)),
      prose(description),
    ),
  );
  return element("ul", { class: "schema" }, ...items);
}

function answerOf(status, { description, content = {} }, schemas) {
  const [[type, { schema } = {}] = []] = Object.entries(content);
  const fields = schema && Number(status) < 300 ? schemas.view(schema) : null;
  return element(
    "li",
    {},
    element("b", {}, status),
    element("span", { class: "type" }, type ?? ""),
    prose(description),
    fields,
  );
}

// Opens the operation that the address names, such as #post/predict.
function open() {
  const named = byId(decodeURIComponent(location.hash.slice(1)));
  if (named?.matches("details")) {
    named.open = true;
    named.scrollIntoView();
  }
}

start();
