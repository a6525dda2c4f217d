"""Scores rows in few calls of an engine, and keeps what happens to one row away from the others."""

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import NamedTuple

from service.engines import Engine, Rows
from service.errors import InferenceError
from service.logs import log_exception

Probabilities = list[float]
"""Of one row, in the order of the labels; they add up to one."""

_SUM_TOLERANCE = 1e-3
"""How far a sum of probabilities may be from one; NaN and infinity are further."""


class Call(NamedTuple):
    """One call of an engine: how many rows, and how long it took."""

    rows: int
    seconds: float


class Scored(NamedTuple):
    """What became of rows.

    Attributes:
        probabilities: of each row, in their order; empty for one that failed.
        failures: the errors, by the place of their row.
        calls: the calls of the engine that were made.
    """

    probabilities: list[Probabilities]
    failures: dict[int, InferenceError]
    calls: list[Call]


def score_rows(engine: Engine, rows: Rows, batch_tokens: int) -> Scored:
    """Score rows in batches of similar length.

    Args:
        engine: what scores.
        rows: any number, of any length but zero.
        batch_tokens: the largest batch, as rows times longest row; a longer row goes alone.
    """
    scored = Scored([[]] * len(rows), {}, [])
    lengths = [len(row) for row in rows]
    for batch in cut_batches(lengths, batch_tokens, engine.call_tokens) if len(rows) != 1 else ([0],):
        _score_batch(engine, rows, batch, scored)
    return scored


def cut_batches(
    lengths: Sequence[int], batch_tokens: int, call_tokens: Callable[[int, int], int]
) -> Iterator[list[int]]:
    """Yield the indices of `lengths` in batches, shortest first.

    Args:
        lengths: of the rows, in tokens.
        batch_tokens: the most that a batch may have, padding included.
        call_tokens: `Engine.call_tokens`; rows are not padded by more than that at once.
    """
    batch: list[int] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        length, rows = lengths[index], len(batch)
        wasteful = length > longest and rows * (length - longest) > call_tokens(rows, length)
        if batch and (wasteful or (rows + 1) * length > batch_tokens):
            yield batch
            batch = []
        batch.append(index)
        longest = length
    if batch:
        yield batch


def _score_batch(engine: Engine, rows: Rows, batch: list[int], scored: Scored) -> None:
    """Score some of the rows in one call; if it fails, halve them until the row that fails is alone."""
    started = perf_counter()
    try:
        probabilities: list[Probabilities] = engine.score([rows[index] for index in batch]).tolist()
        if len(probabilities) != len(batch):
            raise ValueError("the engine did not answer every row")
    except Exception as error:  # whatever an engine raises belongs to a row, not to the process
        if len(batch) == 1:
            log_exception("model_failed", error)
            scored.failures[batch[0]] = InferenceError("model_error")
            return
        middle = len(batch) // 2
        _score_batch(engine, rows, batch[:middle], scored)
        _score_batch(engine, rows, batch[middle:], scored)
        return
    scored.calls.append(Call(len(batch), perf_counter() - started))
    for index, row in zip(batch, probabilities, strict=True):
        if abs(sum(row) - 1) < _SUM_TOLERANCE:
            scored.probabilities[index] = row
        else:
            scored.failures[index] = InferenceError("bad_output")
