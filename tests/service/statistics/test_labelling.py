import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.statistics.labelling import log_e
from service.statistics.sign import log_e_two_sided

counts = st.tuples(st.integers(0, 300), st.integers(0, 300))
RUNS, TEXTS = 200, 1500


def simulate(share_a: float, label_if_right: float, label_if_wrong: float) -> tuple[np.ndarray, np.ndarray]:
    """Return, after each discordant text of equally good arms, the evidence of bias, and that of a difference."""
    rng = np.random.default_rng(9)
    a_right, a_serves = rng.random((RUNS, TEXTS)) < 0.5, rng.random((RUNS, TEXTS)) < share_a
    served_right = a_right == a_serves
    labelled = rng.random((RUNS, TEXTS)) < np.where(served_right, label_if_right, label_if_wrong)
    right_a, right_b = (labelled & a_right).cumsum(axis=1), (labelled & ~a_right).cumsum(axis=1)
    bias = log_e((labelled & served_right).cumsum(axis=1), right_a, right_b, share_a)
    return bias, log_e_two_sided(right_a, right_b)


def test_labels_at_random_raise_no_alarm() -> None:
    bias, _ = simulate(0.7, 0.2, 0.2)
    assert (bias.max(axis=1) >= np.log(100)).mean() <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / RUNS)


def test_corrections_alone_are_found_out_long_before_they_could_name_a_winner() -> None:
    # The rates are those of the reference, section 2.11: a complaint is six times as likely as a confirmation.
    bias, difference = simulate(0.7, 0.05, 0.30)
    assert (bias[:, -1] >= np.log(100)).all()
    decided = difference >= np.log(20)
    assert decided.any(axis=1).mean() > 0.9
    bias_first = (bias >= np.log(100)).argmax(axis=1) < np.where(decided.any(axis=1), decided.argmax(axis=1), TEXTS)
    assert bias_first.mean() > 0.9


def test_praise_alone_is_found_out_too() -> None:
    bias, _ = simulate(0.5, 0.3, 0.1)
    assert (bias[:, -1] >= np.log(100)).all()


@given(counts, st.data(), st.sampled_from([0.1, 0.5, 0.8]))
def test_labels_at_random_gain_nothing_on_average(right: tuple[int, int], data: st.DataObject, share_a: float) -> None:
    right_a, right_b = right
    served = data.draw(st.integers(0, right_a + right_b))
    now = float(log_e(served, right_a, right_b, share_a))
    for more_a, share in ((1, share_a), (0, 1 - share_a)):
        after = [log_e(served + s, right_a + more_a, right_b + 1 - more_a, share_a) for s in (1, 0)]
        assert np.logaddexp(after[0] + np.log(share), after[1] + np.log(1 - share)) == pytest.approx(now, abs=1e-8)


def test_odds_of_one_half_count_as_they_should() -> None:
    # One text, arms of equal shares, the wrong one served: the likelihood ratio is 2 / (1 + odds).
    expected = np.log(np.mean([2 / (1 + odds) for odds in (0.25, 0.5, 2, 4)]))
    assert log_e(0, 1, 0) == pytest.approx(expected)


@pytest.mark.parametrize(
    "arguments", [(2, 1, 0, 0.5), (-1, 1, 0, 0.5), (0, -1, 1, 0.5), (0, 1, 1, 0.0), (0, 1, 1, 1.0)]
)
def test_arguments_out_of_range_are_refused(arguments: tuple[int, int, int, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        log_e(*arguments)
