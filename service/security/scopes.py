"""Which key may do what: one table, by method and path.

What is not in it needs a key all the same, and one with the scope `admin` if it is no reading.
"""

import re
from collections.abc import Mapping
from typing import get_args

from starlette.routing import compile_path

from service.security.entries import Scope

ANY: frozenset[Scope] = frozenset(get_args(Scope))
"""Whatever a key may do, it may do this."""

OPEN: frozenset[Scope] = frozenset()
"""Needs no key."""

_PREDICT: frozenset[Scope] = frozenset({"predict"})
_FEEDBACK: frozenset[Scope] = frozenset({"feedback"})
_ADMIN: frozenset[Scope] = frozenset({"admin"})
_METRICS: frozenset[Scope] = frozenset({"metrics"})

_READS = frozenset({"GET", "HEAD"})
_EVERY_METHOD = "*"

TABLE: Mapping[tuple[str, str], frozenset[Scope]] = {
    ("GET", "/health/live"): OPEN,
    ("GET", "/health/ready"): OPEN,
    ("POST", "/predict"): _PREDICT,
    ("POST", "/predict/batch"): _PREDICT,
    ("POST", "/compare"): _PREDICT,
    ("POST", "/explain"): _PREDICT,
    ("POST", "/feedback"): _FEEDBACK,
    ("POST", "/feedback/batch"): _FEEDBACK,
    ("GET", "/experiments/{name}/disagreements"): _FEEDBACK,
    ("GET", "/experiments"): _METRICS,
    ("GET", "/experiments/{name}"): _METRICS,
    ("GET", "/experiments/{name}/report"): _METRICS,
    ("GET", "/ui/experiments/{name}"): _METRICS,
    ("GET", "/metrics"): _METRICS,
    ("DELETE", "/clients"): _ADMIN,
    ("GET", "/models"): ANY,
    ("GET", "/models/{rest:path}"): ANY,
    (_EVERY_METHOD, "/models/{rest:path}"): _ADMIN,
    ("GET", "/"): ANY,
    ("GET", "/ui/{rest:path}"): ANY,
    ("GET", "/docs"): ANY,
    ("GET", "/openapi.json"): ANY,
}
"""The scopes of which one is needed. A path may have parameters, as routes write them; the first that fits counts."""

_PATTERNS: list[tuple[str, re.Pattern[str], frozenset[Scope]]] = [
    (method, compile_path(path)[0], scopes) for (method, path), scopes in TABLE.items()
]
"""As Starlette compiles the paths of routes, so that what reaches a route was looked up as that route."""


def needed(method: str, path: str) -> frozenset[Scope]:
    """Return the scopes of which a key needs one to ask for this; `OPEN` if no key is needed.

    Args:
        method: as received; HEAD is what GET is.
        path: as received, decoded.
    """
    listed = find(method, path)
    if listed is not None:
        return listed
    return ANY if method in _READS else _ADMIN


def find(method: str, path: str) -> frozenset[Scope] | None:
    """Return what the table says; None if nothing."""
    asked = "GET" if method == "HEAD" else method
    exact = TABLE.get((asked, path))
    if exact is not None:
        return exact
    for listed, pattern, scopes in _PATTERNS:
        if listed in (asked, _EVERY_METHOD) and pattern.match(path):
            return scopes
    return None
