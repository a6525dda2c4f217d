"""Workers that grow are replaced while they answer, and nobody notices."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from service.growth import resident_bytes
from tests.prove import recycling
from tests.prove.leaking import LEAK
from tests.system.server import Server, serving
from tests.system.test_workers import GRU, LOADED, Load, metric, until, workers
from tests.versions import publish_version

pytestmark = pytest.mark.system

ALLOWED_MB, LEAK_BYTES = 64, 200_000
REPLACED = 'sentiment_worker_recycles_total{result="replaced"}'
RESTARTS = "sentiment_worker_restarts_total"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = tmp_path / "models"
    publish_version(store, "gru")
    publish_version(store, "rnn")
    return store


def growing(stack: ExitStack, store: Path, **settings: str) -> Server:
    """Serve with workers that take much more than they may after a few hundred requests."""
    own = {"TMPDIR": str(store.parent), LEAK: str(LEAK_BYTES), "NUNCHI_RECYCLE_MEMORY_MB": str(ALLOWED_MB)}
    return stack.enter_context(serving(store, None, True, "tests.prove.growing", **{**own, **settings}))


def largest_mb(server: Server) -> float:
    return max(map(resident_bytes, workers(server))) / 2**20


def test_workers_that_grow_are_replaced_under_load_and_no_request_fails(store: Path) -> None:
    with ExitStack() as stack:
        server = growing(stack, store, NUNCHI_WORKERS="2")
        until(lambda: metric(server, LOADED) == 1)
        first, before_mb = set(workers(server)), largest_mb(server)
        load = stack.enter_context(Load(server))
        until(lambda: (metric(server, REPLACED) or 0) >= 4, 120)
        load.__exit__()
        until(lambda: len(workers(server)) == 2, 60)
        assert not first & set(workers(server))
        assert set(load.answers) == {200}
        assert load.failures == 0
        assert metric(server, GRU) == load.answers[200]  # nothing that was counted is lost
        assert metric(server, RESTARTS) == 0
        assert largest_mb(server) < before_mb + 6 * ALLOWED_MB


def test_if_that_is_switched_off_they_grow_on_and_nobody_is_replaced(store: Path) -> None:
    """The negative control: with as many requests, the same workers take more than the ones above ever may."""
    with ExitStack() as stack:
        server = growing(stack, store, NUNCHI_WORKERS="2", NUNCHI_RECYCLE_MEMORY_MB="0")
        until(lambda: metric(server, LOADED) == 1)
        first, before_mb = set(workers(server)), largest_mb(server)
        load = stack.enter_context(Load(server))
        until(lambda: largest_mb(server) > before_mb + 6 * ALLOWED_MB, 120)
        load.__exit__()
        assert set(workers(server)) == first
        assert metric(server, REPLACED) == 0


@pytest.mark.tensorflow
def test_one_worker_with_tensorflow_is_replaced_by_one_that_has_compiled_everything(tmp_path: Path) -> None:
    found = recycling.prove(recycling.SMALL, tmp_path)
    assert found.workers >= 2
    assert found.largest < 3 * found.ready
    assert np.isfinite(found.seen.latency).mean() > 0.9  # while another compiles, some may be refused
