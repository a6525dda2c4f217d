"""The use case of feedback: what somebody says a text truly is, is checked, kept for good, and counted."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, Protocol

from service.errors import (
    ConflictingLabelError,
    ExpiredPredictionError,
    NotReadyError,
    ServiceError,
    StoreUnavailableError,
    UnknownLabelError,
    UnknownPredictionError,
)
from service.experiments.observation import LabelGiven, LabelResult
from service.feedback_counters import FeedbackCounters, Rejection
from service.identifiers import PredictionIds
from service.registry import Registry, State
from service.schemas_feedback import FeedbackRequest

Accepted = Literal["accepted", "same"]

FUTURE_S = 60.0
"""How far the clocks of replicas may be apart: an id from later than that was not given by any of them."""

_DAY_S = 86_400.0
_STARTED_AT_ONCE = 32
"""Labels of a batch that are looked at before others get the event loop again: less than a millisecond."""


class LabelStore(Protocol):
    """Keeps labels; the answer comes when nothing can take them back any more."""

    def label(self, given: LabelGiven) -> Awaitable[LabelResult]:
        """Keep a label, in the order of the calls."""


class Feedback:
    """Takes labels for predictions that were made here, whether or not an experiment saw them.

    Args:
        ids: know the predictions made here.
        registry: knows the labels that there are.
        store: keeps them.
        counters: where they are counted.
        retention_days: how long a prediction takes labels.
    """

    clock: Callable[[], float] = staticmethod(time.time)

    def __init__(
        self, ids: PredictionIds, registry: Registry, store: LabelStore, counters: FeedbackCounters, retention_days: int
    ) -> None:
        self._ids = ids
        self._registry = registry
        self._store = store
        self._counters = counters
        self._retention_days = retention_days

    async def give(self, request: FeedbackRequest) -> Accepted:
        """Keep a label.

        Returns:
            `same` if this source had said so before, which changes nothing.

        Raises:
            UnknownPredictionError: if the id was not given here.
            ExpiredPredictionError: if it was given too long ago.
            UnknownLabelError: if no model has this label.
            ConflictingLabelError: if the source said something else before; the new label is kept as a revision.
            StoreUnavailableError, NotReadyError: if it is worth trying again.
        """
        try:
            result = await self._give(request)
        except ServiceError as error:
            self._counters.rejected[_REASONS[type(error)]].add()
            raise
        if result == "same":
            self._counters.rejected["duplicate"].add()
        return result

    async def give_all(self, requests: Sequence[FeedbackRequest]) -> list[Accepted | ServiceError]:
        """Keep several labels, each as if it had come alone; return what became of each."""
        waiting: list[asyncio.Task[Accepted | ServiceError]] = []
        for number, request in enumerate(requests, 1):
            waiting.append(asyncio.create_task(self._outcome(request)))
            if number % _STARTED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return await asyncio.gather(*waiting)

    async def _outcome(self, request: FeedbackRequest) -> Accepted | ServiceError:
        try:
            return await self.give(request)
        except ServiceError as error:
            return error

    async def _give(self, request: FeedbackRequest) -> Accepted:
        now = self.clock()
        predicted_at = self._ids.verify(request.prediction_id)
        if predicted_at is None or predicted_at > now + FUTURE_S:
            raise UnknownPredictionError
        if predicted_at < now - self._retention_days * _DAY_S:
            raise ExpiredPredictionError(self._retention_days)
        self._check_label(request.label)
        result = await self._store.label(LabelGiven(request.prediction_id, request.source, request.label, now))
        if result == "conflict":
            raise ConflictingLabelError
        if result == "accepted":
            self._counters.accepted[request.source].add()
            self._counters.delay_s[request.source].observe(max(0.0, now - predicted_at))
        return result

    def _check_label(self, label: str) -> None:
        """Let a label through that any version has, an unloaded one too: it may have made the prediction."""
        entries = self._registry.entries.values()
        known = sorted({known for entry in entries if entry.manifest for known in entry.manifest.labels})
        if label in known:
            return
        if any(entry.state is State.LOADING for entry in entries):
            raise NotReadyError("not every model is loaded yet, and one of them may have this label")
        raise UnknownLabelError(known)


_REASONS: Mapping[type[ServiceError], Rejection] = {
    UnknownPredictionError: "unknown",
    ExpiredPredictionError: "expired",
    ConflictingLabelError: "conflict",
    UnknownLabelError: "invalid",
    NotReadyError: "unavailable",
    StoreUnavailableError: "unavailable",
}
