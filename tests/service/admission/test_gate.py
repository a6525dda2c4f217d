import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from service.admission.bulk import BulkLane
from service.admission.counters import AdmissionCounters
from service.admission.deadlines import Timeouts
from service.admission.entrance import Entrance
from service.admission.gate import BATCH, SINGLE, Gate, Met
from service.heads import Head
from service.metrics import Metrics
from service.problems import Answer

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()
OWN = [(b"date", b"today")]
"""Headers of every answer."""

A_TURN, A_LATER_TURN = 32, 16
"""Requests that are begun in one turn, and in one after a full one."""


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("gate", "bulk"):
        monkeypatch.setattr(f"service.admission.{module}.perf_counter", CLOCK)


class Scene:
    """A gate, and what it did with those that arrived, by their names."""

    def __init__(self, longest_wait_s: float = 60, timeout_s: float = 60, request_s: float = 1e-4) -> None:
        self.metrics = Metrics()
        self.counters = AdmissionCounters(self.metrics)
        self.bulk = BulkLane(longest_wait_s)
        entrance = Entrance(Timeouts(timeout_s), self.bulk, self.counters)
        self.gate = Gate(entrance, longest_wait_s, self.metrics)
        self.gate.pace.unit_s = request_s
        self.begun: list[str] = []
        self.answers: dict[str, Answer] = {}

    def arrive(self, name: str, path: str = SINGLE, size: int = 60, timeout: bytes | None = None) -> "Arrived":
        arrival = Arrived(self, name, path, size, timeout)
        if self.gate.passes(path):
            arrival.begin()
        else:
            self.gate.receive(arrival)
        return arrival

    def arrive_many(self, count: int, first: int = 0) -> None:
        for number in range(first, first + count):
            self.arrive(str(number))

    def waiting(self) -> float:
        return self.metrics.registry.get_sample_value("sentiment_waiting_requests") or 0.0


class Arrived:
    """A request that arrived."""

    def __init__(self, scene: Scene, name: str, path: str, size: int, timeout: bytes | None) -> None:
        self.scene = scene
        self.path = path
        self.size = size
        self.gone = False
        self.head = Head(b"%d" % size, name.encode(), request_timeout=timeout, arrived=CLOCK())

    @property
    def name(self) -> str:
        return (self.head.request_id or b"").decode()

    def begin(self) -> None:
        self.scene.begun.append(self.name)

    def answer(self, answer: Answer, request_id: str) -> None:
        self.scene.answers[request_id] = answer


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_few_requests_begin_at_once() -> None:
    scene = Scene()
    scene.arrive_many(A_TURN)
    assert len(scene.begun) == A_TURN
    assert scene.waiting() == 0


async def test_a_turn_begins_so_many_and_the_others_follow_in_their_order() -> None:
    scene = Scene()
    scene.arrive_many(3 * A_TURN)
    assert len(scene.begun) == A_TURN
    assert scene.waiting() == 2 * A_TURN
    await turns(1)
    assert len(scene.begun) == 2 * A_TURN
    await turns(1)
    assert len(scene.begun) == 2 * A_TURN + A_LATER_TURN
    await turns(1)
    assert scene.begun == [str(number) for number in range(3 * A_TURN)]


async def test_who_comes_later_does_not_pass_those_who_wait() -> None:
    scene = Scene()
    scene.arrive_many(2 * A_TURN + 1)
    await turns(1)
    scene.arrive("late")
    await turns(1)
    assert scene.begun[-2:] == [str(2 * A_TURN), "late"]


async def test_an_idle_gate_lets_everybody_through_again() -> None:
    scene = Scene()
    scene.arrive_many(2 * A_TURN)
    await turns(3)
    scene.arrive_many(A_TURN, first=1000)
    assert len(scene.begun) == 3 * A_TURN


async def test_long_bodies_make_a_turn_of_fewer() -> None:
    scene = Scene()
    scene.arrive_many(A_TURN)
    for number in range(8):
        scene.arrive(f"long-{number}", size=6_000)
    await turns(1)
    assert scene.begun[A_TURN:] == ["long-0", "long-1", "long-2"]
    await turns(2)
    assert len(scene.begun) == A_TURN + 8


async def test_a_queue_that_stands_may_be_a_fifth_as_long_as_one_of_a_burst() -> None:
    scene = Scene(longest_wait_s=1.0, request_s=0.05)
    scene.arrive_many(A_TURN + 10)
    CLOCK.now += 1.01  # nobody has had a turn; ten wait, for half a second
    scene.arrive("more")
    assert scene.answers["more"].status == 429
    await turns(2)
    scene.arrive_many(A_TURN + 10, first=1000)
    assert list(scene.answers) == ["more"]


async def test_who_would_wait_too_long_is_refused_and_told_when_there_will_be_room() -> None:
    scene = Scene(longest_wait_s=1.0, request_s=0.05)
    scene.arrive_many(A_TURN + 21)  # the last of them has 20 before it: a second
    assert scene.answers == {}
    scene.arrive("more")
    answer = scene.answers["more"]
    assert (answer.status, dict(answer.headers)[b"retry-after"]) == (429, b"1")
    assert b'"request_id": "more"' in answer.body
    assert b"urn:nunchi:problem:overload" in answer.body
    assert scene.counters.refused["overload"].value == 1
    assert scene.waiting() == 21


async def test_the_time_to_come_back_grows_with_what_is_waiting() -> None:
    scene = Scene(longest_wait_s=60, timeout_s=600, request_s=0.5)
    scene.arrive_many(A_TURN + 121)
    scene.gate.pace.unit_s = 0.75
    scene.arrive("more")
    assert dict(scene.answers["more"].headers)[b"retry-after"] == b"31"  # 121 x 0.75 - 60


async def test_who_would_be_answered_after_its_deadline_is_refused_at_once() -> None:
    scene = Scene(request_s=0.05)
    scene.arrive_many(A_TURN + 20)
    scene.arrive("patient", timeout=b"2")
    scene.arrive("hasty", timeout=b"0.9")
    assert scene.answers["hasty"].status == 429
    assert b"urn:nunchi:problem:deadline-too-near" in scene.answers["hasty"].body
    assert "patient" not in scene.answers
    assert scene.counters.refused["deadline"].value == 1


async def test_who_waits_beyond_its_deadline_gets_504_and_is_not_begun() -> None:
    scene = Scene()
    scene.arrive_many(A_TURN)
    scene.arrive("late", timeout=b"0.01")
    CLOCK.now += 0.02
    await turns(1)
    assert scene.answers["late"].status == 504
    assert "late" not in scene.begun
    assert scene.counters.late.value == 1


async def test_who_left_while_it_waited_is_not_begun_and_takes_nobodys_place() -> None:
    scene = Scene()
    scene.arrive_many(A_TURN)
    for number in range(A_TURN):
        scene.arrive(f"left-{number}").gone = True
    scene.arrive("stays")
    await turns(1)
    assert scene.begun[A_TURN:] == ["stays"]
    assert scene.answers == {}


async def test_a_wish_that_is_no_number_is_left_to_the_application_to_refuse() -> None:
    scene = Scene(request_s=10)
    scene.arrive_many(A_TURN + 1)
    scene.arrive("odd", timeout=b"soon")
    assert scene.begun[-1] == "odd"


async def test_the_pace_is_that_of_turns_in_which_somebody_waited() -> None:
    scene = Scene()
    scene.arrive_many(1)
    CLOCK.now += 0.05
    await turns(1)
    assert scene.gate.pace.unit_s == 1e-4  # nobody waited
    for first in range(0, 40 * A_TURN, A_TURN):
        scene.arrive_many(2 * A_TURN if first == 0 else A_TURN, first=first)
        CLOCK.now += 0.0064
        await turns(1)
    assert scene.gate.pace.unit_s == pytest.approx(0.0064 / A_LATER_TURN, rel=1e-3)


async def test_a_pace_that_was_believed_in_a_bad_moment_is_forgotten_although_no_turn_is_full() -> None:
    scene = Scene(longest_wait_s=0.1, request_s=0.004)
    for first in range(0, 20 * 2 * A_TURN, 2 * A_TURN):  # so slow that 26 may wait, of which a turn begins 32
        scene.arrive_many(2 * A_TURN, first=first)
        CLOCK.now += 0.0064
        await turns(2)
    assert scene.gate.pace.unit_s < 0.0004
    refused = len(scene.answers)
    scene.arrive_many(4 * A_TURN, first=10_000)
    assert len(scene.answers) == refused


async def test_large_batches_are_refused_at_the_gate_when_too_many_wait() -> None:
    scene = Scene(longest_wait_s=1.0)
    async with taken(scene.bulk):
        scene.bulk.pace.unit_s = 5e-6
        scene.arrive("large", BATCH, size=5_000)
        scene.arrive("small", BATCH, size=500)
        assert scene.answers["large"].status == 429
        await turns(1)
        assert scene.begun == ["small"]
    scene.arrive("large again", BATCH, size=5_000)
    assert scene.begun[-1] == "large again"


@asynccontextmanager
async def taken(lane: BulkLane) -> AsyncIterator[None]:
    """Take all places for large batches, with a megabyte in all."""
    lane.pace.unit_s = 0.0
    async with AsyncExitStack() as places:
        for _ in range(4):
            await places.enter_async_context(lane.place(250_000, CLOCK() + 60))
        yield


def raw(name: str, path: str = SINGLE, size: int = 60, timeout: str = "60") -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        f"x-request-id: {name}",
        f"x-request-timeout: {timeout}",
        f"content-length: {size}",
    )
    return "\r\n".join((*lines, "", "")).encode() + b"x" * size


async def test_what_has_to_be_refused_is_refused_unread() -> None:
    scene = Scene(longest_wait_s=1.0, request_s=0.05)
    scene.arrive_many(A_TURN + 21)
    assert scene.gate.crowded
    refused = scene.gate.meet(raw("more"), OWN)
    assert isinstance(refused, bytes)
    assert refused.startswith(b"HTTP/1.1 429 ")
    assert b"x-request-id: more\r\n" in refused
    assert b"date: today\r\n" in refused
    assert scene.counters.refused["overload"].value == 1
    counted = {"http_request_method": "POST", "http_route": "/predict", "http_response_status_code": "429"}
    assert scene.metrics.registry.get_sample_value("http_server_request_duration_seconds_count", counted) == 1


async def test_what_may_wait_waits_unread_in_its_place() -> None:
    scene = Scene(longest_wait_s=1.0, request_s=0.05)
    scene.arrive_many(A_TURN + 10)
    met = scene.gate.meet(raw("more"), OWN)
    assert isinstance(met, Met)
    assert (met.seen.path, met.seen.size, met.seen.head.request_id) == (SINGLE, 60, b"more")
    assert (met.arrived, met.deadline) == (CLOCK.now, CLOCK.now + 60)
    scene.gate.wait(Arrived(scene, "more", SINGLE, 60, None), met.deadline)
    scene.arrive("last")
    assert scene.waiting() == 12
    await turns(3)
    assert scene.begun[-3:] == [str(A_TURN + 9), "more", "last"]
    assert not scene.gate.crowded


async def test_what_waits_unread_beyond_its_deadline_gets_504_and_is_not_begun() -> None:
    scene = Scene()
    scene.arrive_many(A_TURN + 1)
    met = scene.gate.meet(raw("late", timeout="0.01"), OWN)
    assert isinstance(met, Met)
    scene.gate.wait(Arrived(scene, "late", SINGLE, 60, None), met.deadline)
    CLOCK.now += 0.02
    await turns(1)
    assert scene.answers["late"].status == 504
    assert "late" not in scene.begun


async def test_only_what_is_short_and_plain_waits_unread() -> None:
    scene = Scene(longest_wait_s=1.0, request_s=0.05)
    scene.arrive_many(A_TURN + 10)
    assert scene.gate.meet(raw("long", size=4_100), OWN) is None
    assert scene.gate.meet(raw("batch", BATCH), OWN) is None
    assert scene.gate.meet(raw("odd", timeout="soon"), OWN) is None
    assert scene.gate.meet(b"GET / HTTP/1.1\r\n\r\n", OWN) is None


async def test_a_large_batch_is_refused_unread_when_too_many_wait() -> None:
    scene = Scene(longest_wait_s=1.0)
    async with taken(scene.bulk):
        scene.bulk.pace.unit_s = 5e-6
        assert scene.gate.crowded
        assert scene.gate.meet(raw("large", BATCH, size=5_000), OWN) is not None
        assert scene.gate.meet(raw("small", BATCH, size=500), OWN) is None
        assert scene.gate.meet(raw("single"), OWN) is None
