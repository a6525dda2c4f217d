import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from training import download as downloads
from training.datasets import PublicFile
from training.download import fetch
from training.errors import DataError

CONTENT = "id\tdocument\tlabel\n1\t좋다\t1\n".encode() * 10_000


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep the requests of the tests out of their output."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Serve a directory with one public file over HTTP."""
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "reviews.txt").write_bytes(CONTENT)
    handler = partial(QuietHandler, directory=str(tmp_path / "public"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _file(address: str, name: str = "reviews.txt", content: bytes = CONTENT) -> PublicFile:
    return PublicFile(f"nsmc/{name}", f"{address}/{name}", hashlib.sha256(content).hexdigest())


def test_a_public_file_is_fetched_whole(address: str, tmp_path: Path) -> None:
    fetch(tmp_path / "data", [_file(address)])

    assert (tmp_path / "data" / "nsmc" / "reviews.txt").read_bytes() == CONTENT


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "nsmc").mkdir()
    (tmp_path / "nsmc" / "reviews.txt.gz").write_bytes(b"packed")

    fetch(tmp_path, [_file("http://127.0.0.1:9")])

    assert not (tmp_path / "nsmc" / "reviews.txt").exists()


def test_a_file_with_another_hash_leaves_nothing_behind(address: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected"):
        fetch(tmp_path / "data", [_file(address, content=b"something else")])

    assert list((tmp_path / "data" / "nsmc").iterdir()) == []


def test_a_file_that_cannot_be_fetched_is_named_with_its_address(address: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.txt cannot be fetched: HTTP Error 404"):
        fetch(tmp_path / "data", [_file(address, "missing.txt")])


def test_a_file_that_ends_early_leaves_nothing_behind(tmp_path: Path) -> None:
    class Breaking(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(2 * len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)

    with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with pytest.raises(DataError, match="ended 290000 bytes early"):
            fetch(tmp_path / "data", [_file(f"http://127.0.0.1:{server.server_port}")])
        server.shutdown()

    assert list((tmp_path / "data" / "nsmc").iterdir()) == []


def test_a_file_of_any_length_is_not_written_to_the_end(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MOST_BYTES", 1000)

    with pytest.raises(DataError, match="is larger than"):
        fetch(tmp_path / "data", [_file(address)])

    assert list((tmp_path / "data" / "nsmc").iterdir()) == []
