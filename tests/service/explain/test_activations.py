import numpy as np
import pytest
from onnx import TensorProto, helper

from service.explain.activations import activations_of, precise_sigmoid, sigmoid
from service.explain.graph import NotCoveredError

NAMES = ["Sigmoid", "Tanh", "Relu", "Softsign", "Softplus", "Affine", "HardSigmoid"]
X = np.linspace(-4, 4, 60)
"""None of them where a function has a corner."""


@pytest.mark.parametrize("name", NAMES)
def test_the_derivative_is_that_of_the_function(name: str) -> None:
    [activation] = activations_of([name], [0.2], [0.45])
    step = 1e-6

    slope = activation.slope(activation.value(X))

    difference = (activation.value(X + step) - activation.value(X - step)) / (2 * step)
    np.testing.assert_allclose(slope * np.ones_like(X), difference, atol=1e-6)


@pytest.mark.parametrize("name", NAMES[:5])
def test_the_function_is_that_of_onnx_runtime(name: str) -> None:
    from onnxruntime import InferenceSession

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [60]), helper.make_tensor_value_info("y", 1, [60])
    graph = helper.make_graph([helper.make_node(name, ["x"], ["y"])], "one", [value[0]], [value[1]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = X.astype(np.float32)

    [activation] = activations_of([name])

    np.testing.assert_allclose(activation.value(x), session.run(None, {"x": x})[0], atol=1e-6)


def test_numbers_go_to_the_activations_that_take_them_in_order() -> None:
    hard, tanh, affine = activations_of(["HardSigmoid", "Tanh", "Affine"], [0.5, 2.0], [0.25, 1.0])

    assert hard.value(np.array([0.1])) == pytest.approx(0.3)
    assert tanh.value(np.array([0.1])) == pytest.approx(np.tanh(0.1))
    assert affine.value(np.array([0.1])) == pytest.approx(1.2)


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(NotCoveredError, match="Elu"):
        activations_of(["Elu"])


def test_a_sigmoid_is_right_however_far_out() -> None:
    x = np.array([-500, -90, -20, 0, 20, 90, 500], dtype=np.float32)
    expected = 1 / (1 + np.exp(-x.astype(np.float64)))

    np.testing.assert_allclose(sigmoid(x), expected, atol=1e-7)
    np.testing.assert_allclose(precise_sigmoid(x)[1:], expected[1:], rtol=1e-6)
