"""The files of a version's report that may be seen: by a name of a fixed table, from a version that was verified."""

import hashlib
from collections.abc import Mapping

from model_store.layout import REPORT
from service.registry import Entry
from service.web.files import File

PLOTS = (
    "learning_curves",
    "confusion",
    "reliability",
    "risk_coverage",
    "by_length",
    "by_unknown",
    "behaviour",
    "memory",
    "examples",
)
"""In the order in which they are shown."""

_TABLE: Mapping[str, str] = {f"{plot}.png": "image/png" for plot in PLOTS} | {
    "report.md": "text/markdown; charset=utf-8",
    "metrics.json": "application/json",
}


def report_file(entry: Entry, name: str) -> File | None:
    """Return a file of a version's report; None if the table or the version has no such file, or not any more.

    What is read is compared with the manifest once more: since the version was verified, its files may have changed.
    """
    if name not in _TABLE or entry.model is None:
        return None
    path = f"{REPORT}/{name}"
    stored = entry.model.stored
    record = stored.manifest.files.get(path)
    try:
        body = (stored.path / path).read_bytes() if record else b""
    except OSError:
        return None
    digest = hashlib.sha256(body).hexdigest()
    return File(body, None, _TABLE[name], f'"{digest}"') if record and digest == record.sha256 else None


def plots_of(entry: Entry) -> list[str]:
    """Return the names, without ending, of the plots that a version has."""
    if entry.model is None:
        return []
    known = entry.model.stored.manifest.files
    return [plot for plot in PLOTS if f"{REPORT}/{plot}.png" in known]
