// A text in the address of the page: behind the #, which browsers send to nobody, so that no log ever holds it.

// Returns what the address holds.
export function shared() {
  const found = new URLSearchParams(location.hash.slice(1));
  return { text: found.get("text") ?? "", models: found.get("models")?.split(",").filter(Boolean) ?? null };
}

// Returns the address of the page with a text and, where they were chosen, models.
export function addressOf(text, models) {
  return `${location.origin}${location.pathname}#${fragment(text, models)}`;
}

// Leaves a text in the address, so that it is still there in the other language.
export function keep(text, models) {
  history.replaceState(null, "", `${location.pathname}${text ? `#${fragment(text, models)}` : ""}`);
}

function fragment(text, models) {
  const held = new URLSearchParams({ text });
  if (models) held.set("models", models.join(","));
  return held.toString();
}
