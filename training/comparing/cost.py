"""What a text costs: measured here and now, all models in turn, on one thread."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model_store.golden import pad
from training.comparing.contestants import Contestant

TEXTS = 500
"""How many texts are timed, the same for every model."""
BATCH = 64
"""Texts of a batch, sorted by length, as the service sorts what is waiting."""
ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Time:
    """Microseconds for one text: the median of `ROUNDS` rounds over all texts, and the lowest and highest."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds for one text.

    Attributes:
        encode: from text to ids.
        one: from ids to probabilities, one text at a time.
        batched: the same in batches of `BATCH`.
    """

    encode: Time
    one: Time
    batched: Time

    @property
    def alone(self) -> float:
        """From text to probabilities, one text at a time."""
        return self.encode.median + self.one.median


def measure(
    contestants: Sequence[Contestant], texts: Sequence[str], said: Callable[[int, int], None], rounds: int = ROUNDS
) -> list[Cost]:
    """Time every model on the first `TEXTS` texts.

    The models take turns, and every round begins with the next one, so that what else the machine does in the meantime
    meets all of them; a first round warms up and does not count.

    Args:
        contestants: the models.
        texts: at least one.
        said: is told how many steps are done, and of how many.
        rounds: how often.
    """
    chosen = list(texts[:TEXTS])
    ids = [[each.encoder.encode(text, each.max_tokens).ids for text in chosen] for each in contestants]
    found: list[list[tuple[float, float, float]]] = [[] for _ in contestants]
    total = (rounds + 1) * len(contestants)
    for number in range(rounds + 1):
        for step in range(len(contestants)):
            place = (number + step) % len(contestants)
            times = _once(contestants[place], chosen, ids[place])
            if number:
                found[place].append(times)
            said(number * len(contestants) + step + 1, total)
    return [Cost(*(_summary(column) for column in zip(*each, strict=True))) for each in found]


def _once(contestant: Contestant, texts: Sequence[str], rows: Sequence[Sequence[int]]) -> tuple[float, float, float]:
    """Return microseconds for one text: encoding, one at a time, in batches."""
    by_length = sorted(rows, key=len)
    batches = [by_length[start : start + BATCH] for start in range(0, len(by_length), BATCH)]

    def encode() -> None:
        for text in texts:
            contestant.encoder.encode(text, contestant.max_tokens)

    def one() -> None:
        for row in rows:
            contestant.score_one(pad([row]))

    def batched() -> None:
        for batch in batches:
            contestant.score_many(pad(batch))

    return _microseconds(encode, len(texts)), _microseconds(one, len(texts)), _microseconds(batched, len(texts))


def _microseconds(work: Callable[[], None], texts: int) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e6 / texts


def _summary(times: Sequence[float]) -> Time:
    return Time(statistics.median(times), min(times), max(times))
