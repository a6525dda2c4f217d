"""Remembers what the texts of an experiment got, after they were answered.

Only the engines run in a thread, where they leave the interpreter to others. All else happens on the event loop, a few
texts at a time: a second thread in the interpreter would take it from the loop at every system call that an answer
makes, and a request would cost twice as much.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import groupby
from random import random
from time import perf_counter, time

from model_store.encoder import Encoded
from model_store.layout import VersionRef
from service.engines import Rows
from service.errors import InferenceError, ServiceError
from service.experiments.counters import ExperimentCounters
from service.experiments.live import Live
from service.experiments.observation import Observation, Outcome
from service.experiments.shadows import Answered, outcomes_of
from service.identifiers import PredictionIds, Pseudonyms
from service.logs import log_exception
from service.model import Model
from service.predictor import Predicted
from service.registry import Registry
from service.routing import Routed, Taking
from service.scoring import Scored, score_rows
from service.secrets import Secret
from service.settings import Settings
from service.telemetry.trail import current_trace

_GATHER_S = 0.05
"""How long an answered text waits for others, so that the arms score many at once."""

_ROUND = 512
"""Texts that are scored together."""

_AT_ONCE = 16
"""Texts that are written down before others get the event loop: a fifth of a millisecond."""

_SHADOWED = 10_000
"""Texts that may wait for the other arms; beyond them, texts are written down without what those would say."""

_WAITING = 20_000
"""Texts that may wait at all; beyond them they are only counted."""

Record = Callable[[Observation], bool]
"""Hands an observation to the store; False if it has no room for it."""


class Observer:
    """Takes answered texts and writes them down with what all arms say of them.

    It belongs to the event loop; an answer never waits for it.

    Args:
        registry: the versions that are ready.
        record: where observations go.
        secret: names clients and texts, neither of which is written down.
        counters: where drops and agreement are counted.
        settings: whether texts are written down all the same; the largest call of an engine.
    """

    def __init__(
        self, registry: Registry, record: Record, secret: Secret, counters: ExperimentCounters, settings: Settings
    ) -> None:
        self._registry = registry
        self._record = record
        self._pseudonyms, self._ids = Pseudonyms(secret), PredictionIds(secret)
        self._counters = counters
        self._store_text = settings.store_text
        self._batch_tokens = settings.batch_tokens
        self._waiting: deque[Answered] = deque()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="observer")
        self._work: asyncio.Task[None] | None = None

    def answered(self, routed: Routed, texts: Sequence[str], predicted: Sequence[Predicted]) -> None:
        """Take note of answers, a microsecond for each; every text of a batch took its part of the time."""
        if (taking := self._taking(routed, texts)) is None:
            return
        latency_us, now = round((perf_counter() - routed.started) / len(texts) * 1e6), time()
        trace = current_trace()
        for text, item in zip(texts, predicted, strict=True):
            seen = (taking, item.prediction_id, text, item.model, item.encoded, item.label, item.probabilities)
            self._take(Answered(*seen, latency_us, now, self._has_room(), trace=trace))

    def failed(self, routed: Routed, texts: Sequence[str], encoded: Sequence[Encoded], error: InferenceError) -> None:
        """Take note of texts on which an arm failed; of a batch, those that were encoded until then."""
        if (taking := self._taking(routed, texts)) is None:
            return
        now, trace = time(), current_trace()
        for text, item in zip(texts, encoded, strict=False):
            seen = (taking, self._ids.new(), text, routed.model, item, None, ())
            self._take(Answered(*seen, 0, now, self._has_room(), error.error_type, trace))

    def _taking(self, routed: Routed, texts: Sequence[str]) -> Taking | None:
        """Return what a request is to an experiment.

        Chance gives the texts of a batch without a client's key to one arm, all at once, so they are one unit: counted
        as a draw each, they would look like traffic that does not keep to the declared shares.
        """
        taking = routed.taking
        if taking is None or taking.client is not None or len(texts) == 1:
            return taking
        return taking._replace(client=self._ids.new())

    def _has_room(self) -> bool:
        """Tell whether the other arms keep up."""
        return len(self._waiting) < _SHADOWED

    def _take(self, answered: Answered) -> None:
        waiting = self._waiting
        if len(waiting) >= _WAITING:
            self._counters.lost.add()
            return
        waiting.append(answered)
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._observe())

    async def drain(self) -> None:
        """Wait until everything that was taken is written down, then end the thread."""
        if self._work is not None:
            await self._work
        self._executor.shutdown(wait=False)

    async def _observe(self) -> None:
        """Write down what is waiting, and what comes meanwhile, then end."""
        while self._waiting:
            await asyncio.sleep(_GATHER_S)
            texts = [self._waiting.popleft() for _ in range(min(_ROUND, len(self._waiting)))]
            for _, group in groupby(texts, key=lambda text: id(text.taking.live)):
                try:
                    await self._write_down(list(group))
                except Exception as error:  # those texts are lost to the experiment; the next are not
                    log_exception("observations_failed", error)
        self._work = None

    async def _write_down(self, texts: Sequence[Answered]) -> None:
        live = texts[0].taking.live
        with ExitStack() as holds:
            models = self._hold_models(live, holds)
            outcomes = await outcomes_of(texts, models, self._score)
        self._counters.of(live).record([text.taking.part for text in texts], outcomes)
        for place, (text, made) in enumerate(zip(texts, outcomes, strict=True), 1):
            self._record(self._observation(text, made))
            if place % _AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _score(self, model: Model, rows: Rows) -> Scored:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, score_rows, model.engine, rows, self._batch_tokens)

    def _hold_models(self, live: Live, holds: ExitStack) -> Mapping[VersionRef, Model]:
        """Return the versions of its arms that are ready, none of which is closed while the block lasts."""
        models: dict[VersionRef, Model] = {}
        for arm in live.arms:
            with suppress(ServiceError):  # an arm that is not ready has no outcome, and its absence is written down
                models[arm.ref] = self._registry.get(arm.ref.name, arm.ref.version)
                holds.enter_context(models[arm.ref].batcher.hold())
        return models

    def _observation(self, text: Answered, outcomes: tuple[Outcome, ...]) -> Observation:
        live, part, client = text.taking
        experiment = live.experiment
        return Observation(
            prediction_id=text.prediction_id,
            experiment=experiment.name,
            phase=live.phase,
            unit=None if client is None else self._pseudonyms.of_client(client),
            text_hmac=self._pseudonyms.of_text(text.text),
            text=text.text if self._store_text else None,
            tokens=len(text.encoded.ids),
            served_arm=part.arm,
            reason=part.reason,
            audit=random() < experiment.audit_share,
            created_at=text.created_at,
            outcomes=outcomes,
        )
