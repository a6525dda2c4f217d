"""Hands the texts of an experiment, once they are answered, to the process that records them.

Nothing else of them happens here: a second thread in the interpreter would take it from the event loop at every system
call that an answer makes, and what happens on the loop itself, an answer waits for.
"""

from collections.abc import Sequence
from time import perf_counter, time
from typing import Protocol

from model_store.encoder import Encoded
from service.errors import InferenceError
from service.experiments.live import Live
from service.experiments.trials import Trials
from service.identifiers import PredictionIds
from service.predictor import Predicted
from service.recorder.frames import Declared
from service.routing import Routed, Taking
from service.telemetry.trail import Trace, current_trace

_SHADOWED = 10_000
"""Texts that may wait for the other arms; beyond them, texts are written down without what those would say."""


class Line(Protocol):
    """Leads to the process that records: `recorder.handle.Recorder`."""

    waiting: int
    """Texts of which nothing is known yet."""

    async def declare(self, declared: Declared) -> None:
        """Return once the process is ready for the texts of an experiment."""

    def take(self, number: int, note: tuple[object, ...], trace: Trace | None = None) -> None:
        """Take a text of an experiment."""


class Observer:
    """Takes note of answered texts. It belongs to the event loop; an answer never waits for it.

    Args:
        trials: the experiments.
        recorder: where notes go.
        ids: names what was answered by nobody.
    """

    def __init__(self, trials: Trials, recorder: Line, ids: PredictionIds) -> None:
        self._trials = trials
        self._recorder = recorder
        self._ids = ids

    async def prepare(self, live: Live) -> None:
        """Return once texts of an experiment can be recorded; before that, none may be answered in its name."""
        await self._recorder.declare(self._trials.declare(live))

    def answered(self, routed: Routed, texts: Sequence[str], predicted: Sequence[Predicted]) -> None:
        """Take note of answers, a microsecond for each; every text of a batch took its part of the time."""
        taking = routed.taking
        if taking is None or (number := self._trials.number(taking.live)) is None:
            return
        latency_us, now = round((perf_counter() - routed.started) / len(texts) * 1e6), time()
        trace = current_trace()
        (_, _, arm, reason), client = taking.part, self._client(taking, texts)
        recorder = self._recorder
        for text, (_, name, label, probabilities, encoded, _) in zip(texts, predicted, strict=True):
            shadowed = recorder.waiting < _SHADOWED
            seen = (name, text, encoded.ids, arm, reason, client, label, probabilities, latency_us, now, shadowed, None)
            recorder.take(number, seen, trace)

    def failed(self, routed: Routed, texts: Sequence[str], encoded: Sequence[Encoded], error: InferenceError) -> None:
        """Take note of texts on which an arm failed; of a batch, those that were encoded until then."""
        taking = routed.taking
        if taking is None or (number := self._trials.number(taking.live)) is None:
            return
        now, part, client, trace = time(), taking.part, self._client(taking, texts), current_trace()
        recorder, why = self._recorder, error.error_type
        for text, item in zip(texts, encoded, strict=False):
            shadowed = recorder.waiting < _SHADOWED
            seen = (text, item.ids, part.arm, part.reason, client, None, (), 0, now, shadowed, why)
            recorder.take(number, (self._ids.new(), *seen), trace)

    def _client(self, taking: Taking, texts: Sequence[str]) -> str | None:
        """Return who asked.

        Chance gives the texts of a batch without a client's key to one arm, all at once, so they are one unit: counted
        as a draw each, they would look like traffic that does not keep to the declared shares.
        """
        return self._ids.new() if taking.client is None and len(texts) > 1 else taking.client
