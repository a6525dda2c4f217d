"""Every entry of the table of variants goes the whole way: trained, published, served, explained."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from model_store.layout import VersionRef
from service.explain.graph import Graph, read_graph
from service.schemas_explanation import Explanation
from tests.prove import replay
from tests.system.server import Server, serving
from tests.system.variants import publish_every_variant
from tests.training.conftest import reviews
from training.config import VARIANT_NAMES as VARIANTS

pytestmark = [pytest.mark.system, pytest.mark.tensorflow]

TEXT = "정말 재미있게 봤어요 ㅋㅋ"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one small version of every variant."""
    return publish_every_variant(tmp_path_factory.mktemp("variants"), reviews())


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Server]:
    with serving(store, store.parent / "service.log") as running:
        running.wait_until_loaded()
        yield running


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_served_by_its_fused_graph(server: Server, variant: str) -> None:
    answer = httpx.post(f"{server.url}/predict", json={"text": TEXT, "model": variant})

    assert answer.status_code == 200
    assert sum(answer.json()["scores"].values()) == pytest.approx(1, abs=2e-6)
    models = httpx.get(f"{server.url}/models").json()["models"]
    assert next(each["engine"] for each in models if each["model"] == variant) == "onnx"


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_explained_by_a_replay_that_gives_its_probabilities(
    server: Server, store: Path, variant: str
) -> None:
    texts = [text for text, _ in reviews()][:40]

    found = replay.measure(server.url, store, VersionRef(variant, 1), texts, explained=3)

    assert found.good, found


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_layers_of_a_variant_are_shown(server: Server, variant: str) -> None:
    from training.variants import VARIANTS as TABLE

    answer = httpx.post(f"{server.url}/explain", json={"text": TEXT, "models": [variant], "units": True}, timeout=60)

    assert answer.status_code == 200, answer.text
    [model] = Explanation.model_validate_json(answer.content, strict=True).models
    entry = TABLE[variant]
    directions = ["forward", "backward"] if entry.direction == "bidirectional" else ["forward"]
    expected = (
        [(number, direction, entry.cell) for number in range(1, entry.layers + 1) for direction in directions]
        if entry.cell
        else []
    )
    assert [(layer.layer, layer.direction, layer.cell) for layer in model.layers] == expected
    assert {len(each) for layer in model.layers for each in layer.gates.values()} <= {len(model.tokens)}


def test_all_variants_are_explained_at_once(server: Server) -> None:
    answer = httpx.post(f"{server.url}/explain", json={"text": TEXT}, timeout=60)

    assert [each["variant"] for each in answer.json()["models"]] == sorted(VARIANTS)


def test_a_replay_with_other_weights_would_not_pass(
    server: Server, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def altered(data: bytes) -> Graph:
        graph = read_graph(data)
        recurrent = next(node for node in graph.nodes if node.operator == "GRU").inputs[2]
        return Graph(graph.nodes, {**graph.constants, recurrent: np.roll(graph.constants[recurrent], 1, axis=1)})

    texts = [text for text, _ in reviews()][:20]
    monkeypatch.setattr(replay, "read_graph", altered)

    found = replay.measure(server.url, store, VersionRef("gru", 1), texts, explained=1)

    assert not found.good
    assert found.worst > replay.BAR


def test_a_careless_integral_would_not_pass(server: Server, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [text for text, _ in reviews()][:20]
    for points in ("FEW_POINTS", "MANY_POINTS"):
        monkeypatch.setattr(f"service.explain.integral.{points}", 1)

    found = replay.measure(server.url, store, VersionRef("rnn", 1), texts, explained=1)

    assert not found.good
    assert found.median > replay.COMPLETE
