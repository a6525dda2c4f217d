"""Remembers what the texts of an experiment got, after they were answered and off the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import groupby
from time import perf_counter, time

from model_store.encoder import Encoded
from model_store.layout import VersionRef
from model_store.text import normalize
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
from service.routing import Routed
from service.secrets import Secret
from service.settings import Settings
from service.traffic import unit_interval

_GATHER_S = 0.01
"""How long an answered text waits for others, so that the arms score many at once."""

_ROUND = 128
"""Texts that are scored and written down together: some milliseconds."""

_SHADOWED = 2_000
"""Texts that may wait for the other arms; beyond them, texts are written down without what those would say."""

_WAITING = 20_000
"""Texts that may wait at all; beyond them they are only counted."""

Record = Callable[[Observation], bool]
"""Hands an observation to the store; False if it has no room for it. Called from one thread."""


class Observer:
    """Takes answered texts and writes them down with what all arms say of them.

    Its methods belong to the event loop; scoring and writing happen in a thread of its own, so that an answer never
    waits for them.

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
        self._running = False
        self._idle = asyncio.Event()
        self._idle.set()

    def answered(self, routed: Routed, texts: Sequence[str], predicted: Sequence[Predicted]) -> None:
        """Take note of answers, a microsecond for each; every text of a batch took its part of the time."""
        if (taking := routed.taking) is None:
            return
        latency_us, now = round((perf_counter() - routed.started) / len(texts) * 1e6), time()
        for text, item in zip(texts, predicted, strict=True):
            seen = (taking, item.prediction_id, text, item.model, item.encoded, item.label, item.probabilities)
            self._take(Answered(*seen, latency_us, now, self._has_room()))

    def failed(self, routed: Routed, texts: Sequence[str], encoded: Sequence[Encoded], error: InferenceError) -> None:
        """Take note of texts on which an arm failed; of a batch, those that were encoded until then."""
        if (taking := routed.taking) is None:
            return
        now = time()
        for text, item in zip(texts, encoded, strict=False):
            seen = (taking, self._ids.new(), text, routed.model, item, None, ())
            self._take(Answered(*seen, 0, now, self._has_room(), error.error_type))

    def _has_room(self) -> bool:
        """Tell whether the other arms keep up."""
        return len(self._waiting) < _SHADOWED

    def _take(self, answered: Answered) -> None:
        waiting = self._waiting
        if len(waiting) >= _WAITING:
            self._counters.lost.add()
            return
        waiting.append(answered)
        if not self._running:
            self._running = True
            self._idle.clear()
            asyncio.get_running_loop().call_later(_GATHER_S, self._start_round)

    async def drain(self) -> None:
        """Wait until everything that was taken is written down, then end the thread."""
        await self._idle.wait()
        self._executor.shutdown(wait=False)

    def _start_round(self) -> None:
        texts = [self._waiting.popleft() for _ in range(min(_ROUND, len(self._waiting)))]
        holds = ExitStack()
        models = self._hold_models({id(text.taking.live): text.taking.live for text in texts}.values(), holds)
        scoring = asyncio.get_running_loop().run_in_executor(self._executor, self._write_down, texts, models)
        scoring.add_done_callback(lambda ended: self._end_round(ended, holds))

    def _end_round(self, ended: "asyncio.Future[None]", holds: ExitStack) -> None:
        holds.close()
        if error := ended.exception():
            log_exception("observations_failed", error)
        if self._waiting:
            self._start_round()
        else:
            self._running = False
            self._idle.set()

    def _hold_models(self, lives: Iterable[Live], holds: ExitStack) -> Mapping[VersionRef, Model]:
        """Return the versions that shall score, none of which is closed until they have."""
        models: dict[VersionRef, Model] = {}
        for ref in {arm.ref for live in lives if live.experiment.mode != "split" for arm in live.arms}:
            with suppress(ServiceError):  # an arm that is not ready has no outcome, and its absence is written down
                models[ref] = self._registry.get(ref.name, ref.version)
                holds.enter_context(models[ref].batcher.hold())
        return models

    def _write_down(self, texts: Sequence[Answered], models: Mapping[VersionRef, Model]) -> None:
        for _, group in groupby(texts, key=lambda text: id(text.taking.live)):
            same = list(group)
            counters = self._counters.of(same[0].taking.live)
            for text, outcomes in zip(same, outcomes_of(same, models, self._batch_tokens), strict=True):
                counters.record(text.taking.part, outcomes)
                self._record(self._observation(text, outcomes))

    def _observation(self, text: Answered, outcomes: tuple[Outcome, ...]) -> Observation:
        live, part, client = text.taking
        experiment = live.experiment
        return Observation(
            prediction_id=text.prediction_id,
            experiment=experiment.name,
            phase=live.phase,
            unit=None if client is None else self._pseudonyms.of_client(client),
            text_hmac=self._pseudonyms.of_text(normalize(text.text)),
            text=text.text if self._store_text else None,
            tokens=len(text.encoded.ids),
            served_arm=part.arm,
            reason=part.reason,
            audit=unit_interval(f"{experiment.name}:audit:{text.prediction_id}".encode()) < experiment.audit_share,
            created_at=text.created_at,
            outcomes=outcomes,
        )
