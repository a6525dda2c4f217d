import numpy as np
import pytest

from service.explain.graph import Graph, Node
from service.explain.integral import ENOUGH, FEW_POINTS, MANY_POINTS, NOTHING, WHOLE, study
from service.explain.replay import Replay
from tests.service.explain.graphs import exact, network

IDS = [3, 1, 7, 9, 2, 19]


def bag(kernel: np.ndarray[tuple[int, ...], np.dtype[np.float64]], *behind: Node) -> Replay:
    """Return a model that adds up one number for each token and multiplies it."""
    constants = {"table": np.arange(20.0)[:, None], "axis": np.array([1]), "kernel": kernel, "zero": np.zeros(2)}
    nodes = (
        Node("Gather", ("table", "ids"), ("embedded",), {}),
        Node("ReduceSum", ("embedded", "axis"), ("sum",), {"keepdims": 0}),
        Node("Gemm", ("sum", "kernel", "zero"), ("logits",), {}),
        *behind,
    )
    return Replay(Graph(nodes, constants))


def test_the_parts_of_a_linear_model_are_those_of_its_sum() -> None:
    replay = bag(np.array([[-0.01, 0.01]]), Node("Identity", ("logits",), ("probabilities",), {}))

    found = study(replay, IDS, followed=1, answer=1)

    np.testing.assert_allclose(found.integral.values, np.array(IDS) * 0.01)
    assert found.integral.baseline == 0
    assert found.integral.error == pytest.approx(0, abs=1e-12)
    assert found.integral.points == FEW_POINTS


@pytest.mark.parametrize("operator", ["RNN", "LSTM", "GRU"])
def test_the_parts_add_up_to_the_change_of_the_probability(operator: str) -> None:
    replay = Replay(exact(network(operator, direction="bidirectional", layers=2)))

    found = study(replay, IDS, followed=0, answer=1)

    whole, baseline = found.run.probabilities[[WHOLE, NOTHING], 0]
    assert found.integral.baseline == pytest.approx(baseline)
    assert found.integral.values.sum() == pytest.approx(whole - baseline, abs=max(0.02 * abs(whole - baseline), 1e-4))
    assert found.integral.error == pytest.approx(abs(found.integral.values.sum() - (whole - baseline)))


def test_more_points_are_taken_where_few_miss_the_change() -> None:
    steep = bag(np.array([[-2.0, 2.0]]), Node("Softmax", ("logits",), ("probabilities",), {}))

    found = study(steep, IDS, followed=1, answer=1)

    assert found.integral.points > FEW_POINTS
    assert found.integral.error < ENOUGH * 0.5


def test_a_long_text_is_taken_in_parts_that_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    replay = Replay(exact(network("LSTM")))
    whole = study(replay, IDS, followed=1, answer=0)
    for most in (1, 5 * len(IDS), 33 * len(IDS)):
        monkeypatch.setattr("service.explain.integral._MOST_TOKENS", most)

        parts = study(replay, IDS, followed=1, answer=0)

        np.testing.assert_allclose(parts.integral.values, whole.integral.values)
        np.testing.assert_allclose(parts.pull, whole.pull)
        assert len(parts.run.probabilities) <= max(3, most // len(IDS))


def test_a_miss_is_told() -> None:
    cliff = bag(np.array([[-5e5, 5e5]]), Node("Softmax", ("logits",), ("probabilities",), {}))

    found = study(cliff, IDS, followed=1, answer=1)

    assert found.integral.error > ENOUGH
    assert found.integral.error == pytest.approx(abs(found.integral.values.sum() - 0.5))
    assert found.integral.points >= MANY_POINTS


def test_the_pull_is_the_gradient_of_the_log_odds_of_the_answer() -> None:
    replay = bag(np.array([[-0.01, 0.02]]), Node("Softmax", ("logits",), ("probabilities",), {}))

    for followed in (0, 1):
        np.testing.assert_allclose(study(replay, IDS, followed, answer=1).pull, np.full((6, 1), 0.03))


def test_a_probability_that_is_next_to_nothing_leaves_the_pull_finite() -> None:
    replay = bag(np.array([[-500.0, 500.0]]), Node("Softmax", ("logits",), ("probabilities",), {}))

    assert np.isfinite(study(replay, IDS, followed=1, answer=1).pull).all()
