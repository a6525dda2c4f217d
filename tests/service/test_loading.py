import shutil
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from model_store.encoder import RESERVED_IDS
from model_store.errors import GoldenMismatchError, VersionRefusedError
from model_store.golden import GoldenExample, read_golden, write_golden
from model_store.layout import (
    EXTRA,
    FUSED_BATCH_GRAPH,
    FUSED_GRAPH,
    GOLDEN,
    MANIFEST,
    VersionRef,
    publish,
    seal,
    staging,
    verify,
)
from service.engines import Rows
from service.engines.choice import EngineChoice
from service.loading import inline_tokens, load, load_order, prove
from service.metrics import Metrics
from service.security.signatures import TrustedKeys
from service.settings import Settings
from tests.fakes import FakeEngine
from tests.versions import CHARACTERS, Shape, gru_graph, publish_staged

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


def test_a_version_is_proven_on_its_golden_examples(store: Path) -> None:
    proven = prove(store, GRU, CHOICE, None)
    assert proven.worst < 1e-6
    assert proven.engine.name == "onnx"


def test_a_version_that_was_altered_is_refused(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store / "gru" / "1", tmp_path / "gru" / "1")
    (tmp_path / "gru" / "1" / "saved_model.pb").write_bytes(b"something else that was never published")
    with pytest.raises(VersionRefusedError, match=r"altered: saved_model\.pb"):
        prove(tmp_path, GRU, CHOICE, None)


@pytest.mark.parametrize("field", ["ids", "probabilities"])
def test_a_version_that_answers_otherwise_than_when_it_was_published_is_refused(
    store: Path, tmp_path: Path, field: str
) -> None:
    ref = republish(store, tmp_path, lie_about=field)
    with pytest.raises(GoldenMismatchError):
        prove(tmp_path, ref, CHOICE, None)


def test_a_version_whose_manifest_names_more_labels_than_it_gives_is_refused(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store / "gru" / "1", tmp_path / "gru" / "1")
    manifest = tmp_path / "gru" / "1" / MANIFEST
    manifest.write_text(manifest.read_text("utf-8").replace('"positive"', '"positive", "neutral"'), encoding="utf-8")
    seal(manifest.parents[1])
    with pytest.raises(GoldenMismatchError, match="a probability for each label"):
        prove(tmp_path, GRU, CHOICE, None)


def test_a_version_that_nobody_signed_is_refused_where_that_is_asked_for(store: Path) -> None:
    with pytest.raises(VersionRefusedError, match="it is not signed"):
        prove(store, GRU, CHOICE, TrustedKeys([Ed25519PrivateKey.generate().public_key()]))


def test_a_graph_for_many_rows_that_answers_otherwise_is_refused(tmp_path: Path) -> None:
    with staging(tmp_path) as staged:
        other = gru_graph(len(set(CHARACTERS)) + RESERVED_IDS, Shape(seed=1))
        (staged / FUSED_BATCH_GRAPH).write_bytes(other.SerializeToString())
        ref = publish_staged(staged, tmp_path, "gru", Shape(seed=0))
    with pytest.raises(GoldenMismatchError):
        prove(tmp_path, ref, CHOICE, None)


def test_its_limits_come_from_the_settings_and_its_series_from_its_labels(store: Path) -> None:
    metrics = Metrics()
    model = load(prove(store, GRU, CHOICE, None), metrics, Settings(queue_rows=7))
    assert model.ref == GRU
    assert model.max_tokens == 256
    labels = {"model": "gru", "version": "1", "role": "served", "label": "positive"}
    assert metrics.registry.get_sample_value("sentiment_predictions_total", labels) == 0


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


def republish(store: Path, target: Path, lie_about: str) -> VersionRef:
    """Publish gru/1 anew, with golden examples that its model does not give."""
    stored = verify(store, GRU)
    first, *rest = read_golden(stored.path / GOLDEN)
    lie = (
        GoldenExample(first.text, [*first.ids, 5], first.probabilities)
        if lie_about == "ids"
        else GoldenExample(first.text, first.ids, first.probabilities[::-1])
    )
    with staging(target) as staged:
        shutil.copytree(stored.path, staged, dirs_exist_ok=True)
        (staged / EXTRA / "manifest.json").unlink()
        write_golden(staged / GOLDEN, [lie, *rest])
        return publish(staged, target, stored.manifest)
