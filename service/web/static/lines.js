// Lines over the pieces of a text, or over steps back from its end: one for each model, named where it ends.

import { drawn, element } from "./element.js";
import { choose, labels } from "./labels.js";

const TOP = 12; // pixels above the highest value
const LINE = 16; // pixels between two names at the ends of lines

// Draws lines into `host` and returns what moves the mark on them. Options:
//   lines   [{name, place, values}], a value for each column or null; `place` is the number of the model
//   height  pixels between the lowest and the highest value
//   at      turns a value into a height, 0 to 1
//   shown   writes a value
//   rules   [{value, label}], drawn across
//   columns what stands below each column; null: numbers, every few
//   caption what the columns are
//   said    what the picture shows, in words
//   onhover told of the column under the pointer, or null
export function lineChart(host, options) {
  const chart = new LineChart(host, options);
  return (column) => chart.mark(column);
}

class LineChart {
  #options;
  #box;
  #frame = null;
  #over = drawn("g"); // what follows the mark: all else stays as it was drawn
  #words = [];
  #marked = null;

  constructor(host, options) {
    this.#options = options;
    this.#box = element("div", { class: "lines" });
    host.replaceChildren(this.#box);
    new ResizeObserver(() => this.#draw()).observe(this.#box);
    this.#box.addEventListener("pointermove", (event) => this.#hover(event));
    this.#box.addEventListener("pointerdown", (event) => this.#hover(event));
    this.#box.addEventListener("pointerleave", () => options.onhover?.(null));
  }

  mark(column) {
    this.#marked = column !== null && column < this.#columns ? column : null;
    if (this.#frame) this.#drawOver();
  }

  get #columns() {
    return Math.max(...this.#options.lines.map(({ values }) => values.length));
  }

  #hover(event) {
    const { left, column } = this.#frame;
    const place = Math.floor((event.clientX - this.#box.getBoundingClientRect().left - left) / column);
    this.#options.onhover?.(place >= 0 && place < this.#columns ? place : null);
  }

  #draw() {
    const width = this.#box.clientWidth;
    if (width === 0) return;
    const style = getComputedStyle(this.#box);
    const [left, right] = ["--left", "--right"].map((name) => Number.parseFloat(style.getPropertyValue(name)));
    this.#frame = { left, right: width - right, column: (width - right - left) / this.#columns };
    const { height, said, lines } = this.#options;
    const below = labels(this.#options.columns ?? [], left, this.#frame.column);
    this.#words = below.texts;
    const picture = drawn(
      "svg",
      { role: "img", "aria-label": said, width, height: TOP + height + 12 + Math.max(below.height, 14) },
      ...this.#rules(),
      ...lines.map((line) => this.#line(line)),
      drawn("g", { transform: `translate(0 ${TOP + height + 6})` }, ...this.#words, ...this.#numbers()),
      this.#over,
    );
    this.#drawOver();
    this.#box.replaceChildren(picture);
  }

  #drawOver() {
    this.#over.replaceChildren(
      ...this.#mark(),
      ...this.#options.lines.map((line) => this.#dot(line)),
      ...this.#names(),
    );
    choose(this.#words, this.#marked);
  }

  #x(column) {
    return this.#frame.left + (column + 0.5) * this.#frame.column;
  }

  #y(value) {
    return TOP + this.#options.height * (1 - this.#options.at(value));
  }

  #rules() {
    const { left, right } = this.#frame;
    return this.#options.rules.flatMap(({ value, label, strong }) => {
      const y = this.#y(value);
      return [
        drawn("line", { class: strong ? "rule strong" : "rule", x1: left, x2: right, y1: y, y2: y }),
        drawn("text", { class: "tick", x: left - 8, y: y + 4, "text-anchor": "end" }, label),
      ];
    });
  }

  #line({ values, place }) {
    const points = values.map((value, column) => (value === null ? "" : `${this.#x(column)},${this.#y(value)}`));
    return drawn("polyline", { class: `line series-${place % 6}`, points: points.filter(Boolean).join(" ") });
  }

  #mark() {
    if (this.#marked === null) return [];
    const { left, column } = this.#frame;
    const x = left + this.#marked * column;
    return [drawn("rect", { class: "mark", x, y: TOP, width: Math.max(column, 2), height: this.#options.height })];
  }

  // Returns where a line is at the mark, or else ends: the column and the value.
  #shown(values) {
    if (this.#marked !== null && (values[this.#marked] ?? null) !== null) return [this.#marked, values[this.#marked]];
    const last = values.findLastIndex((value) => value !== null);
    return [last, values[last]];
  }

  #dot({ values, place }) {
    const [column, value] = this.#shown(values);
    return drawn("circle", { class: `dot series-${place % 6}`, cx: this.#x(column), cy: this.#y(value), r: 3.5 });
  }

  // Names every line with its value, none upon another.
  #names() {
    const { lines, shown, height } = this.#options;
    const ends = lines
      .map(({ name, place, values }) => ({ name, place, value: this.#shown(values)[1] }))
      .map((end) => ({ ...end, y: this.#y(end.value) }))
      .sort((one, other) => one.y - other.y);
    for (let place = 1; place < ends.length; place += 1) {
      ends[place].y = Math.max(ends[place].y, ends[place - 1].y + LINE);
    }
    const over = ends.length ? Math.max(0, ends.at(-1).y - (height + 14)) : 0;
    return ends.map(({ name, place, value, y }) =>
      drawn(
        "text",
        { class: `name series-${place % 6}`, x: this.#frame.right + 8, y: y + 4 - over },
        `${name} ${shown(value)}`,
      ),
    );
  }

  #numbers() {
    const { columns, caption } = this.#options;
    if (this.#words.length) return [];
    const { left, right } = this.#frame;
    const named = drawn("text", { class: "tick", x: (left + right) / 2, y: 14, "text-anchor": "middle" }, caption);
    if (columns) return [named];
    const ends = [0, this.#columns - 1].map((column) =>
      drawn("text", { class: "tick", x: this.#x(column), y: 14, "text-anchor": "middle" }, String(column)),
    );
    return [named, ...ends];
  }
}
