"""Reads and writes the wire format of Protocol Buffers, that of ONNX' and TensorFlow's graphs, without their packages.

A message is a row of fields, each a key (field number and kind of value) and a value; what a number means stands in the
`.proto` file of the format. Source: Protocol Buffers documentation, "Encoding".
"""

import struct
from collections.abc import Iterator, Sequence

from model_store.errors import WireError

Value = int | memoryview
"""A whole number, or the bytes of a text, a nested message, packed numbers or a number of fixed size."""

Message = dict[int, list[Value]]
"""The values of each field by its number, in their order."""

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED_64: 8, _FIXED_32: 4}
_LONGEST_VARINT = 10
"""Bytes of a whole number of 64 bits, seven in each."""
_LARGEST_KEY = 2**32 - 1


def read_message(data: bytes | memoryview) -> Message:
    """Return the fields of a message; nested ones are read by a call of their own.

    Raises:
        WireError: if these bytes are no message.
    """
    message: Message = {}
    for number, value in fields(data):
        message.setdefault(number, []).append(value)
    return message


def fields(data: bytes | memoryview) -> Iterator[tuple[int, Value]]:
    """Yield the fields of a message one by one: number and value.

    Raises:
        WireError: if these bytes are no message, as soon as that is seen.
    """
    view, position = memoryview(data), 0
    while position < len(view):
        key, position = _varint(view, position)
        if key > _LARGEST_KEY:  # some parsers cut it down to 32 bits and find a field that nobody else sees
            raise WireError("a field has a number of more than 29 bits")
        value, position = _value(view, position, key & 7)
        yield key >> 3, value


def messages(values: Sequence[Value]) -> Iterator[Message]:
    """Yield the messages that stand in a field.

    Raises:
        WireError: if one of them is none.
    """
    return (read_message(view) for view in _views(values))


def texts(values: Sequence[Value]) -> list[str]:
    """Return the texts that stand in a field.

    Raises:
        WireError: if one is not UTF-8.
    """
    try:
        return [str(view, "utf-8") for view in _views(values)]
    except UnicodeDecodeError as error:
        raise WireError("a text is not UTF-8") from error


def integers(values: Sequence[Value]) -> list[int]:
    """Return the signed whole numbers (`int32`, `int64`) that stand in a field, packed or one by one."""
    numbers: list[int] = []
    for value in values:
        numbers += [value] if isinstance(value, int) else _unpacked(value)
    return [number - (1 << 64) if number >> 63 else number for number in numbers]


def floats(values: Sequence[Value]) -> list[float]:
    """Return the numbers of type `float` that stand in a field, packed or one by one."""
    data = b"".join(_views(values))
    if len(data) % 4:
        raise WireError("numbers of four bytes end within one")
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def written(number: int, value: int | bytes) -> bytes:
    """Return a field: a whole number from 0 on, or bytes."""
    if isinstance(value, int):
        return _written_varint(number << 3 | _VARINT) + _written_varint(value)
    return opened(number, len(value)) + value


def opened(number: int, size: int) -> bytes:
    """Return what stands before the bytes of a field; for those that are too many to be copied."""
    return _written_varint(number << 3 | _BYTES) + _written_varint(size)


def _value(view: memoryview, position: int, kind: int) -> tuple[Value, int]:
    if kind == _VARINT:
        return _varint(view, position)
    if kind == _BYTES:
        size, position = _varint(view, position)
    elif kind in _FIXED_SIZES:
        size = _FIXED_SIZES[kind]
    else:
        raise WireError(f"a field has the unknown kind {kind}")
    if position + size > len(view):
        raise WireError("a field ends beyond its message")
    return view[position : position + size], position + size


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    """Read a whole number of 64 bits without sign: seven bits a byte, the lowest first, the last byte below 128."""
    number = 0
    for place, byte in enumerate(view[position : position + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number & (1 << 64) - 1, position + place + 1
    raise WireError("a whole number does not end")


def _written_varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _unpacked(view: memoryview) -> Iterator[int]:
    position = 0
    while position < len(view):
        number, position = _varint(view, position)
        yield number


def _views(values: Sequence[Value]) -> Iterator[memoryview]:
    for value in values:
        if isinstance(value, int):
            raise WireError("a number stands where bytes should")
        yield value
