from math import exp

import pytest

from service.statistics.multiple import alpha_each, log_threshold


def test_three_arms_need_evidence_of_sixty() -> None:
    assert exp(log_threshold(0.05, 3)) == pytest.approx(60)
    assert alpha_each(0.05, 3) == pytest.approx(0.016667, abs=5e-7)


def test_two_arms_need_evidence_of_twenty() -> None:
    assert exp(log_threshold(0.05, 1)) == pytest.approx(20)


def test_arguments_out_of_range_are_refused() -> None:
    for alpha, count in ((0.0, 1), (1.0, 1), (0.05, 0)):
        for method in (alpha_each, log_threshold):
            with pytest.raises(ValueError, match="expected"):
                method(alpha, count)
