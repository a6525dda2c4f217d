"""The experiments that ran since the start, each under a number, and what is counted of their texts."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from service.errors import ServiceError
from service.experiments.counters import ExperimentCounters, PhaseCounters
from service.experiments.live import Live
from service.metrics import ShadowMetrics
from service.model import Model
from service.recorder.frames import Counted, Declared, DeclaredArm, Settled
from service.registry import Registry
from service.telemetry.trail import Trace


@dataclass(frozen=True, slots=True)
class Trial:
    """One of them: what the recorder is told of it, and what is counted."""

    declared: Declared
    counters: PhaseCounters
    shadows: Mapping[str, ShadowMetrics]

    def count(self, settled: Settled, traces: Collection[Trace] = ()) -> None:
        """Count what became of texts, and tell the traces of those that are traced."""
        self.counters.record(settled.counted)
        refs = {arm.name: (arm.model, arm.version) for arm in self.declared.arms}
        for arm, started, calls in settled.calls:
            for seconds in calls:
                self.shadows[arm].inference.observe(seconds)
            for trace in set(traces if calls else ()):
                model, version = refs[arm]
                trace.note_late("shadow", started, arm=arm, model=model, version=version, rows=settled.texts)
        for each in settled.counted:
            self._count_shadows(each)

    def _count_shadows(self, counted: Counted) -> None:
        for arm in self.declared.arms:
            shadow = self.shadows.get(arm.name)
            for name, label, error in counted.answers:
                if shadow is None or name != arm.name or name == counted.arm:
                    continue
                if label is not None:
                    shadow.predictions[arm.labels.index(label)].add(counted.texts)
                elif error in shadow.failures:
                    shadow.failures[error].add(counted.texts)


class Trials:
    """Gives numbers to the experiments that run. It belongs to the event loop.

    Args:
        registry: the versions that are ready.
        counters: where assignments, agreement and drops are counted.
    """

    def __init__(self, registry: Registry, counters: ExperimentCounters) -> None:
        self._registry = registry
        self._counters = counters
        self._trials: list[Trial] = []
        self._numbers: dict[int, tuple[int, Live]] = {}

    def declare(self, live: Live) -> Declared:
        """Return what the recorder is to be told of an experiment that is about to run."""
        known = next((number for number, other in self._numbers.values() if other == live), None)
        number = len(self._trials) if known is None else known
        if known is None:
            self._trials.append(self._trial(number, live))
        self._numbers[id(live)] = number, live
        return self._trials[number].declared

    def number(self, live: Live) -> int | None:
        """Return the number of an experiment; None if it was never declared."""
        found = self._numbers.get(id(live))
        return None if found is None else found[0]

    def count(self, settled: Settled, traces: Collection[Trace] = ()) -> None:
        """Count what became of texts, and tell the traces of those that are traced."""
        self._trials[settled.number].count(settled, traces)

    def _trial(self, number: int, live: Live) -> Trial:
        models: dict[str, Model] = {}
        for arm in live.arms:
            with suppress(ServiceError):  # an arm that is not ready answers nothing, and its absence is written down
                models[arm.name] = self._registry.get(arm.ref.name, arm.ref.version)
        arms = tuple(DeclaredArm(arm.name, *arm.ref, *_known(models.get(arm.name))) for arm in live.arms)
        experiment = live.experiment
        declared = Declared(number, experiment.name, live.phase, experiment.mode, experiment.audit_share, arms)
        shadows = {name: model.metrics.shadow for name, model in models.items()}
        return Trial(declared, self._counters.of(live), shadows)


def _known(model: Model | None) -> tuple[str, tuple[str, ...]]:
    """Return the digest and the labels of a version."""
    return (model.stored.digest, tuple(model.stored.manifest.labels)) if model else ("", ())
