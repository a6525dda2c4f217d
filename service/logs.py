"""One JSON object per line on standard error, without any text of a user."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("nunchi")


class JsonFormatter(logging.Formatter):
    """Writes a record as one line: time, level, event and what else is known of it.

    Everything outside ASCII is escaped, so that nothing in a line can pass for another line.

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
            "event": record.getMessage(),
            **self._always,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line |= described(record.exc_info[1])
        return json.dumps(line, default=str)


def configure(level: str, **always: object) -> None:
    """Send the lines of this process, uvicorn's included, to standard error, each with the fields `always`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(**always))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


def log_event(event: str, /, level: int = logging.INFO, **fields: object) -> None:
    """Log what happened under a fixed name, with its circumstances as fields."""
    LOGGER.log(level, event, extra={"fields": fields})


def log_exception(event: str, error: BaseException, /, **fields: object) -> None:
    """Log an unexpected error by its type and place. Its message is left out: it may quote what a user wrote."""
    log_event(event, logging.ERROR, **fields, **described(error))


def described(error: BaseException) -> dict[str, object]:
    """Return the type of an error and the functions it came through, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "frames": [f"{frame.name}:{frame.lineno}" for frame in frames[-8:]]}
