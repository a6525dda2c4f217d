"""Pieces of pages as markup; whatever they are given is text and cannot become markup."""

from collections.abc import Sequence
from html import escape

from service.web.words import Words


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose rows begin with their head; it scrolls by itself where the page is narrow.

    Args:
        caption: what it shows, as text.
        columns: heads of the columns, as text.
        rows: cells, as markup.
    """
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def section(title: str, body: str) -> str:
    """Return a section; `title` is text, `body` markup."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def badge(state: str, words: Words) -> str:
    """Return a state as a word with a mark, so that colour is not all that tells."""
    return f'<span class="badge {escape(state)}">{words.known("states", state)}</span>'


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Return names, as text, with what they are, as markup."""
    return f'<dl class="facts">{"".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in rows)}</dl>'
