// The words of a text below a picture, each under its column, written downwards as Korean may be.

import { drawn } from "./element.js";

const NARROWEST = 13; // pixels of a column that has room for a word
const CHARACTERS = 5; // of a word; what is longer is cut
const CHARACTER = 14; // pixels downwards that one of them takes

// Returns a text for each column and how many pixels high they are; none where columns are too narrow.
export function labels(words, left, column) {
  if (column < NARROWEST) return { texts: [], height: 0 };
  const shown = words.map((word) => {
    const characters = Array.from(word);
    return characters.length > CHARACTERS ? [...characters.slice(0, CHARACTERS - 1), "…"] : characters;
  });
  const texts = shown.map((characters, place) =>
    drawn("text", { class: "word", x: left + (place + 0.5) * column, y: 0 }, characters.join("")),
  );
  return { texts, height: CHARACTER * Math.max(...shown.map(({ length }) => length)) };
}

// Marks the word of a column; null marks none.
export function choose(texts, column) {
  texts.forEach((text, place) => text.classList.toggle("chosen", place === column));
}
