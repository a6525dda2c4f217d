"""The trace that a caller says its request belongs to: the headers `traceparent` and `tracestate`.

W3C Trace Context, https://www.w3.org/TR/trace-context/. What does not keep to it is as good as absent.
"""

import re
from typing import NamedTuple

from service.heads import Head

_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_KEY = rb"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
_VALUE = rb"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(rb"(%s)=%s" % (_KEY, _VALUE))
_MOST_MEMBERS = 32


class Remote(NamedTuple):
    """Where a request comes from.

    Attributes:
        trace_id: 32 hex digits, not all 0.
        span_id: 16 hex digits, not all 0.
        sampled: whether the caller records the trace.
        state: `tracestate` as received; empty if there is none, or if it does not keep to the standard.
    """

    trace_id: str
    span_id: str
    sampled: bool
    state: str


def read_remote(head: Head) -> Remote | None:
    """Return what the headers say; None if they say nothing, or nothing valid."""
    if head.traceparent is None:
        return None
    found = _PARENT.fullmatch(head.traceparent)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == b"ff" or (version == b"00" and more is not None):
        return None
    if not trace_id.strip(b"0") or not span_id.strip(b"0"):
        return None
    return Remote(trace_id.decode(), span_id.decode(), bool(int(flags, 16) & 1), _state(head.tracestate or b""))


def _state(header: bytes) -> str:
    members = [member.strip(b" \t") for member in header.split(b",")]
    found = [_MEMBER.fullmatch(member) for member in members if member]
    keys = {match[1] for match in found if match}
    if len(found) > _MOST_MEMBERS or len(keys) < len(found):
        return ""
    return header.decode()
