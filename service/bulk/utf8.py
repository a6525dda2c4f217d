"""Tells bytes and strings that are UTF-8 from those that are not.

Bytes that are none are carried through strings as lone surrogates (PEP 383), which no UTF-8 text can hold.
"""

import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def is_utf8(body: bytes) -> bool:
    """Tell whether all of `body` is UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_writable(text: str) -> bool:
    """Tell whether `text` can be written as UTF-8."""
    return not _LONE_SURROGATE.search(text)
