"""Writes messages in the wire format of protocol buffers, crooked ones included."""


def whole(value: int) -> bytes:
    """Write a number of variable length."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def number(field: int, value: int) -> bytes:
    """Write a field that is a number."""
    return whole(field << 3) + whole(value)


def chunk(field: int, content: bytes | str, *more: bytes) -> bytes:
    """Write a field that is a text or a message; further parts are appended to it."""
    raw = b"".join([content.encode() if isinstance(content, str) else content, *more])
    return whole(field << 3 | 2) + whole(len(raw)) + raw
