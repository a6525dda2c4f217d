from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from service.security.bodies import FREE_BYTES, Bodies, Flow

LARGE = FREE_BYTES + 1
MEMORY = 4 * LARGE


class FakeTransport:
    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class FakeSender:
    """A client that sends as long as it is read."""

    def __init__(self) -> None:
        self.flow = Flow(FakeTransport())  # type: ignore[arg-type]
        self.size = 0

    def send(self, bodies: Bodies, size: int) -> bool:
        if self.flow.held:
            return False
        self.size += size
        bodies.grown(self, self.size)
        return True


def test_bodies_come_side_by_side_while_there_is_room() -> None:
    bodies = Bodies(MEMORY)
    senders = [FakeSender() for _ in range(4)]
    for sender in senders:
        sender.send(bodies, LARGE)
    assert not any(sender.flow.held for sender in senders)
    assert not bodies.crowded


def test_then_one_at_a_time_goes_on_and_the_others_wait_for_their_turn() -> None:
    bodies = Bodies(MEMORY)
    senders = [FakeSender() for _ in range(6)]
    for sender in senders:
        sender.send(bodies, LARGE)
    assert [sender.flow.held for sender in senders] == [False] * 5 + [True]  # the fifth is favoured
    assert senders[4].send(bodies, 100 * LARGE)
    assert not senders[0].send(bodies, 1) or senders[0].flow.held
    assert bodies.crowded
    bodies.ended(senders[4])
    assert not senders[5].flow.held


def test_a_small_body_never_waits() -> None:
    bodies = Bodies(MEMORY)
    FakeSender().send(bodies, 10 * MEMORY)
    FakeSender().send(bodies, 10 * MEMORY)
    small = FakeSender()
    assert all(small.send(bodies, 1_000) for _ in range(16))


def test_what_is_held_stays_held_whatever_the_application_asks_for() -> None:
    flow = Flow(FakeTransport())  # type: ignore[arg-type]
    flow.hold()
    flow.resume_reading()
    assert flow.read_paused
    flow.let_go()
    assert not flow.read_paused


class BodiesMachine(RuleBasedStateMachine):
    """Clients come, send, and leave in any order."""

    senders = Bundle("senders")

    def __init__(self) -> None:
        super().__init__()
        self.bodies = Bodies(MEMORY)
        self.present: list[FakeSender] = []

    @rule(target=senders)
    def come(self) -> FakeSender:
        sender = FakeSender()
        self.present.append(sender)
        return sender

    @rule(sender=senders, size=st.integers(1, LARGE))
    def send(self, sender: FakeSender, size: int) -> None:
        sender.send(self.bodies, size)

    @rule(sender=consumes(senders))
    def leave(self, sender: FakeSender) -> None:
        self.present.remove(sender)
        self.bodies.ended(sender)
        self.bodies.ended(sender)  # as a connection does that was answered and is lost then
        assert not sender.flow.held

    @invariant()
    def it_knows_what_is_held(self) -> None:
        assert self.bodies.held_bytes == sum(sender.size for sender in self.present)

    @invariant()
    def somebody_may_always_go_on(self) -> None:
        if any(sender.flow.held for sender in self.present):
            assert any(not sender.flow.held and sender.size > FREE_BYTES for sender in self.present)

    @invariant()
    def all_but_one_hold_no_more_than_there_is_room_for(self) -> None:
        others = sum(sorted(sender.size for sender in self.present)[:-1])
        assert others <= MEMORY + len(self.present) * (FREE_BYTES + LARGE)  # what came with the last piece of each


TestBodies: Any = BodiesMachine.TestCase
