import asyncio
from collections.abc import Sequence
from threading import Event

import pytest

from service.heads import Head
from service.metrics import Metrics
from service.telemetry.counters import TraceCounters
from service.telemetry.outbox import BackgroundOutbox, Pace
from service.telemetry.request_log import Answered
from service.telemetry.tracer import Ended, Late
from service.telemetry.trail import Trace, Trail

pytestmark = pytest.mark.anyio

SOON = Pace(room=10, at_once=3, period_s=0.001, last_s=30.0)
NEVER = SOON._replace(period_s=3_600.0)


class FakeSender:
    """Keeps what it is given, or refuses it, or is stuck until told to stop."""

    def __init__(self, takes: bool = True, stuck: bool = False, error: Exception | None = None) -> None:
        self.sent: list[Sequence[Ended | Late]] = []
        self.asked, self.stopped = Event(), Event()
        self._takes, self._stuck, self._error = takes, stuck, error

    def send(self, items: Sequence[Ended | Late]) -> bool:
        self.sent.append(items)
        self.asked.set()
        if self._stuck:
            assert self.stopped.wait(30)
        if self._error is not None:
            raise self._error
        return self._takes

    def stop(self) -> None:
        self.stopped.set()


def item(number: int = 0) -> Ended:
    return Ended(Trail(str(number), Head()), Trace("", "", None, lambda *_: None), Answered("GET", "/", 200, 0, 0))


class Bench:
    def __init__(self, sender: FakeSender, pace: Pace) -> None:
        self.sender = sender
        self.counters = TraceCounters(Metrics())
        self.outbox = BackgroundOutbox(sender, self.counters, pace)

    def counts(self) -> tuple[float, float, float]:
        return self.counters.sent.value, self.counters.failed.value, self.counters.dropped.value


async def test_what_is_put_is_sent_in_order_a_few_at_once() -> None:
    bench = Bench(FakeSender(), NEVER)
    items = [item(number) for number in range(8)]
    for one in items:
        bench.outbox.put(one)
    await bench.outbox.close()
    assert [len(sent) for sent in bench.sender.sent] == [3, 3, 2]
    assert [one for sent in bench.sender.sent for one in sent] == items
    assert bench.counts() == (8, 0, 0)


async def test_it_is_sent_without_being_asked() -> None:
    bench = Bench(FakeSender(), SOON)
    bench.outbox.put(item())
    assert await asyncio.to_thread(bench.sender.asked.wait, 30)
    await bench.outbox.close()


async def test_what_finds_no_room_is_dropped_and_counted() -> None:
    bench = Bench(FakeSender(), NEVER)
    for number in range(25):
        bench.outbox.put(item(number))
    assert bench.counts() == (0, 0, 15)
    await bench.outbox.close()
    assert bench.counts() == (10, 0, 15)


@pytest.mark.parametrize("sender", [FakeSender(takes=False), FakeSender(error=RuntimeError("broken"))])
async def test_what_the_collector_does_not_take_is_counted_and_the_next_is_sent_all_the_same(
    sender: FakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(sender, NEVER)
    for number in range(4):
        bench.outbox.put(item(number))
    await bench.outbox.close()
    assert bench.counts() == (0, 4, 0)
    assert len(sender.sent) == 2
    assert {record.getMessage() for record in caplog.records} <= {"traces_not_sent", "traces_not_written"}
    assert "broken" not in caplog.text


async def test_a_collector_that_is_stuck_keeps_nobody_from_putting_nor_the_process_from_ending(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(FakeSender(stuck=True), SOON._replace(last_s=0.05))
    bench.outbox.put(item())
    assert await asyncio.to_thread(bench.sender.asked.wait, 30)
    for number in range(20):
        bench.outbox.put(item(number))
    assert bench.counts() == (0, 0, 10)
    await bench.outbox.close()
    assert bench.sender.stopped.is_set()
    assert "traces_given_up" in [record.getMessage() for record in caplog.records]
