import hashlib
import json
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.training.test_download import QuietHandler
from training import archive as archives
from training.archive import PublicArchive, fetch_further
from training.errors import DataError

TRAIN = 'id\tdocument\tlabel\n1\t좋다\t1\n2\t""""별 다섯""은 무슨"""\t0\n'
TEST = 'id\tdocument\tlabel\n3\t그저  그래요\t0\n4\t"""""명작"" 이란다"""\t0\n'
REVIEWS = {
    "10.json": [(12, "두 번 봤어요", "10"), (1, "좋다", "10"), (9, " 이건\n 좀 ", "4"), (5, "그저 그래요", "7")],
    "9.json": [(8, '"명작" 이란다', "1"), (7, "  ", "5"), (6, "좋다", "9"), (3, "고친 감상", "2")],
}
TEXTS, STARS = "좋다\n이건 좀\n두 번 봤어요\n", "9\n4\n10\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A data directory with small official splits."""
    (tmp_path / "data" / "nsmc").mkdir(parents=True)
    (tmp_path / "data" / "nsmc" / "ratings_train.txt").write_text(TRAIN, encoding="utf-8")
    (tmp_path / "data" / "nsmc" / "ratings_test.txt").write_text(TEST, encoding="utf-8")
    return tmp_path / "data"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Serve an archive over HTTP."""
    (tmp_path / "public").mkdir()
    handler = partial(QuietHandler, directory=str(tmp_path / "public"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/nsmc.zip"
        server.shutdown()


@pytest.fixture
def packed(tmp_path: Path, address: str) -> zipfile.ZipFile:
    """The archive that is served, with its reviews, still open."""
    archive = zipfile.ZipFile(tmp_path / "public" / "nsmc.zip", "w", zipfile.ZIP_DEFLATED)
    for name, reviews in REVIEWS.items():
        entries = [{"review_id": str(number), "review": text, "rating": rating} for number, text, rating in reviews]
        archive.writestr(f"nsmc-1/raw/{name}", json.dumps(entries, ensure_ascii=False))
    archive.writestr("nsmc-1/README.md", "no review")
    return archive


@pytest.fixture
def served(directory: Path, address: str, packed: zipfile.ZipFile) -> tuple[Path, PublicArchive]:
    """A data directory, and the archive of reviews that is served."""
    packed.close()
    return directory, _archive(address)


def _archive(address: str, texts: str = TEXTS, stars: str = STARS) -> PublicArchive:
    return PublicArchive(address, *(hashlib.sha256(text.encode()).hexdigest() for text in (texts, stars)))


def _found(directory: Path) -> dict[str, str]:
    further = [path for path in (directory / "nsmc").iterdir() if not path.name.startswith("ratings_t")]
    return {path.name: path.read_text(encoding="utf-8") for path in further}


def test_reviews_outside_of_the_splits_are_built_in_order_with_their_ratings(
    directory: Path, address: str, packed: zipfile.ZipFile
) -> None:
    packed.close()

    fetch_further(directory, _archive(address))

    assert _found(directory) == {"reviews_unlabelled.txt": TEXTS, "reviews_unlabelled.ratings.txt": STARS}


def test_files_that_are_there_are_not_built_again(directory: Path) -> None:
    (directory / "nsmc" / "reviews_unlabelled.txt.gz").write_bytes(b"packed")
    (directory / "nsmc" / "reviews_unlabelled.ratings.txt").write_text("1\n")

    fetch_further(directory, _archive("http://127.0.0.1:9"))

    assert not (directory / "nsmc" / "reviews_unlabelled.txt").exists()


@pytest.mark.parametrize("other", [{"texts": "else"}, {"stars": "else"}])
def test_other_reviews_than_expected_leave_nothing_behind(
    directory: Path, address: str, packed: zipfile.ZipFile, other: dict[str, str]
) -> None:
    packed.close()

    with pytest.raises(DataError, match="nothing is written"):
        fetch_further(directory, _archive(address, **other))

    assert _found(directory) == {}


def test_an_archive_that_cannot_be_fetched_is_named(directory: Path, address: str) -> None:
    with pytest.raises(DataError, match=r"nsmc\.zip cannot be fetched: HTTP Error 404"):
        fetch_further(directory, _archive(address))

    assert _found(directory) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b" " * (1 << 21), "is larger than what it should hold"),  # 2 KB as it is sent
        (b"[" * 100_000, "does not hold reviews"),
        (b"{", "does not hold reviews"),
        (b'[{"review_id": "1", "review": "a"}]', "does not hold reviews: KeyError"),
        (b'[{"review_id": "one", "review": "a", "rating": "1"}]', "does not hold reviews: ValueError"),
        (b'[{"review_id": "1", "review": 5, "rating": "1"}]', "does not hold reviews: AttributeError"),
        (b'[{"review_id": "1", "review": "a", "rating": "11"}]', "'11' is not a rating"),
        (b'[{"review_id": "1", "review": "a", "rating": ["1"]}]', "does not hold reviews: TypeError"),
    ],
)
def test_a_file_that_does_not_hold_reviews_is_named(
    directory: Path, address: str, packed: zipfile.ZipFile, content: bytes, reason: str
) -> None:
    packed.writestr("nsmc-1/raw/11.json", content)
    packed.close()

    with pytest.raises(DataError, match=f"11.json.*{reason}|11.json: {reason}"):
        fetch_further(directory, _archive(address))

    assert _found(directory) == {}


@pytest.mark.parametrize(("limit", "most"), [("_MOST_FILES", 1), ("_MOST_BYTES", 100)])
def test_an_archive_of_too_much_is_refused(
    served: tuple[Path, PublicArchive], monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(archives, limit, most)

    with pytest.raises(DataError, match=r"at most 1|larger than"):
        fetch_further(*served)


@pytest.mark.parametrize("name", ["../raw/1.json", "nsmc-1/raw/../1.json", "/raw/1.json", "a/b/raw/1.json"])
def test_names_that_lead_elsewhere_are_passed_over(
    directory: Path, address: str, packed: zipfile.ZipFile, tmp_path: Path, name: str
) -> None:
    packed.writestr(name, b"not even JSON")
    packed.close()
    before = {path for path in tmp_path.rglob("*") if "public" not in path.parts}

    fetch_further(directory, _archive(address))

    after = {path for path in tmp_path.rglob("*") if "public" not in path.parts}
    assert {path.name for path in after - before} == {"reviews_unlabelled.txt", "reviews_unlabelled.ratings.txt"}


@pytest.mark.parametrize("damage", ["cut", "altered", "none of it"])
def test_a_damaged_archive_is_refused(
    directory: Path, address: str, packed: zipfile.ZipFile, tmp_path: Path, damage: str
) -> None:
    packed.close()
    path = tmp_path / "public" / "nsmc.zip"
    raw = bytearray(path.read_bytes())
    if damage == "cut":
        raw = raw[: len(raw) // 2]
    elif damage == "altered":
        raw[60] ^= 0xFF
    else:
        raw = bytearray(b"<html>try again later</html>")
    path.write_bytes(raw)

    with pytest.raises(DataError, match="is not an archive that can be read"):
        fetch_further(directory, _archive(address))

    assert _found(directory) == {}


def test_the_public_archive_is_pinned_to_a_commit() -> None:
    pinned: Any = archives.NSMC_ARCHIVE

    assert pinned.url.removesuffix(".zip").rpartition("/")[2].isalnum()
    assert len({pinned.texts_sha256, pinned.stars_sha256}) == 2
