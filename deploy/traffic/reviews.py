"""Reviews whose label is known: the NSMC test split, which is fetched if it is not there, or a TSV of one's own."""

import gzip
import hashlib
import os
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from deploy.traffic.errors import TrafficError

NSMC_PATH = "nsmc/ratings_test.txt"
NSMC_URL = "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt"
NSMC_SHA256 = "8ac9f64052f11dbf6ae0acb5e038f03d90a76f0eda7820cfb3a92d02edfcebda"

_TIMEOUT_S = 60


class Review(NamedTuple):
    """A text with its true label, as the models name it."""

    text: str
    label: str


class Columns(NamedTuple):
    """Where a table has its texts and labels, and what the models call these labels; others are taken as they are."""

    text: str
    label: str
    names: Mapping[str, str]


def nsmc_test(directory: Path | None = None) -> Path:
    """Return the file of the NSMC test split (Lucy Park, CC0), fetching it if need be.

    Args:
        directory: where the data lies; None for NUNCHI_DATA_DIR, else `data`.

    Raises:
        TrafficError: if it cannot be fetched, or is not the file that it should be.
    """
    path = (directory or Path(os.environ.get("NUNCHI_DATA_DIR") or "data")) / NSMC_PATH
    for known in (path, path.with_name(path.name + ".gz")):
        if known.is_file():
            return known
    print(f"{path} is not there; fetching {NSMC_URL}", file=sys.stderr)
    try:
        with urllib.request.urlopen(NSMC_URL, timeout=_TIMEOUT_S) as answer:
            content: bytes = answer.read()
    except OSError as error:
        raise TrafficError(f"{NSMC_URL} cannot be fetched ({error}); name a table of your own with --file") from error
    if (found := hashlib.sha256(content).hexdigest()) != NSMC_SHA256:
        raise TrafficError(f"{NSMC_URL} has the SHA-256 {found[:12]}…, expected {NSMC_SHA256[:12]}…")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)
    return path


def read_reviews(path: Path, columns: Columns) -> list[Review]:
    """Return the rows of a table in UTF-8, its cells parted by tabs, its first line naming them; blank texts left out.

    Raises:
        TrafficError: if it is not such a table.
    """
    head, *lines = (line.removesuffix("\r") for line in _text(path).removesuffix("\n").split("\n"))
    names = head.split("\t")
    for column in columns[:2]:
        if column not in names:
            raise TrafficError(f"{path} has no column {column}, only {', '.join(names)}; see --help")
    text, label = names.index(columns.text), names.index(columns.label)
    reviews = []
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        if len(cells) != len(names):
            raise TrafficError(f"{path}, line {number}: {len(cells)} cells, but the first line has {len(names)}")
        if cells[text].strip():
            reviews.append(Review(cells[text], columns.names.get(cells[label], cells[label])))
    return reviews


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise TrafficError(f"{path} cannot be read: {error}") from error
    if not text:
        raise TrafficError(f"{path} is empty")
    return text
