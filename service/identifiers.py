"""Names for predictions and requests, and names that stand for what must not be written down."""

import itertools
import os
import re
import time
import unicodedata
from hmac import compare_digest
from random import Random

from service.secrets import Secret

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_UUID_CHARACTERS = 36
_TAG_CHARACTERS = 16
_ID_CHARACTERS = _UUID_CHARACTERS + 1 + _TAG_CHARACTERS


class PredictionIds:
    """Names predictions so that nobody else can: a UUID of version 7 and a code of it, `<uuid>-<16 hex digits>`.

    The code is the first 64 bits of HMAC-SHA256: whoever guesses needs 2^63 requests for one forged name.

    Args:
        secret: shared by all processes that name predictions and take labels for them.
    """

    def __init__(self, secret: Secret) -> None:
        self._mac = secret.mac("prediction")
        self._random = Random()  # seeded by the system; the code, not this, is what nobody can guess

    def new(self) -> str:
        """Return a name: ordered by time to a quarter of a microsecond, then random."""
        name = uuid7(time.time_ns(), self._random.getrandbits(62))
        return f"{name}-{self._mac.hex(name.encode())[:_TAG_CHARACTERS]}"

    def verify(self, prediction_id: str) -> float | None:
        """Return when a name was given, in seconds since 1970; None if it was not given under this secret."""
        if len(prediction_id) != _ID_CHARACTERS or not prediction_id.isascii():
            return None
        name, tag = prediction_id[:_UUID_CHARACTERS], prediction_id[_UUID_CHARACTERS:]
        if not compare_digest(tag, f"-{self._mac.hex(name.encode())[:_TAG_CHARACTERS]}"):
            return None
        return int(name[:8] + name[9:13], 16) / 1000


def uuid7(time_ns: int, randomness: int) -> str:
    """Build a UUID of version 7 (RFC 9562) from nanoseconds since 1970 and 62 random bits.

    The twelve bits after the milliseconds hold their fraction (section 6.2, method 3).
    """
    milliseconds, rest_ns = divmod(time_ns, 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    head = f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{fraction:03x}"
    return f"{head}-{0x8000 | randomness >> 48 & 0x3FFF:04x}-{randomness & 0xFFFF_FFFF_FFFF:012x}"


def first_id(at: float) -> str:
    """Return what no name of a prediction made before `at`, in seconds since 1970, comes after, and all others do."""
    milliseconds = int(at * 1000)
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}"


class Pseudonyms:
    """Names that stand for texts and for clients: the same for the same one, and no way back without the secret.

    A plain hash would not do: reviews are short, and whoever has a list of them finds theirs in it.

    Args:
        secret: shared by all processes that write to one store.
    """

    def __init__(self, secret: Secret) -> None:
        self._texts = secret.mac("text")
        self._clients = secret.mac("client")

    def of_text(self, text: str) -> str:
        """Return the name of a text, whatever blanks are around it and however its characters are composed (NFC)."""
        return self._texts.hex(unicodedata.normalize("NFC", text.strip()).encode())

    def of_client(self, key: str) -> str:
        """Return the name of a client, by the value of its header X-Client-Key."""
        return self._clients.hex(key.encode())


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
