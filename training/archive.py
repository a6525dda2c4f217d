"""The further reviews, built from the archive of the repository of NSMC: its crawl, one JSON file for each movie.

Of all reviews, those of the official splits are left out, and so are those whose text stands in the test split. A run
of white space becomes one blank, empty reviews go, and the rest stands in the order of the reviews' numbers.
"""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from training.datasets import NSMC_TEST, NSMC_TRAIN, UNLABELLED, existing, undouble
from training.download import download, download_progress
from training.errors import DataError
from training.further import RATINGS, STARS
from training.tables import read_text

_REVIEWS = re.compile(r"nsmc-\w+/raw/[0-9]+\.json")
_MOST_FILES = 50_000
_MOST_BYTES_OF_A_FILE = 1 << 20
_MOST_BYTES = 512 << 20
"""Limits of what is unpacked, several times what the archive holds; nothing of it is written to the disk."""


@dataclass(frozen=True, slots=True)
class PublicArchive:
    """A ZIP archive of the repository, and the SHA-256 of both files that come of it.

    Archives are packed when they are asked for, so that their own hash may change; what they hold does not.
    """

    url: str
    texts_sha256: str
    stars_sha256: str


NSMC_ARCHIVE = PublicArchive(
    "https://github.com/e9t/nsmc/archive/cc0670e872d4ac27bfe36c87456783004b39ef6c.zip",
    "5de5780d78766bc148b83c80072c465293fe6afd9a58db7abb06b82dcc088a93",
    "b242d81d40b1e0a3bfb2af7fb4e4a3873c545dc8ab627412a915b30038a56d1e",
)


@dataclass(frozen=True, slots=True, order=True)
class Review:
    """A review of the crawl: its number, its text without needless white space, its star rating."""

    number: int
    text: str
    rating: str


def fetch_further(directory: Path, archive: PublicArchive) -> None:
    """Fetch the archive and build the further reviews with their ratings, unless both are there; both appear or none.

    Args:
        directory: where the data lies, the official splits among it.
        archive: the archive.

    Raises:
        DataError: if it cannot be fetched, holds what it should not, or gives other files than expected.
    """
    texts, stars = directory / UNLABELLED, directory / STARS
    if all(path.exists() or path.with_name(path.name + ".gz").exists() for path in (texts, stars)):
        print(f"{texts} is there")
        return
    packed = texts.with_name("archive.zip.part")
    try:
        with download_progress() as progress:
            download(archive.url, packed, progress)
        reviews = further_reviews(packed, directory)
    finally:
        packed.unlink(missing_ok=True)
    _write(
        {
            stars: ("".join(f"{review.rating}\n" for review in reviews), archive.stars_sha256),
            texts: ("".join(f"{review.text}\n" for review in reviews), archive.texts_sha256),
        }
    )


def further_reviews(packed: Path, directory: Path) -> list[Review]:
    """Return the reviews of an archive that are in neither official split, in order.

    Raises:
        DataError: if the archive holds what it should not.
    """
    known, tested = set[int](), set[str]()
    for split in (NSMC_TRAIN, NSMC_TEST):
        for line in read_text(existing(directory / split.path)).split("\n")[1:]:
            number, _, rest = line.partition("\t")
            if number:
                known.add(int(number))
            if split is NSMC_TEST:
                tested.add(_single_blanks(undouble(rest.rpartition("\t")[0])))
    reviews = {review.number: review for review in _all_reviews(packed)}
    unknown = (review for review in reviews.values() if review.number not in known)
    return sorted(review for review in unknown if review.text and review.text not in tested)


def _all_reviews(packed: Path) -> Iterator[Review]:
    """Read the reviews of all movies, within limits that a hostile archive cannot pass."""
    try:
        with zipfile.ZipFile(packed) as archive:
            members = [member for member in archive.infolist() if _REVIEWS.fullmatch(member.filename)]
            if len(members) > _MOST_FILES:
                raise DataError(packed, f"holds {len(members)} files of reviews, expected at most {_MOST_FILES}")
            left = _MOST_BYTES
            for member in track(members, description="reviews of movies"):
                with archive.open(member) as file:
                    content = file.read(_MOST_BYTES_OF_A_FILE + 1)
                left -= len(content)
                if len(content) > _MOST_BYTES_OF_A_FILE or left < 0:
                    raise DataError(packed, f"{member.filename} is larger than what it should hold")
                yield from _reviews_of(content, packed, member.filename)
    except (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(packed, f"is not an archive that can be read: {error}") from error


def _reviews_of(content: bytes, packed: Path, name: str) -> Iterator[Review]:
    try:
        for entry in json.loads(content):
            rating = entry["rating"]
            if rating not in RATINGS:
                raise DataError(packed, f"{name}: {rating!r} is not a rating from 1 to 10")
            yield Review(int(entry["review_id"]), _single_blanks(entry["review"]), rating)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(packed, f"{name} does not hold reviews: {error!r}") from error


def _single_blanks(text: str) -> str:
    return " ".join(text.split())


def _write(files: Mapping[Path, tuple[str, str]]) -> None:
    """Write texts to their files, if all have the right SHA-256."""
    for path, (text, sha256) in files.items():
        found = hashlib.sha256(text.encode()).hexdigest()
        if found != sha256:
            raise DataError(path, f"would have SHA-256 {found[:12]}…, expected {sha256[:12]}…; nothing is written")
    for path, (text, _) in files.items():
        partial = path.with_name(path.name + ".part")
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
