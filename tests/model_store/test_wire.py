import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from model_store.errors import WireError
from model_store.wire import fields, floats, integers, messages, read_message, texts, written

INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.floats(width=32, allow_nan=False)


@given(st.lists(INT64), st.lists(FLOAT32), st.text())
def test_fields_are_read_as_they_were_written(dims: list[int], numbers: list[float], name: str) -> None:
    attribute = onnx.AttributeProto(name=name, ints=dims, floats=numbers)

    fields = read_message(attribute.SerializeToString())

    assert texts(fields[1]) == [name]
    assert integers(fields.get(8, [])) == dims
    assert floats(fields.get(7, [])) == numbers


@given(st.lists(INT64), st.lists(FLOAT32))
def test_packed_numbers_are_read_as_well(whole: list[int], numbers: list[float]) -> None:
    tensor = TensorProto(int64_data=whole, float_data=numbers)

    fields = read_message(tensor.SerializeToString())

    assert integers(fields.get(7, [])) == whole
    assert floats(fields.get(4, [])) == numbers


def test_nested_messages_are_read_in_their_order() -> None:
    nodes = [helper.make_node(operator, ["a"], ["b"]) for operator in ("Relu", "Tanh")]
    graph = onnx.GraphProto(node=nodes, name="two")

    read = list(messages(read_message(graph.SerializeToString())[1]))

    assert [texts(node[4]) for node in read] == [["Relu"], ["Tanh"]]


@given(st.binary(max_size=40))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        fields = read_message(data)
    except WireError:
        return
    assert all(values for values in fields.values())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x0a\x05ab", "beyond its message"),
        (b"\x0d\x00\x00", "beyond its message"),
        (b"\x0b", "unknown kind 3"),
        (b"\x08" + b"\x80" * 11, "does not end"),
        (b"\x08", "does not end"),
        (b"\x88\x80\x80\x80\x10\x01", "more than 29 bits"),
    ],
)
def test_bytes_that_are_no_message_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        read_message(data)


def test_a_field_of_another_type_is_refused() -> None:
    number, broken = read_message(b"\x08\x01\x12\x03abc"), read_message(b"\x12\x02\xff\xfe")
    for read in (texts, floats):
        with pytest.raises(WireError, match="a number stands where bytes should"):
            read(number[1])
    with pytest.raises(WireError, match="a number stands where bytes should"):
        list(messages(number[1]))
    with pytest.raises(WireError, match="end within one"):
        floats(number[2])
    with pytest.raises(WireError, match="not UTF-8"):
        texts(broken[2])


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.integers(0, 2**64 - 1) | st.binary(max_size=300))))
def test_what_is_written_is_read_again(given: list[tuple[int, int | bytes]]) -> None:
    message = b"".join(written(number, value) for number, value in given)

    assert list(fields(message)) == given
