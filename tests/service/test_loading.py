import gc
from pathlib import Path
from time import sleep
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from model_store.layout import EXTRA, FUSED_GRAPH, VersionRef
from service.engines import Rows
from service.engines.choice import EngineChoice
from service.loading import inline_tokens, load, load_order
from service.metrics import Metrics
from service.proving import prove
from service.settings import Settings
from tests.fakes import FakeEngine

GRU = VersionRef("gru", 1)
CHOICE = EngineChoice("auto", "cpu", 0)


def test_what_loads_fast_is_not_kept_waiting_by_what_needs_tensorflow(tmp_path: Path) -> None:
    refs = [VersionRef("bilstm", 1), VersionRef("gru", 1), VersionRef("lstm", 1), VersionRef("slow", 1)]
    refs += [VersionRef("slow", 2)]
    for name in ("bilstm/1", "gru/1", "lstm/1", "slow/1", "slow/2"):
        (tmp_path / name / EXTRA).mkdir(parents=True)
    for name in ("gru/1", "lstm/1", "slow/2"):
        (tmp_path / name / FUSED_GRAPH).touch()
    order = load_order(refs, Settings(model_store=tmp_path, default_model="slow"))
    assert [str(ref) for ref in order] == ["slow/2", "slow/1", "gru/1", "lstm/1", "bilstm/1"]


def test_what_an_alias_points_to_comes_before_what_is_newer(tmp_path: Path) -> None:
    refs = [VersionRef("gru", number) for number in (1, 2, 3)]
    order = load_order(refs, Settings(model_store=tmp_path), first=[VersionRef("gru", 2)])
    assert [ref.version for ref in order] == [2, 3, 1]


def test_its_limits_come_from_the_settings_and_its_series_from_its_labels(store: Path) -> None:
    metrics = Metrics()
    model = load(prove(store, GRU, CHOICE, None), metrics, Settings(queue_rows=7))
    assert model.ref == GRU
    assert model.max_tokens == 256
    labels = {"model": "gru", "version": "1", "role": "served", "label": "positive"}
    assert metrics.registry.get_sample_value("sentiment_predictions_total", labels) == 0


def test_a_version_that_is_dropped_is_gone_without_the_garbage_collector(store: Path) -> None:
    """The collector does not look at what was loaded at the start: `service.pauses.keep_for_good`."""
    model = load(prove(store, GRU, CHOICE, None), Metrics(), Settings())
    gone = [ref(each) for each in (model.engine, model.batcher)]
    gc.disable()
    try:
        del model
        assert [each() for each in gone] == [None, None]
    finally:
        gc.enable()


def test_an_engine_that_is_not_made_for_it_gets_nothing_to_do_on_the_event_loop() -> None:
    assert inline_tokens(FakeEngine(inline=False), max_tokens=256) == 0


def test_the_slower_the_engine_the_less_it_does_on_the_event_loop() -> None:
    def slow(rows: Rows) -> NDArray[np.float32]:
        sleep(len(rows[0]) * 50e-6)
        return np.array([[0.5, 0.5]], dtype=np.float32)

    engine = FakeEngine(inline=True, answer=slow)
    assert inline_tokens(engine, max_tokens=256, budget_s=20e-3) < inline_tokens(FakeEngine(inline=True), 256, 20e-3)


def test_short_texts_are_done_on_the_event_loop_however_slow_the_machine() -> None:
    assert inline_tokens(FakeEngine(inline=True), max_tokens=256, budget_s=0) == 64
