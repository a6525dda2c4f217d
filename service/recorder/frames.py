"""What goes through the pipes between the process that answers and the one that records.

A frame is its length (4 bytes) and a message in the form of `marshal`: both ends run the same Python, and a text takes
a microsecond. The first message to the recorder is the settings, as JSON. What follows is `Declared`, or `TEXTS`, the
number of their experiment and a list of notes. It answers with `Settled`.
"""

import marshal
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from service.experiments.design import Mode
from service.experiments.observation import Reason
from service.store.tallies import Plain

DECLARED, TEXTS = "declared", "texts"

LENGTH = struct.Struct("<I")
"""Before a message: how many bytes it has."""


class DeclaredArm(NamedTuple):
    """An arm of a running experiment: its name, the version that stands for it, what that is known by, its labels."""

    name: str
    model: str
    version: int
    digest: str
    labels: Sequence[str]


class Declared(NamedTuple):
    """A running experiment, under a number that stands for it from then on."""

    number: int
    experiment: str
    phase: int
    mode: Mode
    audit_share: float
    arms: Sequence[DeclaredArm]

    def plain(self) -> tuple[object, ...]:
        """Return it as nothing but tuples, which is what can go through a pipe."""
        return (DECLARED, *self[:-1], tuple((*arm[:-1], tuple(arm.labels)) for arm in self.arms))

    @classmethod
    def of(cls, plain: Sequence[Any]) -> "Declared":
        """Return what `plain` was made of."""
        return cls._make((*plain[1:-1], tuple(map(DeclaredArm._make, plain[-1]))))


class Note(NamedTuple):
    """A text that an arm answered.

    Attributes:
        prediction_id: of the answer; of a failure, a name that nobody was told.
        text: as received.
        ids: what the arm saw of it.
        arm: who answered.
        reason: why that one.
        client: the client's key, or a name made for a batch that came without; None if the text is a unit of its own.
        label: the place of the most probable label; None if the arm failed.
        probabilities: one for each label; none if the arm failed.
        latency_us: microseconds from the parsed request to its probabilities, waiting included.
        created_at: seconds since 1970, UTC.
        shadowed: whether the other arms shall read it; False if too many texts wait for them.
        error: how the arm failed; None if it did not.
    """

    prediction_id: str
    text: str
    ids: list[int]
    arm: str
    reason: Reason
    client: str | None
    label: int | None
    probabilities: Sequence[float]
    latency_us: int
    created_at: float
    shadowed: bool
    error: str | None


class Counted(NamedTuple):
    """Texts of which the same is to be counted.

    Attributes:
        arm: who answered.
        reason: why that one.
        answers: of each arm its name, its label, and why it has none.
        texts: how many they are.
    """

    arm: str
    reason: Reason
    answers: Sequence[tuple[str, str | None, str | None]]
    texts: int


Calls = tuple[str, float, Sequence[float]]
"""An arm, when it was asked (`perf_counter`, the same in all processes), and the seconds of each call of its engine."""


class Settled(NamedTuple):
    """What became of texts of one experiment, or that it is ready for its texts.

    Attributes:
        number: of the experiment.
        texts: how many were read; 0 says that it is ready.
        lost: how many of them nothing is known of.
        counted: what is to be counted of the others.
        calls: those of the arms that were asked.
        tallies: what the writer of rows counted since the last message.
    """

    number: int
    texts: int = 0
    lost: int = 0
    counted: Sequence[Counted] = ()
    calls: Sequence[Calls] = ()
    tallies: Plain | None = None

    def plain(self) -> tuple[object, ...]:
        """Return it as nothing but tuples."""
        return (*self[:3], tuple(map(tuple, self.counted)), *self[4:])

    @classmethod
    def of(cls, plain: Sequence[Any]) -> "Settled":
        """Return what `plain` was made of."""
        settled = cls(*plain)
        return settled._replace(counted=tuple(map(Counted._make, settled.counted)))


def framed(message: Any) -> bytes:
    """Return a message as it goes through a pipe."""
    content = marshal.dumps(message)
    return LENGTH.pack(len(content)) + content


def unframed(content: bytes) -> Any:
    """Return the message of a frame, its length left out."""
    return marshal.loads(content)  # noqa: S302 - it comes from the other end of our own pipe


class Frames:
    """Takes bytes as they come and gives the messages that are complete."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def take(self, some: bytes) -> Iterator[Any]:
        """Yield the messages that end within these bytes."""
        self._rest += some
        place = 0
        while len(self._rest) >= place + LENGTH.size:
            end = place + LENGTH.size + LENGTH.unpack_from(self._rest, place)[0]
            if len(self._rest) < end:
                break
            yield unframed(bytes(self._rest[place + LENGTH.size : end]))
            place = end
        del self._rest[:place]
