"""Every variant, lowered from Keras with random weights: the replay gives what ONNX Runtime gives, and its gradient."""

from typing import Any

import numpy as np
import pytest

from service.explain.graph import Graph, read_graph
from service.explain.integral import WHOLE, study
from service.explain.replay import Replay
from tests.service.explain.graphs import exact, onnx_scores
from tests.training.models import VOCABULARY, random_weights, small
from tests.training.test_lowering import CELLS, POOLED
from training.config import VARIANT_NAMES as VARIANTS

pytestmark = pytest.mark.tensorflow

EVERY = [*({"variant": name} for name in VARIANTS), *POOLED, *CELLS]
IDS = [5, 17, 1, 42, 8, 30, 59, 2, 11]


def lowered(settings: dict[str, Any], labels: int = 2) -> bytes:
    from training.lowering import lower
    from training.variants import ModelSpec, build

    model = build(ModelSpec(small(**settings), VOCABULARY, labels, portable=True))
    random_weights(model)
    return bytes(lower(model).SerializeToString())


@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("settings", EVERY, ids=str)
def test_a_replay_gives_the_probabilities_of_the_fused_graph_whatever_the_variant(
    settings: dict[str, Any], labels: int
) -> None:
    graph = lowered(settings, labels)
    replay = Replay(read_graph(graph))

    for ids in (IDS, IDS[:1], [*IDS, 7, 7]):
        run = replay.run(ids, np.ones(2))
        np.testing.assert_allclose(run.probabilities, [onnx_scores(graph, ids)] * 2, atol=2e-6)


@pytest.mark.parametrize("settings", EVERY, ids=str)
def test_the_gradient_is_right_whatever_the_variant(settings: dict[str, Any]) -> None:
    graph, step = exact(lowered(settings)), 1e-6
    run = Replay(graph).run(IDS, np.ones(1))
    gradient = Replay(graph).gradient(run, np.array([[0.0, 1.0]]))[0]
    table = next(node.inputs[0] for node in graph.nodes if node.operator == "Gather")

    for place, token in enumerate(IDS):
        way = np.zeros_like(graph.constants[table])
        way[token] = np.random.default_rng(place).normal(size=way.shape[1])
        above, below = (
            Replay(Graph(graph.nodes, {**graph.constants, table: graph.constants[table] + each * way}))
            .run(IDS, np.ones(1))
            .probabilities[0, 1]
            for each in (step, -step)
        )
        assert gradient[place] @ way[token] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("settings", EVERY, ids=str)
def test_the_parts_of_integrated_gradients_add_up_whatever_the_variant(settings: dict[str, Any]) -> None:
    found = study(Replay(read_graph(lowered(settings))), IDS, followed=1, answer=1)

    change = float(found.run.probabilities[WHOLE, 1]) - found.integral.baseline
    missed = abs(float(found.integral.values.sum()) - change)
    # With random weights little changes, and where a maximum passes from one step to another the line has a kink;
    # trained models are held to a hundredth in tests/prove/replay.py. Whatever is missed is told.
    assert missed <= max(0.05 * abs(change), 5e-3)
    assert found.integral.error == pytest.approx(missed, abs=1e-6)
