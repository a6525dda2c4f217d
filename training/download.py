"""Fetching the public data files, each checked against its SHA-256."""

import hashlib
import http.client
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from rich.progress import DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from training.datasets import PublicFile
from training.errors import DataError

_CHUNK = 1 << 16
_TIMEOUT_S = 60
MOST_BYTES = 512 << 20
"""What is larger is none of the files wanted."""


def fetch(directory: Path, wanted: Sequence[PublicFile]) -> None:
    """Fetch the files that are not there yet; a file appears only once it is whole and has the right hash.

    Raises:
        DataError: if one cannot be fetched or has another hash than the one expected.
    """
    with download_progress() as progress:
        for file in wanted:
            path = directory / file.path
            if path.exists() or path.with_name(path.name + ".gz").exists():
                progress.console.print(f"{path} is there", highlight=False)
                continue
            _fetch_one(path, file, progress)


def download_progress() -> Progress:
    """Return a bar for each file that is fetched."""
    return Progress(TextColumn("{task.description}"), DownloadColumn(), TimeRemainingColumn())


def download(url: str, path: Path, progress: Progress) -> str:
    """Write what lies at `url` to `path`, whose directory is made, showing how far it is.

    Returns:
        Its SHA-256.

    Raises:
        DataError: if it cannot be fetched whole, or is larger than `MOST_BYTES`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, received = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer, path.open("wb") as out:  # noqa: S310  fixed https addresses
            task = progress.add_task(url.rpartition("/")[2], total=int(answer.headers.get("Content-Length", 0)) or None)
            while chunk := answer.read(_CHUNK):
                received += len(chunk)
                if received > MOST_BYTES:
                    raise DataError(path, f"{url} is larger than {MOST_BYTES >> 20} MiB")
                digest.update(chunk)
                out.write(chunk)
                progress.advance(task, len(chunk))
            if answer.length:
                raise DataError(path, f"{url} ended {answer.length} bytes early; try again")
    except (OSError, http.client.HTTPException) as error:
        raise DataError(path, f"{url} cannot be fetched: {error}") from error
    return digest.hexdigest()


def _fetch_one(path: Path, file: PublicFile, progress: Progress) -> None:
    partial = path.with_name(path.name + ".part")
    try:
        found = download(file.url, partial, progress)
        if found != file.sha256:
            raise DataError(path, f"SHA-256 of {file.url} is {found[:12]}…, expected {file.sha256[:12]}…")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
