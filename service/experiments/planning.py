"""How many more labels it will probably take until a phase is decided, if what was seen so far goes on as it is."""

from math import ceil, inf

from service.experiments.evidence import Evidence

_MOST = 10_000_000
"""More labels than that are as good as never."""


def labels_needed(evidence: Evidence) -> int | None:
    """Return the labels expected until a winner or equivalence, whichever is sooner; None if neither is in sight.

    Never fewer than are missing of the first ones, before which nothing is decided.
    """
    burn_in = evidence.design.minimum_labels - evidence.trusted
    soonest = max(min(_until_winner(evidence), _until_equivalent(evidence)), burn_in)
    return ceil(soonest) if 0 < soonest <= _MOST else None


def _until_winner(evidence: Evidence) -> float:
    """The arm that is ahead must beat every other, so the slowest of its comparisons counts."""
    accuracies = [arm.right / arm.labelled if arm.labelled else 0.0 for arm in evidence.arms]
    leader = accuracies.index(max(accuracies))
    open_pairs = [pair for pair in evidence.pairs if leader in (pair.a, pair.b) and pair.verdict.better is None]
    expected = [pair.further_labels() for pair in open_pairs]
    return max((inf if labels is None else labels for labels in expected), default=0.0)


def _until_equivalent(evidence: Evidence) -> float:
    """An interval narrows with the square root of the labels; all must fit between the margins."""
    longest = 0.0
    for pair in evidence.pairs:
        delta, lower, upper = pair.interval(evidence.alpha_each)
        room = evidence.design.margin - abs(float(delta))
        if not room > 0 or not pair.labels:
            return inf
        narrower = float(upper - lower) / 2 / room
        longest = max(longest, pair.labels * (narrower * narrower - 1))
    return longest
