"""Brings a proven version into memory: with its queue, its metrics and its limits, warm."""

from collections.abc import Collection, Iterable, Sequence
from statistics import median
from time import perf_counter

from model_store.encoder import UNKNOWN_ID
from model_store.layout import FUSED_GRAPH, VersionRef
from service.answers import PredictionWriter
from service.batching import Batcher, BatchLimits
from service.engines import Engine
from service.metrics import Metrics
from service.model import Model
from service.proving import Proven
from service.settings import Settings

INLINE_S = 1e-3
"""The most that scoring one request on the event loop may be expected to take; a turn takes a few times that."""


def load_order(refs: Iterable[VersionRef], settings: Settings, first: Collection[VersionRef] = ()) -> list[VersionRef]:
    """Return versions in the order in which to load them.

    The default model comes first, since readiness waits for it. Then comes what has a fused graph, which loads in less
    than a second, before what TensorFlow may compile for a minute; then that to which an alias points; then the name
    decides, and the newest.

    Args:
        refs: the versions.
        settings: name the default model.
        first: those to which aliases point.
    """

    def key(ref: VersionRef) -> tuple[bool, bool, bool, str, int]:
        fused = (settings.model_store / ref.name / str(ref.version) / FUSED_GRAPH).is_file()
        return ref.name != settings.default_model, not fused, ref not in first, ref.name, -ref.version

    return sorted(refs, key=key)


def load(proven: Proven, metrics: Metrics, settings: Settings) -> Model:
    """Build what answers requests around a proven version."""
    manifest, engine = proven.stored.manifest, proven.engine
    model_metrics = metrics.for_model(proven.stored.ref, manifest.labels)
    limits = BatchLimits(
        queue_rows=settings.queue_rows,
        batch_tokens=settings.batch_tokens,
        inline_tokens=inline_tokens(engine, manifest.max_tokens),
        longest_wait_s=settings.longest_wait_s,
    )
    return Model(
        stored=proven.stored,
        encoder=proven.encoder,
        max_tokens=manifest.max_tokens,
        engine=engine,
        batcher=Batcher(engine, model_metrics, limits),
        metrics=model_metrics,
        writer=PredictionWriter(proven.stored.ref, manifest.labels, manifest.certain_from),
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
