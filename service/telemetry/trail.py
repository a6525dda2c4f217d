"""What becomes known of a request on its way: its line in the log and its trace are written from it.

Whoever learns something notes it, without being handed the request: a context variable names the one at hand.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from time import perf_counter
from typing import NamedTuple, Protocol

from model_store.layout import VersionRef
from service.experiments.live import Part
from service.heads import Head
from service.telemetry.tracecontext import Remote


class Served(Protocol):
    """A version that answers."""

    @property
    def ref(self) -> VersionRef:
        """Its name and number."""


class Answerer(Protocol):
    """Who answers a request."""

    @property
    def model(self) -> Served:
        """The version."""

    @property
    def part(self) -> Part | None:
        """For which arm of an experiment; None if for none."""


Figures = Mapping[str, int | str]
"""What explains a stage; never anything that the caller sent."""


class Stage(NamedTuple):
    """A part of the time that a request took, in seconds of `perf_counter`."""

    name: str
    started: float
    ended: float
    figures: Figures


class Trace:
    """The place of a request in a trace that is recorded.

    Args:
        trace_id: 32 hex digits.
        span_id: of the request: 16 hex digits.
        remote: where it comes from; None if the trace begins with it.
        late: takes stages that end after the answer.

    Attributes:
        stages: what took its time until the answer.
    """

    __slots__ = ("_late", "remote", "span_id", "stages", "trace_id")

    def __init__(
        self, trace_id: str, span_id: str, remote: Remote | None, late: "Callable[[Trace, Stage], None]"
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.remote = remote
        self.stages: list[Stage] = []
        self._late = late

    def note_late(self, name: str, started: float, **figures: int | str) -> None:
        """Note a stage that ends now, after the request was answered."""
        self._late(self, Stage(name, started, perf_counter(), figures))


class Trail:
    """One request.

    Args:
        request_id: its name.
        head: its headers.

    Attributes:
        routed: who answers, and for which arm of an experiment; None until it is known.
        texts: how many it is asked for.
        problem: the kind of the error that it was answered with; None if there was none.
        key: the name of the API key that it came with; None if it came with none.
        trace: its trace; None if none is recorded.
    """

    __slots__ = ("head", "key", "problem", "request_id", "routed", "texts", "trace")

    def __init__(self, request_id: str, head: Head) -> None:
        self.request_id = request_id
        self.head = head
        self.routed: Answerer | None = None
        self.texts = 0
        self.problem: str | None = None
        self.key: str | None = None
        self.trace: Trace | None = None

    def about_answer(self) -> dict[str, str | int | None]:
        """Return who answers how many texts, for which arm; None for what is not known."""
        routed = self.routed
        ref, part = (routed.model.ref, routed.part) if routed else (None, None)
        return {
            "model": ref and ref.name,
            "version": ref and ref.version,
            "texts": self.texts or None,
            "experiment": part and part.name,
            "arm": part and part.arm,
        }


_CURRENT: ContextVar[Trail | None] = ContextVar("trail", default=None)


def begin(request_id: str, head: Head) -> Trail:
    """Return a new trail, from now on that of the task that runs."""
    trail = Trail(request_id, head)
    _CURRENT.set(trail)
    return trail


current = _CURRENT.get
"""Returns the request at hand; None outside of any."""


def current_trace() -> Trace | None:
    """Return the trace of the request at hand; None if none is recorded, or there is no request."""
    trail = current()
    return None if trail is None else trail.trace


def note_stage(name: str, started: float, **figures: int | str) -> None:
    """Note a stage of the request at hand, which ends now."""
    trace = current_trace()
    if trace is not None:
        trace.stages.append(Stage(name, started, perf_counter(), figures))


def note_answerer(routed: Answerer, texts: int) -> None:
    """Note who answers the request at hand, and how many texts."""
    trail = current()
    if trail is not None:
        trail.routed, trail.texts = routed, texts


def note_problem(slug: str) -> None:
    """Note with which kind of error the request at hand is answered."""
    trail = current()
    if trail is not None:
        trail.problem = slug
