// Asks the service, and tells what went wrong by a name for which the page has plain words.

const BY_TYPE = {
  "urn:nunchi:problem:empty-text": "empty",
  "urn:nunchi:problem:not-explainable": "not_explainable",
  "urn:nunchi:problem:unknown-route": "no_why",
};
const BY_STATUS = {
  401: "key",
  403: "key",
  404: "unknown",
  413: "too_long",
  422: "refused",
  429: "busy",
  503: "not_ready",
  504: "slow",
};

export class Problem extends Error {
  constructor(kind, { seconds = null, detail = "" } = {}) {
    super(kind);
    this.kind = kind;
    this.seconds = seconds; // after which to ask again, if the service says so
    this.detail = detail; // what the service says, in English
  }
}

export function post(path, body) {
  const headers = { "content-type": "application/json" };
  return answered(path, { method: "POST", headers, body: JSON.stringify(body) });
}

export function get(path) {
  return answered(path, {});
}

async function answered(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
    if (answer.ok) return await answer.json();
  } catch {
    throw new Problem("network");
  }
  throw await problemOf(answer);
}

async function problemOf(answer) {
  const told = await answer.json().catch(() => ({}));
  const kind = BY_TYPE[told.type] ?? BY_STATUS[answer.status] ?? "failed";
  return new Problem(kind, { seconds: Number(answer.headers.get("retry-after")) || null, detail: told.detail ?? "" });
}
