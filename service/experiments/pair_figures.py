"""The figures of two arms side by side, from the sums of the evidence."""

from collections.abc import Sequence
from math import exp

import numpy as np

from service.experiments.evidence import Evidence
from service.experiments.figures import Figures, mean
from service.experiments.folding import Point
from service.experiments.pairs import Pair, PairedTally, SplitTally
from service.experiments.streams import e_value
from service.statistics import agreement, asymptotic, betting, latency, mcnemar, scores, sign

_QUANTILES = {"p50": 0.50, "p95": 0.95}


def pair_figures(evidence: Evidence, pair: Pair, course: Sequence[Point]) -> Figures:
    """Return how two arms compare, and how the interval of their difference narrowed."""
    arms, verdict, alpha = evidence.design.arms, pair.verdict, evidence.alpha_each
    interval = pair.interval(alpha)
    return {
        "arm_a": arms[pair.a].name,
        "arm_b": arms[pair.b].name,
        "n": pair.labels,
        "delta": interval.estimate if pair.labels else None,
        "delta_cs": [interval.lower, interval.upper],
        "e_two_sided": e_value(verdict.log_e),
        "e_sup": e_value(verdict.log_e_sup),
        "p_always_valid": exp(-verdict.log_e_sup),
        "better": None if verdict.better is None else arms[verdict.better].name,
        "decided_at_labels": verdict.decided_at,
        **(_paired(pair, alpha) if isinstance(pair, PairedTally) else _split(pair, alpha)),
        "latency_p": _latency(evidence, pair),
        "course": [point._asdict() for point in course],
    }


def pair_table(evidence: Evidence, pair: Pair) -> Figures:
    """Return the least one can say of a pair: its counts, and where they point."""
    names = {"arm_a": evidence.design.arms[pair.a].name, "arm_b": evidence.design.arms[pair.b].name}
    delta = pair.interval(evidence.alpha_each).estimate if pair.labels else None
    return {**names, "n": pair.labels, "delta": delta, "e_two_sided": e_value(pair.verdict.log_e)}


def _paired(pair: PairedTally, alpha: float) -> Figures:
    brier = scores.brier_difference(pair.brier, pair.brier_squares, pair.labels, alpha)
    return {
        "both_right": pair.both_right,
        "a_only": pair.a_only,
        "b_only": pair.b_only,
        "both_wrong": pair.both_wrong,
        "delta_cs_betting": _betting(pair, alpha),
        "e_a_gt_b": e_value(float(sign.log_e_greater(pair.a_only, pair.b_only))),
        "e_b_gt_a": e_value(float(sign.log_e_greater(pair.b_only, pair.a_only))),
        "p_fixed_n_mcnemar": mcnemar.fixed_exact_p(pair.a_only, pair.b_only),
        "brier_delta": mean(pair.brier, pair.labels),
        "brier_delta_cs": [brier.lower, brier.upper],
        **_agreement(pair, alpha),
    }


def _split(pair: SplitTally, alpha: float) -> Figures:
    a, b = pair.arms
    known = a.labelled and b.labelled
    return {
        "labels": [a.labelled, b.labelled],
        "errors": [a.wrong, b.wrong],
        "p_asymptotic": _p_asymptotic(pair, alpha) if known else None,
    }


def _betting(pair: PairedTally, alpha: float) -> list[float]:
    """Return the interval that needs no normal approximation, from the order of the labels."""
    if not pair.labels:
        return [-1.0, 1.0]
    path = betting.difference_path(np.frombuffer(pair.differences, np.int8), alpha)
    return [path.lower[-1], path.upper[-1]]


def _agreement(pair: PairedTally, alpha: float) -> Figures:
    """Return how often the labels agree over all texts, and what that says of the accuracies without any true label."""
    labels = sorted({label for both in pair.labels_given for label in both})
    table = [[pair.labels_given[first, second] for second in labels] for first in labels]
    texts = sum(map(sum, table))
    differing = texts - sum(table[place][place] for place in range(len(labels)))
    return {
        "texts": texts,
        "labels_given": {"labels": labels, "counts": table},
        "agreement": agreement.agreement(table) if texts else None,
        "kappa": agreement.kappa(table) if texts else None,
        "label_free_delta_bound": agreement.difference_bound(differing, texts, alpha),
    }


def _p_asymptotic(pair: SplitTally, alpha: float) -> float:
    a, b = pair.arms
    share_a, share_b = a.right / a.labelled, b.right / b.labelled
    variance = pair.labels * (share_a * (1 - share_a) / a.labelled + share_b * (1 - share_b) / b.labelled)
    sharpest = asymptotic.SPLIT_SHARPEST
    return float(asymptotic.always_valid_p(share_a - share_b, variance, pair.labels, alpha, sharpest))


def _latency(evidence: Evidence, pair: Pair) -> Figures | None:
    """Return p-values, valid at any time, of both arms having the same quantile of the time of served answers."""
    times = [evidence.arms[place].latencies_us for place in (pair.a, pair.b)]
    if not all(times):
        return None
    first, second = (np.frombuffer(each, np.uint64) / 1000 for each in times)
    return {name: latency.quantile_p(first, second, share, evidence.alpha_each) for name, share in _QUANTILES.items()}
