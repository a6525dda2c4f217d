"""Split traffic: on which arm the errors fall, the exact test beside the asymptotic interval.

If the arms err at the same rate at every moment, a labelled error belongs to an arm with the probability of its share
of the traffic, however the rate changes over time. It takes for granted that labels come at the same rate from all
arms, which is what `sample_ratio` of the labels checks.

Source: Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022; reference section 2.5 (b).
"""

from math import log

import numpy as np
from scipy.special import betaln

from service.statistics.arguments import Array, Numbers, require_counts, require_positive, require_share

DEFAULT_PRIOR = 50.0
"""How many errors the mixture is worth."""


def log_e_two(errors_a: Numbers, errors_b: Numbers, share_a: float = 0.5, prior: float = DEFAULT_PRIOR) -> Array:
    """Return the logarithm of the evidence that two arms err at different rates.

    log E = log B(K s + e_a, K (1 - s) + e_b) - log B(K s, K (1 - s)) - e_a log s - e_b log(1 - s).

    Args:
        errors_a: e_a, labelled errors of the first arm, at least 0.
        errors_b: e_b, those of the second; of the same shape.
        share_a: s, the first arm's share of the traffic of both, in (0, 1).
        prior: K, above 0.

    Raises:
        ValueError: if an argument is out of its range.
    """
    require_counts(errors_a=errors_a, errors_b=errors_b)
    require_share(share_a=share_a)
    require_positive(prior=prior)
    prior_a, prior_b = prior * share_a, prior * (1 - share_a)
    mixture = betaln(prior_a + errors_a, prior_b + errors_b) - betaln(prior_a, prior_b)
    return np.asarray(mixture - errors_a * log(share_a) - errors_b * log(1 - share_a))
