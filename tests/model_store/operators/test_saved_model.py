from collections.abc import Iterable

import pytest

from model_store.errors import OperatorError
from model_store.layout import DEFAULT_STORE, SAVED_MODEL, list_versions
from model_store.operators.saved_model import LARGEST_CONSTANT, check_saved_model
from tests.protobuf import chunk, number

SIGNATURE = chunk(1, chunk(8, chunk(1, "serve")))
"""An object that is a function with a signature."""


def attribute(value: bytes) -> bytes:
    return chunk(5, chunk(1, "attribute"), chunk(2, value))


def node(operator: str, *attributes: bytes) -> bytes:
    return chunk(3, chunk(1, "a name"), chunk(2, operator), *map(attribute, attributes))


def function(name: str, *nodes: bytes) -> bytes:
    return chunk(1, chunk(1, chunk(1, name)), *nodes)


def saved_model(functions: Iterable[bytes], objects: bytes = SIGNATURE, graph: bytes = b"") -> bytes:
    """Write a SavedModel of these functions and objects."""
    return chunk(2, chunk(2, graph, chunk(2, *functions) if functions else b""), chunk(7, objects))


def called(name: str) -> bytes:
    """Write an attribute that names a function."""
    return chunk(10, chunk(1, name))


def tensor(*sizes: int) -> bytes:
    return chunk(8, number(1, 1), chunk(2, *(chunk(2, number(1, size), chunk(2, "axis")) for size in sizes)))


PLAIN = function("serve", node("MatMul"), node("StatefulPartitionedCall", called("inner")))
INNER = function("inner", node("Sigmoid"))


def refused(raw: bytes) -> str:
    with pytest.raises(OperatorError) as raised:
        check_saved_model(raw)
    return str(raised.value)


def test_every_shipped_model_is_taken() -> None:
    for ref in list_versions(DEFAULT_STORE):
        check_saved_model((DEFAULT_STORE / ref.name / str(ref.version) / SAVED_MODEL).read_bytes())


def test_a_model_of_known_operators_is_taken() -> None:
    check_saved_model(saved_model([PLAIN, INNER]))


@pytest.mark.parametrize("operator", ["ReadFile", "WriteFile", "PyFunc", "EagerPyFunc", "SaveV2", "RestoreV2", "Send"])
def test_an_operator_of_the_signature_that_is_not_on_the_list_is_refused_by_name(operator: str) -> None:
    raw = saved_model([function("serve", node(operator))])
    assert f"the function 'serve' uses the operator '{operator}'" in refused(raw)


@pytest.mark.parametrize("operator", ["ReadFile", "SaveV2", "MergeV2Checkpoints"])
def test_an_operator_is_found_however_far_it_is_called(operator: str) -> None:
    inner = function("inner", node("While", called("condition"), chunk(1, chunk(9, chunk(1, "body")))))
    functions = [PLAIN, inner, function("condition", node("Less")), function("body", node(operator))]
    assert f"the function 'body' uses the operator '{operator}'" in refused(saved_model(functions))


def test_a_function_named_within_the_attributes_of_another_is_found() -> None:
    nested = chunk(10, chunk(1, "inner"), chunk(2, chunk(1, "f"), chunk(2, called("body"))))
    functions = [function("serve", node("PartitionedCall", nested)), INNER, function("body", node("SaveV2"))]
    assert "'body'" in refused(saved_model(functions))


def test_functions_that_call_one_another_come_to_an_end() -> None:
    again = function("inner", node("StatefulPartitionedCall", called("serve")))
    check_saved_model(saved_model([PLAIN, again]))


def test_what_saves_the_variables_is_taken_as_long_as_nothing_calls_it() -> None:
    save = function("save", node("SaveV2"), node("MergeV2Checkpoints"))
    check_saved_model(saved_model([PLAIN, INNER, save]))
    calls = function("inner", node("StatefulPartitionedCall", called("save")))
    assert "'save'" in refused(saved_model([PLAIN, calls, save]))


def test_what_nothing_calls_may_save_and_do_nothing_else() -> None:
    assert "'idle', which nothing calls," in refused(saved_model([PLAIN, INNER, function("idle", node("ReadFile"))]))


def test_what_stands_beside_the_functions_is_looked_at_too() -> None:
    around = chunk(1, chunk(1, "a name"), chunk(2, "WriteFile"))
    assert "its graph uses the operator 'WriteFile'" in refused(saved_model([PLAIN, INNER], graph=around))


def test_a_second_function_of_the_same_name_is_looked_at_too() -> None:
    assert "'ReadFile'" in refused(saved_model([PLAIN, INNER, function("inner", node("ReadFile"))]))


def test_a_function_with_the_name_of_an_operator_does_not_excuse_it() -> None:
    functions = [function("serve", node("ReadFile")), function("ReadFile", node("Sigmoid"))]
    assert "'ReadFile'" in refused(saved_model(functions))


def test_every_function_that_an_object_names_counts_as_called() -> None:
    objects = SIGNATURE + chunk(1, chunk(6, chunk(1, "trace"), chunk(1, "save")))
    assert "'save'" in refused(saved_model([PLAIN, INNER, function("save", node("SaveV2"))], objects))


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (chunk(9, ""), "a constant"),
        (chunk(10, ""), "a resource"),
        (chunk(5, ""), "an asset"),
        (chunk(11, chunk(1, "x"), chunk(2, number(3, 2))), "a saver of its own"),
        (chunk(13, "some.Class"), "a class of its own"),
        (chunk(99, ""), "field 99"),
        (chunk(4, chunk(1, "tf_keras_optimizer")), "an object of the class 'tf_keras_optimizer'"),
    ],
)
def test_an_object_that_could_run_while_it_is_loaded_is_refused(stored: bytes, reason: str) -> None:
    assert reason in refused(saved_model([PLAIN, INNER], SIGNATURE + chunk(1, stored)))


def test_a_function_that_could_take_the_place_of_another_is_refused() -> None:
    posing = chunk(1, chunk(1, chunk(1, "save")), node("SaveV2"), chunk(5, chunk(1, "api_implements"), chunk(2, "")))
    assert "the attribute 'api_implements'" in refused(saved_model([PLAIN, INNER, posing]))


@pytest.mark.parametrize(
    "sizes", [(LARGEST_CONSTANT + 1,), (2_000, 2_000), (1, 2**63), (2**64 - 1,)], ids=lambda sizes: f"{len(sizes)}"
)
def test_a_constant_that_is_larger_than_it_looks_is_refused(sizes: tuple[int, ...]) -> None:
    for value in (tensor(*sizes), chunk(1, tensor(*sizes))):
        assert "a constant of more than" in refused(saved_model([function("serve", node("Const", value))]))


def test_the_size_of_a_constant_cannot_be_hidden_behind_another() -> None:
    twice = chunk(8, chunk(2, chunk(2, number(1, 0), number(1, 10**9))))
    assert "a constant of more than" in refused(saved_model([function("serve", node("Const", twice))]))
    check_saved_model(saved_model([function("serve", node("Const", tensor(1_000, 1_000)))]))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "holds 0 models"),
        (saved_model([PLAIN, INNER]) * 2, "holds 2 models"),
        (b"not a model", "damaged"),
        (saved_model([PLAIN, INNER], objects=chunk(1, chunk(4, chunk(1, "_generic_user_object")))), "no function"),
        (chunk(2, chunk(2, chunk(2, PLAIN))), "no function"),  # as TensorFlow 1 wrote them: all of the graph is run
    ],
)
def test_what_is_no_model_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(raw)


def test_attributes_within_attributes_come_to_an_end() -> None:
    value = called("inner")
    for _ in range(2_000):
        value = chunk(10, chunk(1, "inner"), chunk(2, chunk(1, "f"), chunk(2, value)))
    assert "within one another" in refused(saved_model([function("serve", node("PartitionedCall", value)), INNER]))
