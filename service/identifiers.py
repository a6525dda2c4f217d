"""Names for predictions and requests."""

import itertools
import os
import re
import time

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def new_prediction_id() -> str:
    """Return a UUID of version 7 (RFC 9562): ordered by time to a quarter of a microsecond, then random.

    The twelve bits after the milliseconds hold their fraction (section 6.2, method 3).
    """
    return uuid7(time.time_ns(), int.from_bytes(os.urandom(8)))


def uuid7(time_ns: int, randomness: int) -> str:
    """Build the UUID from nanoseconds since 1970 and 62 random bits."""
    milliseconds, rest_ns = divmod(time_ns, 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    head = f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{fraction:03x}"
    return f"{head}-{0x8000 | randomness >> 48 & 0x3FFF:04x}-{randomness & 0xFFFF_FFFF_FFFF:012x}"


class RequestIds:
    """Names requests: as their caller did if that is harmless, else by a number that no other process gives."""

    def __init__(self) -> None:
        self._process = os.urandom(6).hex()
        self._numbers = itertools.count(1)

    def choose(self, wish: bytes | None) -> str:
        """Return `wish` if it matches [A-Za-z0-9._-]{1,64}, else a new name."""
        if wish is not None and _REQUEST_ID.fullmatch(wish):
            return wish.decode("ascii")
        return f"{self._process}-{next(self._numbers):x}"
