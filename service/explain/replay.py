"""The replay of a fused graph: what it computes of one text, step by step, and the gradient of what it says.

ONNX Runtime shows neither gates nor gradients, so the graph's operators are run here, in NumPy, and backwards. Rows of
a batch are the same text with its embeddings scaled, from nothing to what they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.explain.graph import Array, Graph, Node, NotCoveredError
from service.explain.operators import OPERATORS, Call
from service.explain.recurrence import RECURRENT, Layer, Trace, layer_of, of_last

IDS, PROBABILITIES = "ids", "probabilities"

Values = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Run:
    """What a graph computed of a batch.

    Attributes:
        probabilities: (batch, labels).
        embedded: the embeddings of the tokens (batch, tokens, features).
        calls: of the plain operators, by their places in the graph.
        traces: of the recurrent ones, one for each direction, likewise.
    """

    probabilities: Array
    embedded: Array
    calls: Mapping[int, Call]
    traces: Mapping[int, Sequence[Trace]]

    @property
    def layers(self) -> list[Sequence[Trace]]:
        """The recurrent layers, that next to the embedding first."""
        return list(self.traces.values())


class Replay:
    """A graph that can be run.

    Args:
        graph: a fused graph, from `ids` (batch, length) to `probabilities` (batch, labels).

    Raises:
        NotCoveredError: if it holds an operator or a setting that is unknown here; with the reason.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        for node in graph.nodes:
            _check(node)
        self._layers = {
            place: self._layer(node) for place, node in enumerate(graph.nodes) if node.operator in RECURRENT
        }
        self._embedding, self._time_major = self._find_embedding()
        self._depending = self._find_depending()

    def run(self, ids: Sequence[int], scales: Array) -> Run:
        """Run the graph on one text.

        Args:
            ids: of its tokens, at least one, none of them padding.
            scales: (batch,), by which the embeddings are multiplied in each row; 1 leaves them as they are.
        """
        values: Values = {**self._graph.constants, IDS: np.tile(np.array(ids, dtype=np.int32), (len(scales), 1))}
        calls: dict[int, Call] = {}
        traces: dict[int, Sequence[Trace]] = {}
        for place, node in enumerate(self._graph.nodes):
            if place in self._layers:
                *outputs, traces[place] = self._layers[place].read(values[node.inputs[0]])
                values.update(zip(node.outputs, outputs, strict=False))
                continue
            inputs = [values[name] for name in node.inputs]
            output = OPERATORS[node.operator].forward(node, inputs)
            if place == self._embedding:
                output = self._scaled(output, scales, len(ids))
            calls[place] = Call(node, inputs, output)
            values[node.outputs[0]] = output
        embedded = self._by_rows(calls[self._embedding].output, len(ids))
        return Run(values[PROBABILITIES], embedded, calls, traces)

    def gradient(self, run: Run, seeds: Array) -> Array:
        """Return the gradient by the embeddings of the tokens (batch, tokens, features).

        Args:
            run: of which it is.
            seeds: the gradient by the probabilities (batch, labels).
        """
        gradients: dict[str, Array] = {PROBABILITIES: seeds}
        for place in reversed(self._depending):
            node = self._graph.nodes[place]
            if not any(name in gradients for name in node.outputs):
                continue  # nobody reads what it gives: of a pooling by maximum the mean is computed as well
            if place in self._layers:
                found = {0: self._through(place, run.traces[place], gradients)}
            else:
                gradient = gradients[node.outputs[0]]
                backward = OPERATORS[node.operator].backward
                assert backward is not None  # noqa: S101 - as `_find_depending` has seen to
                found = {each: backward(run.calls[place], gradient, each) for each in self._depending[place]}
            for each, gradient in found.items():
                name = node.inputs[each]
                gradients[name] = gradients[name] + gradient if name in gradients else gradient
        return self._by_rows(gradients[self._graph.nodes[self._embedding].outputs[0]], run.embedded.shape[1])

    def _through(self, place: int, traces: Sequence[Trace], gradients: Mapping[str, Array]) -> Array:
        """Return the gradient of the input of a recurrent operator; each of its two outputs may have one."""
        states, ends = (gradients.get(name) for name in self._graph.nodes[place].outputs[:2])
        if ends is not None:
            states = of_last(traces, ends) if states is None else states + of_last(traces, ends)
        assert states is not None  # noqa: S101 - what follows depends on one of them
        return self._layers[place].back(traces, states)

    def _scaled(self, embedded: Array, scales: Array, tokens: int) -> Array:
        """Scale the embeddings of the tokens; what a graph pads a text with, behind them, stays."""
        scaled = embedded.copy()
        rows = self._by_rows(scaled, tokens)
        rows *= scales[:, None, None]
        return scaled

    def _by_rows(self, values: Array, tokens: int) -> Array:
        """Return a view of what belongs to the embeddings of the tokens as (batch, tokens, features)."""
        return (values.transpose(1, 0, 2) if self._time_major else values)[:, :tokens]

    def _layer(self, node: Node) -> Layer:
        constants = self._graph.constants
        if not all(name in constants for name in node.inputs[1:4]):
            raise NotCoveredError(f"no replay of this {node.operator}: its weights are no constants")
        return layer_of(node, [constants[name] for name in node.inputs[1:4]])

    def _find_embedding(self) -> tuple[int, bool]:
        """Return the place of the operator that looks up the embeddings, and whether it gives steps before rows."""
        turned = {IDS: False}
        for place, node in enumerate(self._graph.nodes):
            if node.operator == "Gather" and node.inputs[0] in self._graph.constants and node.inputs[1] in turned:
                return place, turned[node.inputs[1]]
            if node.inputs[0] in turned:
                turned[node.outputs[0]] = turned[node.inputs[0]] != (node.operator == "Transpose")
        raise NotCoveredError("the graph looks up no embedding")

    def _find_depending(self) -> dict[int, list[int]]:
        """Return which operators depend on the embeddings, in order, and by which of their inputs."""
        depending: dict[int, list[int]] = {}
        names = {self._graph.nodes[self._embedding].outputs[0]}
        for place, node in enumerate(self._graph.nodes):
            inputs = [each for each, name in enumerate(node.inputs) if name in names]
            if not inputs:
                continue
            plain = OPERATORS.get(node.operator)
            if (plain and plain.backward is None) or (inputs != [0] and node.operator not in ("Concat", "Mul")):
                raise NotCoveredError(f"no replay backwards of this {node.operator}")
            depending[place] = inputs
            names.update(filter(None, node.outputs))
        if PROBABILITIES not in names:
            raise NotCoveredError("the probabilities do not depend on the embeddings")
        return depending


def _check(node: Node) -> None:
    if node.operator in RECURRENT:
        return
    if node.operator not in OPERATORS:
        raise NotCoveredError(f"no replay of the operator {node.operator}")
    if unknown := node.attributes.keys() - OPERATORS[node.operator].settings:
        raise NotCoveredError(f"no replay of {node.operator} with {', '.join(sorted(unknown))}")
