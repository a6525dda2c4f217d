import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.statistics.errors_by_arm import DEFAULT_PRIOR, log_e_two
from service.statistics.sample_ratio import log_e

counts = st.integers(0, 5000)
shares = st.sampled_from([0.1, 0.5, 0.75])


@pytest.mark.parametrize(
    ("errors_a", "errors_b", "evidence"), [(150, 120, 1.616677), (750, 600, 593.485144), (15, 5, 1.746266)]
)
def test_evidence_is_that_of_the_reference(errors_a: int, errors_b: int, evidence: float) -> None:
    assert np.exp(log_e_two(errors_a, errors_b)) == pytest.approx(evidence, abs=5e-7)


@given(counts, counts, shares)
def test_equal_arms_gain_nothing_on_average(errors_a: int, errors_b: int, share: float) -> None:
    more_a = log_e_two(errors_a + 1, errors_b, share) + np.log(share)
    more_b = log_e_two(errors_a, errors_b + 1, share) + np.log(1 - share)
    assert np.logaddexp(more_a, more_b) == pytest.approx(float(log_e_two(errors_a, errors_b, share)), abs=1e-8)


@given(counts, counts, shares)
def test_it_is_the_test_of_shares_asked_of_errors(errors_a: int, errors_b: int, share: float) -> None:
    several = log_e((errors_a, errors_b), (share, 1 - share), DEFAULT_PRIOR)
    assert log_e_two(errors_a, errors_b, share) == pytest.approx(float(several), abs=1e-6)


def test_a_whole_path_is_the_same_as_its_steps() -> None:
    errors = np.array([[1, 2], [30, 10], [200, 90]])
    path = log_e_two(errors[:, 0], errors[:, 1], 0.6)
    assert path == pytest.approx([float(log_e_two(int(a), int(b), 0.6)) for a, b in errors])


def test_arguments_out_of_range_are_refused() -> None:
    for arguments in ((-1, 0, 0.5, 50), (0, -1, 0.5, 50), (0, 0, 0, 50), (0, 0, 1, 50), (0, 0, 0.5, 0)):
        with pytest.raises(ValueError, match="expected"):
            log_e_two(*arguments)
