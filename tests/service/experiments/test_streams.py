import math

import numpy as np
import pytest

from service.experiments.streams import ShareStream, e_value
from service.statistics import sample_ratio


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.1, 0.4, 0.5)])
def test_counting_one_by_one_gives_the_evidence_of_all_counts_together(shares: tuple[float, ...]) -> None:
    stream = ShareStream(shares)
    for arm in np.random.default_rng(1).choice(len(shares), size=500).tolist():
        stream.add(arm)
    assert stream.log_e == pytest.approx(float(sample_ratio.log_e(stream.counts, shares)), abs=1e-9)
    assert stream.total == 500


def test_an_alarm_stays_when_the_counts_even_out_again() -> None:
    stream = ShareStream((0.5, 0.5))
    for arm in [0] * 60 + [1] * 60:
        stream.add(arm)
    assert stream.log_e < math.log(100) < stream.log_e_sup
    assert stream.alarmed


def test_what_should_never_be_counted_is_infinite_evidence() -> None:
    stream = ShareStream((1.0, 0.0))
    stream.add(0)
    assert stream.log_e == pytest.approx(0)
    stream.add(1)
    assert stream.alarmed
    assert math.isfinite(e_value(stream.log_e_sup))
