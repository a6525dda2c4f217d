// The pieces of a text over which all pictures are drawn: wherever any model cuts the text, all pictures cut it.

export class Axis {
  #listeners = [];
  #hovered = null;
  #pinned = null;

  // `models` as POST /explain gives them; their offsets count code points, which JavaScript's strings do not.
  constructor(text, models) {
    this.characters = Array.from(text);
    const edges = new Set(models.flatMap((model) => model.tokens.flatMap(({ start, end }) => [start, end])));
    const sorted = [...edges].sort((one, other) => one - other);
    const read = new Set(); // every place at which a piece starts that some token covers
    for (const { start, end } of models.flatMap((model) => model.tokens)) {
      for (let place = start; place < end; place += 1) read.add(place);
    }
    this.pieces = sorted
      .slice(1)
      .map((end, place) => ({ start: sorted[place], end }))
      .filter(({ start }) => read.has(start))
      .map(({ start, end }) => ({ start, end, text: this.text(start, end) }));
    this.places = new Map(models.map((model) => [model, this.#placesOf(model)]));
  }

  get length() {
    return this.pieces.length;
  }

  text(start, end) {
    return this.characters.slice(start, end).join("");
  }

  // Returns the tokens of a model in which a piece lies, by their numbers; none beyond the end of what it read.
  tokensAt(model, piece) {
    return this.places.get(model)[piece];
  }

  // Returns, for each piece, the last of the values of its tokens; null where there is none.
  lasts(model, values) {
    return this.places.get(model).map((tokens) => (tokens.length ? values[tokens.at(-1)] : null));
  }

  get selected() {
    return this.#hovered ?? this.#pinned;
  }

  // Shows a piece as long as the pointer is on it.
  hover(piece) {
    this.#hovered = piece;
    this.#tell();
  }

  // Shows a piece until another one is.
  pin(piece) {
    this.#pinned = piece;
    this.#hovered = null;
    this.#tell();
  }

  listen(listener) {
    this.#listeners.push(listener);
    listener(this.selected);
  }

  #tell() {
    for (const listener of this.#listeners) listener(this.selected);
  }

  #placesOf(model) {
    const places = this.pieces.map(() => []);
    let first = 0;
    model.tokens.forEach((token, number) => {
      while (first < this.length && this.pieces[first].end <= token.start) first += 1;
      for (let place = first; place < this.length && this.pieces[place].start < token.end; place += 1) {
        places[place].push(number);
      }
    });
    return places;
  }
}
