"""The figures of arms, guardrails and health, from the sums of the evidence."""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from service.experiments import faults
from service.experiments.arms import NOT_TRIED, ArmTally, Bin
from service.experiments.evidence import Evidence
from service.experiments.folding import Folded
from service.experiments.guardrails import Guardrail
from service.experiments.streams import ShareStream, e_value
from service.statistics import accuracy, latency, multiple, sample_ratio

Figures = dict[str, Any]

_QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def arm_figures(evidence: Evidence, place: int) -> Figures:
    """Return what is known of one arm by itself."""
    arm, tally = evidence.design.arms[place], evidence.arms[place]
    alpha = multiple.alpha_each(evidence.design.alpha, len(evidence.arms))
    share = accuracy.interval(tally.right, tally.labelled, alpha)
    times = tally.latencies_us or tally.shadow_us
    return {
        "arm": arm.name,
        "model": arm.model,
        "version": arm.version,
        "share": arm.share,
        "role_counts": {"served": tally.served, "shadow": tally.shadow},
        "failures": dict(sorted(tally.failures.items())),
        "labels": tally.labelled,
        "sources": dict(sorted(tally.sources.items())),
        "accuracy": mean(tally.right, tally.labelled),
        "accuracy_cs": [share.lower, share.upper],
        "brier": mean(tally.brier, tally.labelled),
        "ece": _calibration_error(tally),
        "calibration": [_bin(each) for each in tally.bins],
        "cbpe": mean(tally.confidence, tally.answered),
        "latency_of": "served" if tally.latencies_us else "shadow",
        "latency_ms": {name: _quantile(times, quantile, alpha) for name, quantile in _QUANTILES.items()},
        **_errors(tally, alpha),
    }


def guardrail_figures(evidence: Evidence, guardrail: Guardrail) -> Figures:
    """Return how two arms compare in what must not get worse."""
    design = evidence.design
    interval = guardrail.interval()
    breached = guardrail.breached
    arms = [design.arms[place].name for place in (guardrail.a, guardrail.b)]
    known = all(guardrail.texts)
    spotless = min(guardrail.texts) >= latency.LEAST_ANSWERS and not sum(guardrail.bad)
    good = spotless or (known and max(interval.upper, -interval.lower) < guardrail.margin)
    return {
        "metric": guardrail.metric,
        "threshold_s": design.guardrails.latency_slo_s if guardrail.metric == "latency" else None,
        "arm_a": arms[0],
        "arm_b": arms[1],
        "texts": list(guardrail.texts),
        "bad": list(guardrail.bad),
        "delta": interval.difference if known else None,
        "delta_cs": [interval.lower, interval.upper],
        "margin": guardrail.margin,
        "breached_by": None if breached is None else design.arms[breached].name,
        "status": "breach" if breached is not None else "ok" if good else "open",
    }


def health_figures(folded: Folded, found: Sequence[str]) -> Figures:
    """Return the checks, and what they found."""
    evidence, health = folded.evidence, folded.evidence.health
    mixed, lost = mean(health.mixed, health.units) or 0.0, mean(health.lost, health.expected) or 0.0
    arms = [arm.name for arm in evidence.design.arms]
    return {
        "status": "unhealthy" if found else "ok",
        "faults": list(found),
        "srm": {name: _stream(stream, arms) for name, stream in health.streams.items()},
        "label_bias": {
            "applies": bool(evidence.bias.pairs),
            "e": e_value(evidence.bias.log_e_sup),
            "trusted": evidence.trusted,
            "reported_by_users": evidence.reported,
            "unknown": evidence.unknown,
            "status": _status(any(words.startswith("label_bias") for words in found)),
        },
        "units": health.units,
        "mixed_units_ratio": mixed,
        "mixed_units_status": _status(mixed > faults.MIXED_LIMIT),
        "shadow_expected": health.expected,
        "dropped_shadow": health.lost,
        "shadow_loss_ratio": lost,
        "shadow_loss_status": _status(lost > faults.LOST_LIMIT),
        "texts": evidence.texts,
        "repeated_texts": folded.repeated,
        "immature_texts": folded.immature,
        "label_delay_p50_s": _median_delay(folded),
    }


def mean(total: float, count: int) -> float | None:
    """Return a mean, None of nothing."""
    return total / count if count else None


def _stream(stream: ShareStream, arms: Sequence[str]) -> Figures:
    seen: list[float] = [count for count, share in zip(stream.counts, stream.shares, strict=True) if share]
    shares = [share for share in stream.shares if share]
    chi2_p = sample_ratio.chi_squared(seen, shares)[1] if len(shares) > 1 and stream.total else None
    return {
        "counts": dict(zip(arms, stream.counts, strict=True)),
        "expected": {arm: share * stream.total for arm, share in zip(arms, stream.shares, strict=True)},
        "e": e_value(stream.log_e),
        "e_sup": e_value(stream.log_e_sup),
        "chi2_p": chi2_p,
        "status": _status(stream.alarmed),
    }


def _status(bad: bool) -> str:
    return "alarm" if bad else "ok"


def _median_delay(folded: Folded) -> float | None:
    delays = sorted(known.given.received_at - known.observation.created_at for known in folded.known)
    return max(0.0, delays[len(delays) // 2]) if delays else None


def _bin(each: Bin) -> Figures:
    accuracy_, confidence = mean(each.right, each.labelled), mean(each.confidence, each.labelled)
    return {"labels": each.labelled, "accuracy": accuracy_, "confidence": confidence}


def _calibration_error(tally: ArmTally) -> float | None:
    """Return the expected calibration error: biased upward by few labels, so it never decides."""
    return mean(sum(abs(each.right - each.confidence) for each in tally.bins), tally.labelled)


def _quantile(times_us: "array[int]", share: float, alpha: float) -> list[Any] | None:
    """Return a quantile in ms with its confidence sequence, open where there are too few answers for an end."""
    if not times_us:
        return None
    found = latency.quantile_interval(np.frombuffer(times_us, np.uint64) / 1000, share, alpha)
    return [found.estimate, [found.lower, found.upper]]


def _errors(tally: ArmTally, alpha: float) -> Figures:
    """Return how often it failed, of the texts that it was asked for."""
    failed = sum(count for reason, count in tally.failures.items() if reason not in NOT_TRIED)
    share = accuracy.interval(failed, failed + tally.answered, alpha)
    return {"error_ratio": mean(failed, failed + tally.answered), "error_ratio_cs": [share.lower, share.upper]}
