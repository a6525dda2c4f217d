"""An ONNX graph, put together operator by operator."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 9


class Graph:
    """An ONNX graph under construction, from ids int32 (batch, length) to probabilities float32 (batch, labels).

    Attributes:
        value: the name of the latest result.
        steps: the name of the ids, time-major (steps, batch).
        lengths: the name of the number of ids of each row, int32 (batch,).
        ids: how many ids there are.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.value = "ids"
        self.steps = ""
        self.lengths = ""
        self.ids = 0

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        """Append an operator and return the names of its results; the first becomes `value`."""
        names = [f"{operator.lower()}_{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        self.value = names[0]
        return names

    def constant(self, array: NDArray[Any]) -> str:
        """Store an array and return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def number(self, value: float) -> str:
        """Store one float32."""
        return self.constant(np.array(value, dtype=np.float32))

    def whole(self, *numbers: int) -> str:
        """Store whole numbers, such as axes or a shape."""
        return self.constant(np.array(numbers, dtype=np.int64))

    def to_model(self, name: str, labels: int) -> onnx.ModelProto:
        """Finish: what was computed last are the probabilities."""
        self.nodes[-1].output[0] = "probabilities"
        ids = helper.make_tensor_value_info("ids", TensorProto.INT32, ["batch", "length"])
        probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", labels])
        return helper.make_model(
            helper.make_graph(self.nodes, name, [ids], [probabilities], self.constants),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="nunchi",
        )
