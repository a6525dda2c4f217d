"""How a question and its answer go through the pipes between the service and the process that explains."""

import struct
from typing import Literal, NamedTuple

Kind = Literal["answered", "not_covered", "changed", "failed"]

KINDS: tuple[Kind, ...] = ("answered", "not_covered", "changed", "failed")

QUESTION = struct.Struct("<I")
"""Before a question: how many bytes it has."""

ANSWER = struct.Struct("<BI")
"""Before an answer: the place of its kind in `KINDS`, and how many bytes it has."""


class Reply(NamedTuple):
    """What the process says: an answer as JSON, or in words why there is none."""

    kind: Kind
    body: bytes

    def framed(self) -> bytes:
        """Return it as it goes through the pipe."""
        return ANSWER.pack(KINDS.index(self.kind), len(self.body)) + self.body
