"""The behaviour tests as they stand in their file: sentences, each with what is expected of the answer."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, fields
from pathlib import Path

from training.errors import DataError
from training.tables import read_text

CASES = Path(__file__).parent / "behaviour_cases.tsv"

CATEGORIES = (
    *("negation", "contrast", "long_range", "spacing", "typos"),
    *("slang", "neutral", "sarcasm", "comparison", "names"),
)
TYPES = ("expectation", "invariance", "direction")
LABELS = ("negative", "positive", "neutral")


@dataclass(frozen=True, slots=True)
class Case:
    """One sentence; the attributes are the columns of the file, in order.

    Attributes:
        id: names it in reports.
        category: what it is about, one of `CATEGORIES`.
        type: expectation (the answer is `label`), invariance (the answer is that of `base_text`) or direction (the
            probability moves from that of `base_text` towards `label`); Ribeiro et al. 2020, arXiv:2005.04118.
        label: negative, positive, or (for an expectation) neutral; of an invariance, the answer that is right.
        text: the sentence.
        base_text: what it is compared with; empty for an expectation.
        pair_id: the same for two sentences that differ in little and mean the opposite; empty without a pair.
        note: what it is a test of.
    """

    id: str
    category: str
    type: str
    label: str
    text: str
    base_text: str
    pair_id: str
    note: str


@dataclass(frozen=True, slots=True)
class Suite:
    """All cases, and the first 12 digits of the SHA-256 of their file."""

    cases: tuple[Case, ...]
    digest: str


def read_suite(path: Path = CASES) -> Suite:
    """Read cases: tab-separated, one a line below a header, nothing quoted.

    Raises:
        DataError: if the file cannot be read, or a case is incomplete, contradicts itself, or is there twice; with
            the line.
    """
    content = read_text(path)
    header, *lines = content.splitlines() or [""]
    columns = [each.name for each in fields(Case)]
    if header.split("\t") != columns:
        raise DataError(path, f"the header must be {', '.join(columns)}, separated by tabs", 1)
    cases: list[Case] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=2):
        case = _case(path, number, line.split("\t"))
        for value in (case.id, case.text):
            if (first := seen.setdefault(value, number)) != number:
                raise DataError(path, f"{value!r} is in line {first} already", number)
        cases.append(case)
    if not cases:
        raise DataError(path, "holds no case")
    _check_pairs(path, cases)
    return Suite(tuple(cases), hashlib.sha256(content.encode()).hexdigest()[:12])


def _case(path: Path, line: int, cells: list[str]) -> Case:
    if len(cells) != len(fields(Case)):
        raise DataError(path, f"{len(cells)} cells, {len(fields(Case))} are needed", line)
    case = Case(*cells)
    for column, known in (("category", CATEGORIES), ("type", TYPES), ("label", LABELS)):
        if getattr(case, column) not in known:
            raise DataError(path, f"{column} {getattr(case, column)!r} is none of {', '.join(known)}", line)
    if not case.id.strip() or not case.text.strip():
        raise DataError(path, "id and text are needed", line)
    if fault := _contradiction(case):
        raise DataError(path, fault, line)
    return case


def _contradiction(case: Case) -> str:
    """Return what in a case does not go together, or an empty text."""
    expectation = case.type == "expectation"
    if expectation == bool(case.base_text):
        return f"an {case.type} has no base_text" if expectation else f"an {case.type} needs a base_text"
    if case.text == case.base_text:
        return "text and base_text are the same"
    if case.label == "neutral" and (not expectation or case.pair_id):
        return "only an expectation without a pair can be neutral"
    return "" if expectation or not case.pair_id else "only expectations make pairs"


def _check_pairs(path: Path, cases: list[Case]) -> None:
    pairs = defaultdict(list)
    for line, case in enumerate(cases, start=2):
        if case.pair_id:
            pairs[case.pair_id].append((line, case))
    for name, members in pairs.items():
        labels = {case.label for _, case in members}
        if len(members) != 2 or len(labels) != 2 or len({case.category for _, case in members}) != 1:
            found = " and ".join(f"{case.label} {case.category}" for _, case in members)
            reason = f"pair {name!r} must be a positive and a negative case of one category, found {found}"
            raise DataError(path, reason, members[-1][0])
