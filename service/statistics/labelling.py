"""Whether texts are labelled because their served answer was wrong, which turns a comparison upside down.

People complain of errors more than they praise. Labels made of complaints show an arm wrong wherever it served, and
right wherever the other one did: where it mostly serves, it seems the worse. Who serves was drawn by chance before
anybody knew who is right. So among labelled texts that only one of two arms got right, and that one of the two served,
the right one served as often as its share of the traffic says, unless labelling depends on it.

The evidence is a mixture over how many times larger or smaller the odds are. Source: likelihood ratios of simple
hypotheses (Wald, 1945), averaged; reference section 2.11.
"""

from math import log

import numpy as np
from scipy.special import logsumexp

from service.statistics.arguments import Array, Numbers, require_counts, require_part, require_share

ODDS = (0.25, 0.5, 2.0, 4.0)
"""How many times the odds that the right one served may differ from what chance makes them, all equally likely."""


def log_e(served_right: Numbers, right_a: Numbers, right_b: Numbers, share_a: float = 0.5) -> Array:
    """Return the logarithm of the evidence that labels depend on whether the served answer was right.

    With odds multiplied by r, a text whose right arm has the share q counts r / (1 - q + r q) if that arm served, else
    1 / (1 - q + r q); E is the mean over r of the products. Counts suffice, so the order does not matter.

    Args:
        served_right: labelled texts, of those below, that the right one of the two arms served.
        right_a: labelled texts that only the first arm got right, and that one of the two served.
        right_b: the same for the second.
        share_a: the first arm's share of what the two serve, in (0, 1).

    Raises:
        ValueError: if an argument is out of its range.
    """
    require_counts(right_a=right_a, right_b=right_b)
    require_part(served_right, np.add(right_a, right_b), "served_right")
    require_share(share_a=share_a)
    each = [
        served_right * log(odds) - right_a * _log_mean(odds, share_a) - right_b * _log_mean(odds, 1 - share_a)
        for odds in ODDS
    ]
    return np.asarray(logsumexp(np.stack(np.broadcast_arrays(*each)), axis=0) - log(len(ODDS)))


def _log_mean(odds: float, share: float) -> float:
    return log(1 - share + odds * share)
