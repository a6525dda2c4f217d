import os
import subprocess
import sys

import pytest

from model_store.layout import VersionRef
from service import growth as module
from service.growth import Growth, resident_bytes
from service.metrics import Metrics
from service.registry import Entry, Registry, State

GRU, LSTM = VersionRef("gru", 1), VersionRef("lstm", 1)


class Scales:
    """What a process weighs, as a test wants it; counts how often it was weighed."""

    def __init__(self) -> None:
        self.bytes = 100
        self.weighed = 0

    def __call__(self) -> int:
        self.weighed += 1
        return self.bytes


@pytest.fixture
def scales() -> Scales:
    return Scales()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """One version that is ready; whoever looks at it may have been there for any time."""
    monkeypatch.setattr(module, "_LEAST_AGE_S", 0.0)
    registry = Registry(lambda ref: pytest.fail("nothing is loaded here"), Metrics())
    registry.entries = {GRU: Entry(State.READY)}
    return registry


def test_it_is_excessive_only_beyond_what_is_allowed(registry: Registry, scales: Scales) -> None:
    growth = Growth(registry, 50, scales)
    assert not growth.excessive()
    scales.bytes = 150
    assert not growth.excessive()
    scales.bytes = 151
    assert growth.excessive()


def test_what_is_loaded_at_the_start_is_no_growth(registry: Registry, scales: Scales) -> None:
    growth = Growth(registry, 50, scales)
    registry.entries = {GRU: Entry(State.READY), LSTM: Entry(State.LOADING)}
    assert not growth.excessive()
    registry.entries = {GRU: Entry(State.READY), LSTM: Entry(State.READY)}
    scales.bytes = 1000
    assert not growth.excessive()
    scales.bytes = 1051
    assert growth.excessive()


@pytest.mark.parametrize("state", [State.LOADING, State.DRAINING])
def test_while_versions_change_it_is_not_measured(registry: Registry, scales: Scales, state: State) -> None:
    growth = Growth(registry, 50, scales)
    assert not growth.excessive()
    scales.bytes = 1000
    registry.entries = {GRU: Entry(State.READY), LSTM: Entry(state)}
    weighed = scales.weighed
    assert not growth.excessive()
    assert scales.weighed == weighed
    registry.entries = {GRU: Entry(State.READY), LSTM: Entry(State.REFUSED)}
    assert growth.excessive()


@pytest.mark.parametrize("states", [[], [State.REFUSED], [State.UNLOADED], [State.READY, State.LOADING]])
def test_it_is_settled_only_with_something_ready_and_nothing_to_come(registry: Registry, states: list[State]) -> None:
    growth = Growth(registry, 50)
    assert growth.settled
    registry.entries = {VersionRef("gru", number): Entry(state) for number, state in enumerate(states, 1)}
    assert not growth.settled


def test_in_its_first_minute_nothing_is_excessive(
    registry: Registry, scales: Scales, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LEAST_AGE_S", 60.0)
    now = 1000.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    growth = Growth(registry, 50, scales)
    assert not growth.excessive()
    scales.bytes = 1000
    now += 59.9
    assert not growth.excessive()
    now += 0.1
    assert growth.excessive()


def test_with_nothing_allowed_said_it_may_grow_by_any(registry: Registry, scales: Scales) -> None:
    growth = Growth(registry, 0, scales)
    growth.excessive()
    scales.bytes = 10**12
    assert not growth.excessive()


def test_a_process_is_measured_as_the_kernel_does() -> None:
    before = resident_bytes()
    kept = b"x" * 50_000_000
    assert 45_000_000 < resident_bytes() - before < 60_000_000
    assert len(kept) == 50_000_000
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert 0 < resident_bytes(other.pid) < before
    assert resident_bytes(other.pid) == 0
    assert resident_bytes(os.getpid()) > before
