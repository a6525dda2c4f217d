"""The process that makes one report and ends: `service.reporting` starts it, asks on its input, reads its output."""

import json
import os
import sys
from typing import Any

from sqlalchemy.exc import DBAPIError

from service.errors import StartError
from service.experiments.report import build_report
from service.store.database import open_database

_NICENESS = 10
"""Whoever waits for an answer of a model comes first."""


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Make a report.

    Args:
        asked: `url` of the store, `experiment`, `phase` (None for the newest) and `running`.

    Returns:
        `report`, None if there is no such phase; or `unavailable`, in words, if the store cannot be read.
    """
    try:
        database = open_database(asked.pop("url"))
        try:
            return {"report": build_report(database, **asked)}
        finally:
            database.close()
    except StartError as error:
        return {"unavailable": str(error)}
    except DBAPIError as error:
        return {"unavailable": f"the store could not be read: {str(error.orig).splitlines()[0]}"}


def main() -> None:
    """Answer what is asked on standard input, as JSON."""
    os.nice(_NICENESS)
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
