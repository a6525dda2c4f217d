"""docs/results.md: its parts, each written anew without the others being made again."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.results.ablation import ablation
from training.results.reference import reference
from training.results.shipped import shipped


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page is made from.

    Attributes:
        runs: the directory of all runs.
        out: the Markdown file.
        train: whether runs that are not there are trained; else the page shows those that are.
    """

    runs: Path
    out: Path
    train: bool = True


PARTS: dict[str, Callable[[Asked], Iterator[str]]] = {
    "reference": lambda asked: reference(asked.runs / "reference", asked.out),
    "ablation": lambda asked: ablation(asked.runs, train=asked.train),
    "shipped": lambda _: iter([shipped()]),
}
"""The parts of the page in their order; each gives its text, several times where it takes long."""

_TITLE = "# Results\n\nWritten by `python -m training results`; finished runs are not trained again.\n"
_MARK = re.compile(r"^<!-- (\w+) -->\n", re.MULTILINE)


def make_results(asked: Asked, parts: Sequence[str] = tuple(PARTS)) -> None:
    """Write the parts of the page, and leave the others as they are."""
    for name in parts:
        for text in PARTS[name](asked):
            _replace(asked.out, name, text)


def _replace(page: Path, name: str, text: str) -> None:
    written = _MARK.split(page.read_text(encoding="utf-8"))[1:] if page.exists() else []
    texts = {**dict(zip(written[::2], written[1::2], strict=True)), name: text.strip() + "\n"}
    body = "".join(f"\n<!-- {each} -->\n{texts[each].strip()}\n" for each in PARTS if each in texts)
    page.write_text(_TITLE + body, encoding="utf-8")
