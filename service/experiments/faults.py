"""What is wrong with an experiment, in plain words. Where anything is, no winner is ever named."""

from collections.abc import Iterator
from math import exp

from service.experiments.evidence import Evidence
from service.experiments.streams import e_value
from service.statistics.sample_ratio import LOG_ALARM

MIXED_LIMIT = 0.10
"""Of the units, those that more than one arm served."""

LOST_LIMIT = 0.05
"""Of the shadow answers, those that never came."""

_ENOUGH = 100
"""Units, or shadow answers, before a share of them is judged."""

_MISMATCHES = {
    "assignments": "clients are not given to the arms in the declared shares",
    "answers": "clients do not get answers from the arms in the declared shares",
    "labels": "labels do not come from the clients of all arms at the same rate",
    "shadows": "some arms answer in the shadow less often than others",
}


def faults(evidence: Evidence) -> list[str]:
    """Return what is wrong, each as `code: words`; nothing if all is well."""
    return [*_mismatches(evidence), *_mixed_units(evidence), *_lost_shadows(evidence), *_label_bias(evidence)]


def _mismatches(evidence: Evidence) -> Iterator[str]:
    for name, stream in evidence.health.streams.items():
        if stream.alarmed:
            strength = f"evidence {e_value(stream.log_e_sup):.3g}, alarm at {exp(LOG_ALARM):.3g}"
            yield f"srm_{name}: {_MISMATCHES[name]} ({strength})"


def _mixed_units(evidence: Evidence) -> Iterator[str]:
    health = evidence.health
    if health.units >= _ENOUGH and health.mixed > MIXED_LIMIT * health.units:
        yield f"mixed_units: {health.mixed / health.units:.0%} of the clients were served by more than one arm"


def _lost_shadows(evidence: Evidence) -> Iterator[str]:
    health = evidence.health
    if health.expected >= _ENOUGH and health.lost > LOST_LIMIT * health.expected:
        yield f"shadow_loss: {health.lost / health.expected:.0%} of the shadow answers never came"


def _label_bias(evidence: Evidence) -> Iterator[str]:
    if not evidence.trusted and evidence.reported >= evidence.design.minimum_labels:
        yield (
            "label_bias: there are labels by users only, and users correct what is wrong more often than they confirm "
            "what is right; give labels of the sources audit or gold"
        )
    if evidence.bias.alarmed:
        yield (
            "label_bias: whether a text gets a label depends on whether its answer was right: in the labelled texts "
            "the better answer was served more or less often than chance allows"
        )
