"""Brings one version into memory: verified, opened by an engine, proven on its golden examples, warm."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from model_store.encoder import UNKNOWN_ID, TextEncoder
from model_store.errors import GoldenMismatchError
from model_store.golden import check_golden, read_golden
from model_store.layout import FUSED_GRAPH, GOLDEN, StoredVersion, Trust, VersionRef, verify
from service.answers import PredictionWriter
from service.batching import Batcher, BatchLimits
from service.engines import Engine
from service.engines.choice import EngineChoice
from service.metrics import Metrics
from service.model import Model
from service.settings import Settings

INLINE_S = 1e-3
"""The most that one call on the event loop may be expected to take; health checks wait no longer than that."""

_MANY = 32
"""Golden examples are repeated until they are that many rows."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A version whose engine gave the scores of its golden examples, to within `worst`."""

    stored: StoredVersion
    encoder: TextEncoder
    engine: Engine
    worst: float


def load_order(refs: Iterable[VersionRef], settings: Settings) -> list[VersionRef]:
    """Return versions in the order in which to load them.

    The default model comes first, since readiness waits for it. Then comes what has a fused graph, which loads in less
    than a second, before what TensorFlow may compile for a minute; then name and number decide.
    """

    def key(ref: VersionRef) -> tuple[bool, bool, VersionRef]:
        fused = (settings.model_store / ref.name / str(ref.version) / FUSED_GRAPH).is_file()
        return ref.name != settings.default_model, not fused, ref

    return sorted(refs, key=key)


def prove(store: Path, ref: VersionRef, choice: EngineChoice, trust: Trust | None) -> Proven:
    """Verify a version's files, open it, and replay its golden examples.

    Args:
        store: where versions lie.
        ref: which one.
        choice: opens it with the engine that fits it.
        trust: who has to have signed it; None: nobody.

    Raises:
        VersionRefusedError: if its files are not those that were published.
        EngineError: if no engine that may be used can run it.
        OperatorError: if it holds operators that no model needs.
        GoldenMismatchError: if it gives other ids or probabilities than when it was published.
    """
    stored = verify(store, ref, trust)
    encoder = stored.load_encoder()
    engine = choice.open(stored)

    def among_many(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        return engine.score((ids.tolist() * _MANY)[: max(_MANY, len(ids))])[: len(ids)]

    def alone(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.concatenate([engine.score([row]) for row in ids.tolist()])

    examples, max_tokens = read_golden(stored.path / GOLDEN), stored.manifest.max_tokens
    if {len(example.probabilities) for example in examples} != {len(stored.manifest.labels)}:
        raise GoldenMismatchError("the golden examples do not have a probability for each label of the manifest")
    # An engine may use one program for a row and another for many.
    worst = max(check_golden(examples, encoder, max_tokens, score) for score in (alone, among_many))
    return Proven(stored, encoder, engine, worst)


def load(proven: Proven, metrics: Metrics, settings: Settings) -> Model:
    """Build what answers requests around a proven version."""
    manifest, engine = proven.stored.manifest, proven.engine
    model_metrics = metrics.for_model(proven.stored.ref, manifest.labels)
    limits = BatchLimits(settings.queue_rows, settings.batch_tokens, inline_tokens(engine, manifest.max_tokens))
    return Model(
        stored=proven.stored,
        encoder=proven.encoder,
        max_tokens=manifest.max_tokens,
        engine=engine,
        batcher=Batcher(engine, model_metrics, limits),
        metrics=model_metrics,
        writer=PredictionWriter(proven.stored.ref, manifest.labels),
    )


def inline_tokens(engine: Engine, max_tokens: int, budget_s: float = INLINE_S) -> int:
    """Return how many tokens the engine scores within `budget_s`, as measured on a short row and a long one.

    At least a handful of tokens are answered inline by an engine that is made for it, however slow the machine.
    """
    if not engine.inline:
        return 0
    long = max(2, min(max_tokens, 64))
    short_s, long_s = _seconds(engine, [UNKNOWN_ID]), _seconds(engine, [UNKNOWN_ID] * long)
    token_s = max((long_s - short_s) / (long - 1), 1e-8)
    return max(long, int((budget_s - short_s) / token_s))


def _seconds(engine: Engine, row: Sequence[int], calls: int = 9) -> float:
    """Measure the time of one call, the first ones left out: they warm caches."""
    times = []
    for _ in range(calls):
        started = perf_counter()
        engine.score([row])
        times.append(perf_counter() - started)
    return median(times[3:])
