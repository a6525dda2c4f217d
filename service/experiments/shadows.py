"""Lets every arm of an experiment score the texts that one of them answered."""

import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

from model_store.encoder import UNKNOWN_ID, Encoded
from model_store.layout import VersionRef
from service.engines import Rows
from service.experiments.live import LiveArm
from service.experiments.observation import Outcome
from service.model import Model
from service.routing import Taking
from service.scoring import Scored
from service.telemetry.trail import Trace

DROPPED = "dropped"
NOT_READY = "not_ready"


class Answered(NamedTuple):
    """A text that an arm answered.

    Attributes:
        taking: what it is to the experiment: which arm answered, and why.
        prediction_id: of the answer; of a failure, a name that nobody was told.
        text: as received.
        model: what stood for the arm.
        encoded: what it saw of the text.
        label: the place of the most probable label; None if the arm failed.
        probabilities: one for each label; none if the arm failed.
        latency_us: microseconds from the parsed request to its probabilities, waiting included.
        created_at: seconds since 1970, UTC.
        shadowed: whether the other arms shall score it; False if too many texts are waiting for them.
        error: how the arm failed; None if it did not.
        trace: of the request; None if none is recorded.
    """

    taking: Taking
    prediction_id: str
    text: str
    model: Model
    encoded: Encoded
    label: int | None
    probabilities: Sequence[float]
    latency_us: int
    created_at: float
    shadowed: bool
    error: str | None = None
    trace: Trace | None = None


Score = Callable[[Model, Rows], Awaitable[Scored]]
"""Lets a model score rows without making anybody wait."""


async def outcomes_of(
    texts: Sequence[Answered], models: Mapping[VersionRef, Model], score: Score
) -> list[tuple[Outcome, ...]]:
    """Return what every arm made of each text, in the order of the arms; in split traffic the serving arm's alone.

    Args:
        texts: all of the same `Live`.
        models: those that are ready, of all its arms.
        score: asks one of them.
    """
    live = texts[0].taking.live
    served = [_served(text) for text in texts]
    if live.experiment.mode == "split":
        return [(outcome,) for outcome in served]
    columns = {arm.name: list(served) for arm in live.arms}
    for arm in random.sample(live.arms, len(live.arms)):  # so that none is always the first, with caches cold
        column, model = columns[arm.name], models.get(arm.ref)
        others = [place for place, text in enumerate(texts) if text.taking.part.arm != arm.name]
        asked = [place for place in others if texts[place].shadowed and model is not None]
        for place in others:
            column[place] = _missing(arm, NOT_READY if texts[place].shadowed else DROPPED)
        if model is not None and asked:
            shadowed, started = [texts[place] for place in asked], perf_counter()
            scored = await score(model, _rows(model, shadowed))
            _tell_traces(shadowed, arm, started)
            for place, outcome in zip(asked, _outcomes(arm, model, scored), strict=True):
                column[place] = outcome
    return list(zip(*columns.values(), strict=True))


def _served(text: Answered) -> Outcome:
    arm, ref = text.taking.part.arm, text.model.ref
    if text.label is None:
        return Outcome(arm, ref.name, ref.version, None, (), None, text.error)
    label = text.model.stored.manifest.labels[text.label]
    return Outcome(arm, ref.name, ref.version, label, text.probabilities, text.latency_us)


def _tell_traces(texts: Sequence[Answered], arm: LiveArm, started: float) -> None:
    """Tell the traces of texts, once for all of one request, that an arm has scored them just now."""
    for trace in {text.trace for text in texts if text.trace is not None}:
        trace.note_late("shadow", started, arm=arm.name, model=arm.ref.name, version=arm.ref.version, rows=len(texts))


def _outcomes(arm: LiveArm, model: Model, scored: Scored) -> Iterator[Outcome]:
    """Yield what a model made of rows, each of which took its part of the calls, and count it."""
    labels, metrics = model.stored.manifest.labels, model.metrics.shadow
    for call in scored.calls:
        metrics.inference.observe(call.seconds)
    row_us = round(sum(call.seconds for call in scored.calls) / len(scored.probabilities) * 1e6)
    for row, probabilities in enumerate(scored.probabilities):
        failure = scored.failures.get(row)
        if failure is not None:
            metrics.failures[failure.error_type].add()
            yield _missing(arm, failure.error_type)
            continue
        label = probabilities.index(max(probabilities))
        metrics.predictions[label].add()
        yield Outcome(arm.name, arm.ref.name, arm.ref.version, labels[label], probabilities, row_us)


def _missing(arm: LiveArm, error: str) -> Outcome:
    return Outcome(arm.name, arm.ref.name, arm.ref.version, None, (), None, error)


def _rows(model: Model, texts: Sequence[Answered]) -> list[Sequence[int]]:
    """Return what the model sees of texts; encoded anew only if the arm that answered reads texts otherwise."""
    same = {id(text.model): text.model.reads_as == model.reads_as for text in texts}
    return [text.encoded.ids if same[id(text.model)] else _encoded(model, text.text) for text in texts]


def _encoded(model: Model, text: str) -> Sequence[int]:
    return model.encode(text).ids or (UNKNOWN_ID,)
