"""Fetching the public data files, each checked against its SHA-256."""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from rich.progress import DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from training.datasets import PublicFile
from training.errors import DataError

_CHUNK = 1 << 16
_TIMEOUT_S = 60


def fetch(directory: Path, wanted: Sequence[PublicFile]) -> None:
    """Fetch the files that are not there yet; a file appears only once it is whole and has the right hash.

    Raises:
        DataError: if one cannot be fetched or has another hash than the one expected.
    """
    with Progress(TextColumn("{task.description}"), DownloadColumn(), TimeRemainingColumn()) as progress:
        for file in wanted:
            path = directory / file.path
            if path.exists() or path.with_name(path.name + ".gz").exists():
                progress.console.print(f"{path} is there", highlight=False)
                continue
            _fetch_one(path, file, progress)


def _fetch_one(path: Path, file: PublicFile, progress: Progress) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(file.url, timeout=_TIMEOUT_S) as answer, partial.open("wb") as out:  # noqa: S310  fixed https addresses
            task = progress.add_task(path.name, total=int(answer.headers.get("Content-Length", 0)) or None)
            while chunk := answer.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
                progress.advance(task, len(chunk))
        if digest.hexdigest() != file.sha256:
            raise DataError(path, f"SHA-256 of {file.url} is {digest.hexdigest()[:12]}…, expected {file.sha256[:12]}…")
        partial.replace(path)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise DataError(path, f"{file.url} cannot be fetched: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
