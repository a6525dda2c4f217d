"""Scores rows in few calls of an engine, and keeps what happens to one row away from the others."""

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import NamedTuple

from service.engines import Engine, Rows
from service.errors import InferenceError
from service.logs import log_exception

Probabilities = list[float]
"""Of one row, in the order of the labels; they add up to one."""

Outcome = Probabilities | InferenceError

_SUM_TOLERANCE = 1e-3
"""How far a sum of probabilities may be from one; NaN and infinity are further."""


class Call(NamedTuple):
    """One call of an engine: how many rows, and how long it took."""

    rows: int
    seconds: float


class Scored(NamedTuple):
    """An outcome for each row, in their order, and the calls that were made for them."""

    outcomes: list[Outcome]
    calls: list[Call]


def score_rows(engine: Engine, rows: Rows, batch_tokens: int) -> Scored:
    """Score rows in batches of similar length.

    Args:
        engine: what scores.
        rows: any number, of any length.
        batch_tokens: the largest batch, as rows times longest row; a longer row goes alone.
    """
    if len(rows) == 1:
        calls: list[Call] = []
        return Scored(_score_isolated(engine, rows, calls), calls)
    scored = Scored([[]] * len(rows), [])
    for batch in cut_batches([len(row) for row in rows], batch_tokens):
        outcomes = _score_isolated(engine, [rows[index] for index in batch], scored.calls)
        for index, outcome in zip(batch, outcomes, strict=True):
            scored.outcomes[index] = outcome
    return scored


def cut_batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Yield the indices of `lengths` in batches, shortest first, each of at most `batch_tokens` with its padding."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[index] > batch_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _score_isolated(engine: Engine, rows: Rows, calls: list[Call]) -> list[Outcome]:
    """Score a batch in one call; if it fails, halve it until the row that fails is alone."""
    started = perf_counter()
    try:
        probabilities: list[Probabilities] = engine.score(rows).tolist()
        if len(probabilities) != len(rows):
            raise ValueError("the engine did not answer every row")
    except Exception as error:  # whatever an engine raises belongs to a row, not to the process
        if len(rows) == 1:
            log_exception("model_failed", error)
            return [InferenceError("model_error")]
        middle = len(rows) // 2
        return _score_isolated(engine, rows[:middle], calls) + _score_isolated(engine, rows[middle:], calls)
    calls.append(Call(len(rows), perf_counter() - started))
    return [_checked(row) for row in probabilities]


def _checked(probabilities: Probabilities) -> Outcome:
    if abs(sum(probabilities) - 1) < _SUM_TOLERANCE and min(probabilities) >= 0:
        return probabilities
    return InferenceError("bad_output")
