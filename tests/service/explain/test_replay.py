from typing import Any

import numpy as np
import pytest

from model_store.layout import DEFAULT_STORE, FUSED_GRAPH
from service.explain.graph import Graph, Node, NotCoveredError, read_graph
from service.explain.replay import Replay
from tests.service.explain.graphs import exact, network, onnx_scores
from tests.versions import Shape, gru_graph

IDS = [3, 1, 7, 9, 2, 19]
"""Each of them once, so that each has an embedding of its own."""
CELLS: list[dict[str, Any]] = [
    {"operator": "RNN"},
    {"operator": "LSTM"},
    {"operator": "GRU", "linear_before_reset": 1},
    {"operator": "GRU", "linear_before_reset": 0},
]
ACTIVATIONS: list[dict[str, Any]] = [
    {"operator": "RNN", "activations": ["Relu"]},
    {"operator": "RNN", "activations": ["Softplus"]},
    {
        "operator": "LSTM",
        "activations": ["HardSigmoid", "Softsign", "Tanh"],
        "activation_alpha": [1 / 6],
        "activation_beta": [0.5],
    },
    {
        "operator": "GRU",
        "activations": ["Softsign", "Affine"],
        "activation_alpha": [0.7],
        "activation_beta": [0.1],
        "linear_before_reset": 1,
    },
]
DEEP: list[dict[str, Any]] = [
    {**cell, "direction": direction, "layers": layers}
    for cell in CELLS
    for direction, layers in (("reverse", 1), ("bidirectional", 1), ("forward", 2), ("bidirectional", 2))
]
TINY = gru_graph(20, Shape()).SerializeToString()
"""Reads rows before steps, and gives the last state only."""


@pytest.mark.parametrize("settings", [*CELLS, *ACTIVATIONS, *DEEP], ids=str)
def test_the_replay_gives_the_probabilities_of_onnx_runtime(settings: dict[str, Any]) -> None:
    graph = network(**settings)

    run = Replay(read_graph(graph)).run(IDS, np.ones(1, dtype=np.float32))

    np.testing.assert_allclose(run.probabilities[0], onnx_scores(graph, IDS), atol=1e-6)
    assert len(run.layers) == settings.get("layers", 1)


@pytest.mark.parametrize("settings", [*CELLS, *ACTIVATIONS, *DEEP], ids=str)
def test_the_gradient_is_that_of_the_probabilities(settings: dict[str, Any]) -> None:
    assert_gradient_is_right(exact(network(**settings)))


def test_a_graph_that_gives_the_last_state_only_is_replayed_as_well() -> None:
    replay = Replay(read_graph(TINY))

    np.testing.assert_allclose(
        replay.run(IDS, np.ones(1, dtype=np.float32)).probabilities[0], onnx_scores(TINY, IDS), atol=1e-6
    )
    assert_gradient_is_right(exact(TINY))


def test_what_nobody_reads_of_a_graph_is_left_out_on_the_way_back() -> None:
    graph = exact(network())
    place = next(place for place, node in enumerate(graph.nodes) if node.operator == "Div")
    unread = Node("Mul", graph.nodes[place].inputs, ("unread",), {})

    assert_gradient_is_right(Graph((*graph.nodes[: place + 1], unread, *graph.nodes[place + 1 :]), graph.constants))


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "chatbot"])
def test_the_shipped_models_are_replayed(name: str) -> None:
    graph = (DEFAULT_STORE / name / "1" / FUSED_GRAPH).read_bytes()

    run = Replay(read_graph(graph)).run(list(range(1, 40)), np.ones(2, dtype=np.float32))

    np.testing.assert_allclose(run.probabilities, [onnx_scores(graph, list(range(1, 40)))] * 2, atol=1e-6)


def test_embeddings_are_scaled_row_by_row() -> None:
    replay = Replay(exact(network()))

    run = replay.run(IDS, np.array([1.0, 0.5, 0.0]))

    assert run.embedded.shape == (3, len(IDS), 4)
    np.testing.assert_allclose(run.embedded[1], run.embedded[0] / 2)
    np.testing.assert_allclose(run.embedded[2], 0)
    np.testing.assert_allclose(run.probabilities[2], replay.run([1] * len(IDS), np.zeros(1)).probabilities[0])


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (Node("Conv", ("gather_3_0",), ("new",), {}), "the operator Conv"),
        (Node("Relu", ("gather_3_0",), ("new",), {"alpha": 1.0}), "Relu with alpha"),
        (Node("GRU", ("gather_3_0", "ids", "ids", "ids"), ("new",), {}), "weights are no constants"),
        (Node("Sign", ("gather_3_0",), ("new",), {}), "backwards of this Sign"),
        (Node("Add", ("constant_0", "gather_3_0"), ("new",), {}), "backwards of this Add"),
    ],
)
def test_what_the_replay_does_not_know_is_refused(node: Node, reason: str) -> None:
    graph = read_graph(network())

    with pytest.raises(NotCoveredError, match=reason):
        Replay(Graph((*graph.nodes, node), graph.constants))


@pytest.mark.parametrize("change", [{"clip": 3.0}, {"direction": "sideways"}, {"linear_before_reset": 2}])
def test_a_recurrent_operator_with_an_unknown_setting_is_refused(change: dict[str, Any]) -> None:
    graph = read_graph(network())
    nodes = tuple(
        Node(node.operator, node.inputs, node.outputs, {**node.attributes, **change})
        if node.operator == "GRU"
        else node
        for node in graph.nodes
    )

    with pytest.raises(NotCoveredError, match="one of its settings is unknown"):
        Replay(Graph(nodes, graph.constants))


def test_a_graph_without_an_embedding_is_refused() -> None:
    with pytest.raises(NotCoveredError, match="no embedding"):
        Replay(Graph((Node("Relu", ("ids",), ("probabilities",), {}),), {}))


def test_a_graph_whose_answer_does_not_depend_on_the_text_is_refused() -> None:
    graph = read_graph(network())
    last = Node("Softmax", ("constant_1",), ("probabilities",), {})

    with pytest.raises(NotCoveredError, match="do not depend on the embeddings"):
        Replay(Graph((*graph.nodes[:-1], last), graph.constants))


def assert_gradient_is_right(graph: Graph) -> None:
    """Compare the gradient, token by token, with the difference that another embedding of that token makes."""
    random, step, scales = np.random.default_rng(5), 1e-6, np.array([0.3, 1.0])
    run = Replay(graph).run(IDS, scales)
    seeds = random.normal(size=run.probabilities.shape)
    gradient = Replay(graph).gradient(run, seeds)
    table = next(node.inputs[0] for node in graph.nodes if node.operator == "Gather")
    for place, token in enumerate(IDS):
        way = np.zeros_like(graph.constants[table])
        way[token] = random.normal(size=way.shape[1])
        above, below = (
            Replay(Graph(graph.nodes, {**graph.constants, table: graph.constants[table] + each * way}))
            .run(IDS, scales)
            .probabilities
            for each in (step, -step)
        )
        differences = ((above - below) * seeds).sum(axis=1) / (2 * step)
        np.testing.assert_allclose(gradient[:, place] @ way[token] * scales, differences, rtol=1e-5, atol=1e-9)
