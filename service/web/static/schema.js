// Schemas of the OpenAPI page in words, and examples of what fits them.

import { element } from "./element.js";
import { say, whole } from "./words.js";

const DEEPEST = 4; // levels of a schema that are shown

export class Schemas {
  #known;

  constructor(page) {
    this.#known = page.components?.schemas ?? {};
  }

  // Returns what a schema describes as a list of fields, those inside of fields below them.
  view(schema, depth = 0) {
    const inner = this.#inner(schema);
    const fields = Object.entries(inner.properties ?? {});
    if (!fields.length || depth === DEEPEST) return null;
    const items = fields.map(([name, field]) =>
      element(
        "li",
        {},
        element("code", {}, name),
        element(
          "span",
          { class: "type" },
          this.#type(field) + (inner.required?.includes(name) ? "" : `, ${say("docs.optional")}`),
        ),
        prose(this.#resolved(field).description ?? field.description),
        this.view(field, depth + 1),
      ),
    );
    return element("ul", { class: "schema" }, ...items);
  }

  // Returns one value that fits, as the service's own example has it or else made from the types.
  example(schema, depth = 0) {
    const found = this.#resolved(schema);
    if (found.examples?.length) return found.examples[0];
    if (found.default !== undefined) return found.default;
    if (found.enum) return found.enum[0];
    if (found.type === "array") return depth < DEEPEST ? [this.example(found.items ?? {}, depth + 1)] : [];
    if (found.type !== "object") return { string: "…", integer: 1, number: 0.5, boolean: true }[found.type] ?? null;
    const fields = Object.entries(found.properties ?? {}).filter(([name]) => found.required?.includes(name));
    return Object.fromEntries(fields.map(([name, field]) => [name, this.example(field, depth + 1)]));
  }

  // Follows references, and takes what is not null of "this or null".
  #resolved(schema) {
    if (schema.$ref) return this.#resolved(this.#known[schema.$ref.split("/").at(-1)] ?? {});
    const choices = (schema.anyOf ?? schema.oneOf ?? schema.allOf ?? []).filter(({ type }) => type !== "null");
    return choices.length ? { ...this.#resolved(choices[0]), ...described(schema) } : schema;
  }

  #inner(schema) {
    const found = this.#resolved(schema);
    return found.type === "array" ? this.#inner(found.items ?? {}) : found;
  }

  #type(schema) {
    const found = this.#resolved(schema);
    const name =
      found.type === "array" ? say("docs.list_of", { type: this.#type(found.items ?? {}) }) : (found.type ?? "any");
    const empty = schema.anyOf?.some(({ type }) => type === "null") ? ` ${say("docs.or_null")}` : "";
    return [name + empty, limits(found)].filter(Boolean).join(", ");
  }
}

function described({ description, examples, default: standard }) {
  return Object.fromEntries(
    Object.entries({ description, examples, default: standard ?? undefined }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

function limits(schema) {
  const from = schema.minimum ?? schema.minLength ?? schema.minItems;
  const to = schema.maximum ?? schema.maxLength ?? schema.maxItems;
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (from === undefined && to === undefined) return "";
  if (to === undefined) return `≥ ${whole(from)}`;
  return from === undefined ? `≤ ${whole(to)}` : `${whole(from)}–${whole(to)}`;
}

// Returns a description with its `code` as such; it is in English whatever the page speaks.
export function prose(text) {
  if (!text) return null;
  const parts = text.split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
  return element("p", { lang: "en" }, ...parts);
}
