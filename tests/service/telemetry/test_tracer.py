import pytest

from service.heads import Head
from service.telemetry.request_log import PROBES, Answered
from service.telemetry.tracer import Ended, Late, Tracer
from service.telemetry.trail import Trail

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"


class FakeOutbox:
    def __init__(self, room: bool = True) -> None:
        self.items: list[Ended | Late] = []
        self._room = room

    def admit(self) -> bool:
        return self._room

    def put(self, item: Ended | Late) -> None:
        self.items.append(item)

    async def close(self) -> None:
        """Nothing waits."""


def begun(tracer: Tracer, parent: str | None = None) -> Trail:
    trail = Trail("r1", Head(traceparent=parent.encode() if parent else None))
    tracer.begin(trail)
    return trail


@pytest.mark.parametrize(("ratio", "least", "most"), [(0, 0, 0), (0.25, 900, 1_100), (1, 4_000, 4_000)])
def test_chance_records_a_share_of_the_requests_that_nobody_decided_on(ratio: float, least: int, most: int) -> None:
    tracer = Tracer(ratio, FakeOutbox())
    recorded = [trace for _ in range(4_000) if (trace := begun(tracer).trace)]
    assert least <= len(recorded) <= most
    assert len({trace.trace_id for trace in recorded} | {trace.span_id for trace in recorded}) == 2 * len(recorded)
    assert all((len(trace.trace_id), len(trace.span_id)) == (32, 16) for trace in recorded)


@pytest.mark.parametrize("ratio", [0, 1])
def test_the_decision_of_the_caller_holds(ratio: float) -> None:
    tracer = Tracer(ratio, FakeOutbox())
    assert begun(tracer, PARENT + "00").trace is None
    trace = begun(tracer, PARENT + "01").trace
    assert trace is not None
    assert trace.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert trace.remote is not None
    assert trace.span_id != trace.remote.span_id == "00f067aa0ba902b7"


def test_a_malformed_decision_is_none() -> None:
    assert begun(Tracer(0, FakeOutbox()), PARENT + "1").trace is None
    trace = begun(Tracer(1, FakeOutbox()), PARENT + "1").trace
    assert trace is not None
    assert trace.remote is None
    assert trace.trace_id not in PARENT


def test_what_is_recorded_is_handed_over_and_nothing_else() -> None:
    outbox = FakeOutbox()
    tracer = Tracer(1, outbox)
    recorded, skipped, probe = begun(tracer, PARENT + "01"), begun(tracer, PARENT + "00"), begun(tracer)
    for trail in (recorded, skipped):
        tracer.end(trail, Answered("POST", "/predict", 200, 1.0, 2.0))
    tracer.end(probe, Answered("GET", min(PROBES), 200, 1.0, 2.0))
    assert [item.trail for item in outbox.items if isinstance(item, Ended)] == [recorded]


def test_a_stage_after_the_answer_is_handed_over_by_itself() -> None:
    outbox = FakeOutbox()
    trace = begun(Tracer(1, outbox)).trace
    assert trace is not None
    trace.note_late("shadow", 1.0, arm="lstm")
    [late] = outbox.items
    assert isinstance(late, Late)
    assert (late.trace, late.stage.name, late.stage.figures) == (trace, "shadow", {"arm": "lstm"})


def test_nothing_is_recorded_that_there_is_no_room_for() -> None:
    tracer = Tracer(1, FakeOutbox(room=False))
    assert begun(tracer).trace is None
    assert begun(tracer, PARENT + "01").trace is None
