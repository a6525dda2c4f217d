import asyncio
import signal
from pathlib import Path
from time import monotonic

import pytest
import uvicorn

from model_store.layout import VersionRef
from service.errors import NotReadyError
from service.metrics import Metrics
from service.readiness import Readiness
from service.registry import Entry, Registry, State
from service.server import Server


def never(ref: object) -> None:
    raise AssertionError


def server(stop_delay_s: float = 0) -> tuple[Server, Readiness]:
    readiness = Readiness(Registry(never, Metrics()), "gru")  # type: ignore[arg-type]
    return Server(uvicorn.Config(Path), readiness, stop_delay_s), readiness


def goes_on(told: Server) -> bool:
    return not asyncio.run(told.on_tick(1))


def test_what_the_versions_are_made_of_is_kept_for_good_once_all_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    monkeypatch.setattr("service.server.keep_for_good", lambda: kept.append(True))
    registry = Registry(never, Metrics())  # type: ignore[arg-type]
    told = Server(uvicorn.Config(Path), Readiness(registry, "gru"))
    for states, times in (([], 0), (["loading", "ready"], 0), (["refused", "ready"], 1), (["ready", "ready"], 1)):
        registry.entries = {VersionRef("gru", n): Entry(State(state)) for n, state in enumerate(states, 1)}
        assert goes_on(told)
        assert len(kept) == times


@pytest.mark.parametrize("stop_delay_s", [0, 60])
def test_the_signal_to_stop_ends_readiness_at_once(stop_delay_s: float) -> None:
    told, readiness = server(stop_delay_s)
    told.handle_exit(signal.SIGTERM, None)
    with pytest.raises(NotReadyError, match="stopping"):
        readiness.check()


def test_it_goes_on_until_it_is_told_to_stop() -> None:
    told, _ = server()
    assert goes_on(told)
    told.handle_exit(signal.SIGTERM, None)
    assert not goes_on(told)


def test_it_goes_on_for_a_while_so_that_load_balancers_learn_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told, _ = server(stop_delay_s=5)
    told.handle_exit(signal.SIGTERM, None)
    assert goes_on(told)
    later = monotonic() + 5
    monkeypatch.setattr("service.server.monotonic", lambda: later)
    assert not goes_on(told)


@pytest.mark.parametrize("hurry", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_that(hurry: signal.Signals) -> None:
    told, _ = server(stop_delay_s=60)
    told.handle_exit(signal.SIGTERM, None)
    told.handle_exit(hurry, None)
    assert not goes_on(told)
