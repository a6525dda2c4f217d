"""What the process that records does with texts: other arms read them, rows are written, kinds of them counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from random import random
from typing import Protocol

from service.experiments.observation import Answer, Kind, Reason, Recorded
from service.identifiers import Pseudonyms
from service.logs import log_exception
from service.recorder.arms import Trial
from service.recorder.frames import Counted, Declared, Note, Settled
from service.recorder.shadows import Said, read_by_all
from service.secrets import Secret
from service.settings import Settings

_MOST_KINDS = 10_000
"""Kept in memory; as many as there are combinations of labels at most."""


class Shelf(Protocol):
    """Has the experiments whose texts are coming."""

    def get(self, number: int) -> Trial:
        """Return an experiment by its number, or raise LookupError."""

    def declare(self, declared: Declared) -> None:
        """Make an experiment ready."""


class Recording:
    """Records the texts of experiments.

    Args:
        trials: the experiments.
        write: writes down observations, and returns when it is done.
        secret: names clients and texts, neither of which is written down.
        settings: whether texts are written down all the same; the largest call of an engine.
    """

    def __init__(
        self, trials: Shelf, write: Callable[[Sequence[Recorded]], None], secret: Secret, settings: Settings
    ) -> None:
        self._trials = trials
        self._write = write
        self._pseudonyms = Pseudonyms(secret)
        self._store_text = settings.store_text
        self._batch_tokens = settings.batch_tokens
        self._kinds: dict[tuple[str, Reason, tuple[Answer, ...]], Kind] = {}

    def declare(self, declared: Declared) -> Settled:
        """Make an experiment ready for its texts."""
        self._trials.declare(declared)
        return Settled(declared.number)

    def record(self, number: int, notes: Sequence[Note]) -> Settled:
        """Record texts of one experiment."""
        try:
            trial = self._trials.get(number)
            read = read_by_all(trial, notes, self._batch_tokens)
            recorded = [self._recorded(trial.declared, *each) for each in zip(notes, read.said, strict=True)]
            self._write(recorded)
        except Exception as error:  # those texts are lost to the experiment; the next are not
            log_exception("observations_failed", error)
            return Settled(number, len(notes), lost=len(notes))
        return Settled(number, len(notes), counted=_count(recorded), calls=read.calls)

    def _recorded(self, declared: Declared, note: Note, said: tuple[Said, ...]) -> Recorded:
        name, text, ids, arm, reason, client, _, _, _, created_at, _, _ = note
        answers, numbers = zip(*said, strict=True)
        fields = (
            self._kinds.get((arm, reason, answers)) or self._learn(declared, arm, reason, answers),
            name,
            None if client is None else self._pseudonyms.of_client(client),
            self._pseudonyms.of_text(text),
            text if self._store_text else None,
            len(ids),
            random() < declared.audit_share,
            created_at,
            tuple(chain.from_iterable(numbers)),
        )
        return _new(Recorded, fields)

    def _learn(self, declared: Declared, arm: str, reason: Reason, answers: tuple[Answer, ...]) -> Kind:
        if len(self._kinds) >= _MOST_KINDS:
            self._kinds.clear()
        kind = self._kinds[arm, reason, answers] = Kind(declared.experiment, declared.phase, arm, reason, answers)
        return kind


def _count(recorded: Iterable[Recorded]) -> list[Counted]:
    kinds = Counter([each.kind for each in recorded])
    return [
        Counted(kind.served_arm, kind.reason, [(each.arm, each.label, each.error) for each in kind.answers], texts)
        for kind, texts in kinds.items()
    ]


_new = tuple.__new__
"""Makes a named tuple in half the time that its class takes."""
