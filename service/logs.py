"""One JSON object per line on standard error, without any text of a user."""

import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from service.log_budget import BudgetFilter

LOGGER = logging.getLogger("nunchi")
REQUESTS = LOGGER.getChild("requests")
"""Of the lines that tell of one request; `service.telemetry.request_log` decides how many there are."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one line: time, level, event and what else is known of it.

    Everything outside ASCII is escaped, so that nothing in a line can pass for another line. Of what a library says
    only the first line is kept: asyncio, for one, puts errors into the next ones, which may quote what a user wrote.

    Args:
        always: fields of every line.
    """

    def __init__(self, **always: object) -> None:
        super().__init__()
        self._always = always

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **_told(record),
            **self._always,
            **getattr(record, "fields", {}),
        }
        if unlogged := getattr(record, "unlogged", 0):
            line["unlogged"] = unlogged
        if record.exc_info and record.exc_info[1]:
            line |= described(record.exc_info[1])
        return json.dumps(line, default=str)


def configure(level: str, **always: object) -> None:
    """Send the lines of this process, those of libraries included, to standard error, with the fields `always`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(**always))
    handler.addFilter(BudgetFilter(exempt=REQUESTS.name))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    sys.excepthook = _log_end_of_process
    threading.excepthook = _log_end_of_thread


def log_event(event: str, /, level: int = logging.INFO, **fields: object) -> None:
    """Log what happened under a fixed name, with its circumstances as fields."""
    LOGGER.log(level, event, extra={"fields": fields})


def log_exception(event: str, error: BaseException, /, **fields: object) -> None:
    """Log an unexpected error by its type and place. Its message is left out: it may quote what a user wrote."""
    LOGGER.error(event, extra={"fields": {**fields, **described(error)}})


def described(error: BaseException) -> dict[str, object]:
    """Return the type of an error and the functions it came through, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "frames": [f"{frame.name}:{frame.lineno}" for frame in frames[-8:]]}


def _told(record: logging.LogRecord) -> dict[str, str]:
    """Return what happened: a fixed name if it is ours, else who says what."""
    if record.name.partition(".")[0] == LOGGER.name:
        return {"event": record.getMessage()}
    return {"event": "library", "logger": record.name, "message": record.getMessage().partition("\n")[0]}


def _log_end_of_process(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    log_exception("process_failed", error)


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        log_exception("thread_failed", ended.exc_value, thread=ended.thread.name if ended.thread else None)
