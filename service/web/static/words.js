// What the page says, in its language, and how it writes numbers.

const said = JSON.parse(document.getElementById("words").textContent);

export const language = document.documentElement.lang;

const shares = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const wholes = new Intl.NumberFormat(language);
const figures = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const differences = new Intl.NumberFormat(language, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
  signDisplay: "exceptZero",
});
const sizes = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const shortShares = new Intl.NumberFormat(language, { style: "percent", maximumSignificantDigits: 2 });
const times = new Intl.NumberFormat(language, { maximumSignificantDigits: 2 });

// Returns a text by its key, `section.key`, with values in place of its `{names}`.
export function say(key, values = {}) {
  const [section, name] = key.split(".");
  return said[section][name].replace(/\{(\w+)\}/g, (_, value) => values[value]);
}

// Returns what a name from the service, such as that of a label, is called; the name itself if nothing else.
export function called(section, name) {
  return Object.hasOwn(said[section], name) ? said[section][name] : name;
}

// Returns a piece of somebody's text to stand inside of a sentence: it cannot turn the sentence's direction.
export function quoted(text) {
  return `‘\u2068${text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")}\u2069’`;
}

export const percent = (share) => shares.format(share);
export const whole = (number) => wholes.format(number);
export const figure = (number) => figures.format(number);
export const points = (difference) => differences.format(100 * difference);
export const size = (difference) => sizes.format(100 * Math.abs(difference));
export const shortPercent = (share) => shortShares.format(share);
export const milliseconds = (time) => times.format(time);
export const list = (items) => new Intl.ListFormat(language, { type: "conjunction" }).format(items);
