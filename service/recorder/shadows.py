"""Lets every arm of an experiment read the texts that one of them answered."""

import random
from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple

from model_store.encoder import UNKNOWN_ID
from service.experiments.observation import Answer
from service.proving import Proven
from service.recorder.arms import Arm, Trial
from service.recorder.frames import Calls, Note
from service.scoring import Scored, score_rows

DROPPED = "dropped"
NOT_READY = "not_ready"

Said = tuple[Answer, Sequence[float]]
"""An answer, and the numbers that come with it: microseconds and probabilities; none if it did not come."""


class Read(NamedTuple):
    """What came of texts.

    Attributes:
        said: of each text what every arm made of it, in their order; in split traffic the serving arm's alone.
        calls: of each arm that was asked, when (perf_counter), and the seconds of each call of its engine.
    """

    said: Sequence[tuple[Said, ...]]
    calls: list[Calls]


def read_by_all(trial: Trial, notes: Sequence[Note], batch_tokens: int) -> Read:
    """Let every arm read texts.

    Args:
        trial: the experiment of all of them.
        notes: what is known of them.
        batch_tokens: the largest call of an engine, as rows times longest row.
    """
    served = [_served(trial.arms[note.arm], note) for note in notes]
    if trial.declared.mode == "split":
        return Read([(said,) for said in served], [])
    columns = {name: list(served) for name in trial.arms}
    calls: list[Calls] = []
    for arm in random.sample(list(trial.arms.values()), len(trial.arms)):  # none is always the first, with caches cold
        started = perf_counter()
        calls.append((arm.name, started, _read(trial, arm, notes, columns[arm.name], batch_tokens)))
    return Read(list(zip(*columns.values(), strict=True)), calls)


def _read(trial: Trial, arm: Arm, notes: Sequence[Note], column: list[Said], batch_tokens: int) -> list[float]:
    """Put what an arm says into its column, wherever it is not the one that served; return the seconds of the calls."""
    version = arm.version
    asked: list[int] = []
    for place, note in enumerate(notes):
        if note.arm == arm.name:
            continue
        if version is not None and note.shadowed:
            asked.append(place)
        else:
            column[place] = arm.missing(NOT_READY if note.shadowed else DROPPED), ()
    if version is None or not asked:
        return []
    scored = score_rows(version.engine, _rows(trial, version, [notes[place] for place in asked]), batch_tokens)
    for place, said in zip(asked, _said(arm, scored), strict=True):
        column[place] = said
    return [call.seconds for call in scored.calls]


def _served(arm: Arm, note: Note) -> Said:
    if note.label is None:
        return arm.missing(note.error or ""), ()
    return arm.given[note.label], (note.latency_us, *note.probabilities)


def _said(arm: Arm, scored: Scored) -> list[Said]:
    """Return what an arm says of rows, each of which took its part of the calls."""
    given = arm.given
    row_us = round(sum(call.seconds for call in scored.calls) / len(scored.probabilities) * 1e6)
    return [
        (arm.missing(scored.failures[row].error_type), ())
        if row in scored.failures
        else (given[probabilities.index(max(probabilities))], (row_us, *probabilities))
        for row, probabilities in enumerate(scored.probabilities)
    ]


def _rows(trial: Trial, version: Proven, notes: Sequence[Note]) -> list[Sequence[int]]:
    """Return what a version sees of texts; encoded anew only if the arm that answered reads texts otherwise."""
    same = {
        name: arm.version is not None and arm.version.reads_as == version.reads_as for name, arm in trial.arms.items()
    }
    return [note.ids if same[note.arm] else version.encode(note.text).ids or (UNKNOWN_ID,) for note in notes]
