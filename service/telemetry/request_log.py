"""A line in the log for every request that failed, and for a share of the others."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from random import random
from typing import NamedTuple

from service.log_budget import Budget
from service.logs import REQUESTS
from service.telemetry.tracecontext import read_remote
from service.telemetry.trail import Trail

PROBES = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Routes that machines ask several times a minute."""

FAILED = HTTPStatus.BAD_REQUEST
"""The least status that always gets a line."""

_LEVELS: Mapping[int, int] = {
    HTTPStatus.INTERNAL_SERVER_ERROR: logging.ERROR,
    HTTPStatus.TOO_MANY_REQUESTS: logging.WARNING,
    HTTPStatus.SERVICE_UNAVAILABLE: logging.WARNING,
    HTTPStatus.GATEWAY_TIMEOUT: logging.WARNING,
}
"""How bad an answer is for us; all others are the caller's business."""


class Answered(NamedTuple):
    """How a request was answered.

    Attributes:
        method: one of a closed set.
        route: as declared, not as it was asked for.
        status: of HTTP.
        started: when its headers had come, in seconds of `perf_counter`.
        seconds: until the last byte of the answer.
    """

    method: str
    route: str
    status: int
    started: float
    seconds: float


class RequestLog:
    """Writes lines of the event `request`.

    Args:
        share: of the requests that did not fail, probes excepted, that get a line: 0 to 1.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self._budget = Budget()

    def tell(self, trail: Trail, answered: Answered) -> None:
        """Write the line of a request, or not."""
        unlogged: int | None = 0
        if answered.status < FAILED:
            if not self.share or answered.route in PROBES or random() >= self.share:
                return
        else:
            unlogged = self._budget.take(answered.status)
        level = _LEVELS.get(answered.status, logging.INFO)
        if unlogged is not None and REQUESTS.isEnabledFor(level):
            REQUESTS.log(level, "request", extra={"fields": _fields(trail, answered, unlogged)})


def _fields(trail: Trail, answered: Answered, unlogged: int) -> dict[str, object]:
    """Return what is known of a request; what is not is left out."""
    trace = trail.trace or read_remote(trail.head)
    fields: dict[str, object] = {
        "request_id": trail.request_id,
        "method": answered.method,
        "route": answered.route,
        "status": answered.status,
        "duration_ms": round(answered.seconds * 1000, 3),
        "problem": trail.problem,
        **trail.about_answer(),
        "key": trail.key,
        "trace_id": trace and trace.trace_id,
        "unlogged": unlogged or None,
    }
    return {name: value for name, value in fields.items() if value is not None}
