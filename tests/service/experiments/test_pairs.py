import math

import pytest

from service.experiments.arms import ArmTally, Judged
from service.experiments.pairs import PairedTally, SplitTally, Verdict
from service.statistics import asymptotic, errors_by_arm, sign

LOG_60 = math.log(60)
RIGHT, WRONG = Judged(True, 0.01, 0.9, 0.5), Judged(False, 0.81, 0.9, 0.5)


def paired(both: int, a_only: int, b_only: int, neither: int, threshold: float = LOG_60) -> PairedTally:
    tally = PairedTally(0, 1, Verdict(threshold))
    kinds = [(RIGHT, RIGHT)] * both + [(RIGHT, WRONG)] * a_only + [(WRONG, RIGHT)] * b_only + [(WRONG, WRONG)] * neither
    for a, b in kinds:
        tally.judge(a, b)
    return tally


def split(errors: tuple[int, int], labels: tuple[int, int], share_a: float = 0.5) -> SplitTally:
    """Return a pair whose arms were right first and erred then, in turn."""
    arms = ArmTally(), ArmTally()
    tally = SplitTally(0, 1, Verdict(LOG_60), arms, share_a)
    for arm in (0, 1):
        for _ in range(labels[arm] - errors[arm]):
            arms[arm].judge(RIGHT, "audit")
            tally.judge(RIGHT if arm == 0 else None, RIGHT if arm == 1 else None)
    for number in range(max(errors)):
        for arm in (0, 1):
            if number < errors[arm]:
                arms[arm].judge(WRONG, "audit")
                tally.judge(WRONG if arm == 0 else None, WRONG if arm == 1 else None)
    return tally


def test_the_paired_table_counts_who_was_right() -> None:
    tally = paired(5, 3, 2, 1)
    assert (tally.both_right, tally.a_only, tally.b_only, tally.both_wrong, tally.labels) == (5, 3, 2, 1, 11)
    assert list(tally.differences) == [0] * 5 + [1] * 3 + [-1] * 2 + [0]
    assert tally.brier == pytest.approx(0.8 * (3 - 2))
    assert tally.brier_squares == pytest.approx(0.64 * 5)


def test_a_label_says_nothing_of_two_arms_unless_both_answered() -> None:
    tally = paired(0, 0, 0, 0)
    tally.judge(RIGHT, None)
    tally.judge(None, WRONG)
    tally.observe("positive", None)
    assert tally.labels == 0
    assert not tally.labels_given


def test_the_evidence_is_that_of_the_sign_test() -> None:
    assert paired(650, 60, 40, 62).verdict.log_e == pytest.approx(float(sign.log_e_two_sided(60, 40)))


@pytest.mark.parametrize(("table", "better", "worse"), [((0, 40, 5, 0), 0, 1), ((0, 0, 45, 0), 1, 0)])
def test_the_arm_that_is_ahead_when_evidence_suffices_is_better(
    table: tuple[int, int, int, int], better: int, worse: int
) -> None:
    verdict = paired(*table).verdict
    assert (verdict.better, verdict.worse) == (better, worse)


def test_a_decision_stays_whatever_comes_later() -> None:
    tally = paired(0, 40, 0, 0)
    decided_at = tally.verdict.decided_at
    assert decided_at is not None
    assert decided_at < 40
    for _ in range(200):
        tally.judge(WRONG, RIGHT)
    assert tally.verdict.log_e > LOG_60
    assert (tally.verdict.better, tally.verdict.decided_at) == (0, decided_at)


def test_the_most_evidence_ever_is_kept_when_it_shrinks() -> None:
    verdict = paired(0, 12, 12, 0, threshold=math.log(1e9)).verdict
    assert verdict.log_e < 0 < verdict.log_e_sup
    assert verdict.better is None


def test_arms_that_are_hardly_ever_told_apart_have_an_interval_from_how_seldom_that_is() -> None:
    interval = paired(5000, 2, 1, 100).interval(0.05)
    assert -0.01 < float(interval.lower) < 0 < float(interval.upper) < 0.01
    assert paired(5000, 2, 1, 100).equivalent(0.01, 0.05)
    assert not paired(50, 0, 0, 0).equivalent(0.01, 0.05)
    assert not paired(0, 0, 0, 0).equivalent(0.01, 0.05)


@pytest.mark.parametrize("labels", [2_000, 20_000, 60_000, 200_000])
def test_equivalence_is_never_missed_for_the_sake_of_speed(labels: int) -> None:
    tally = paired(0, 0, 0, 0)
    tally.a_only = tally.b_only = labels // 40
    tally.differences.extend([0] * labels)
    interval = tally.interval(0.05)
    assert tally.equivalent(0.01, 0.05) == (float(interval.upper) <= 0.01)


def test_more_labels_are_expected_where_the_difference_is_smaller() -> None:
    clear, faint, none = (paired(850, a, b, 0).further_labels() for a, b in ((40, 20), (33, 27), (30, 30)))
    assert clear is not None
    assert faint is not None
    assert 0 < clear < faint
    assert none is None


def test_errors_of_split_traffic_are_judged_by_the_shares() -> None:
    tally = split((40, 10), (300, 100), share_a=0.75)
    assert tally.verdict.log_e == pytest.approx(float(errors_by_arm.log_e_two(40, 10, 0.75)))
    assert tally.labels == 400


@pytest.mark.parametrize(("errors", "better"), [((150, 40), 1), ((40, 150), 0)])
def test_the_arm_with_fewer_errors_is_better(errors: tuple[int, int], better: int) -> None:
    assert split(errors, (1000, 1000)).verdict.better == better


def test_the_better_arm_is_found_though_it_serves_more_and_errs_more() -> None:
    assert split((200, 150), (9000, 1000), share_a=0.9).verdict.better == 0


def test_the_interval_of_split_traffic_is_that_of_two_shares() -> None:
    tally = split((150, 120), (1000, 1000))
    assert tally.interval(0.05) == asymptotic.split_interval(850, 1000, 880, 1000, 0.05)
    assert not tally.equivalent(0.01, 0.05)
    assert tally.equivalent(0.2, 0.05)
    assert tally.further_labels() is not None


def test_an_arm_without_labels_is_no_ones_equal() -> None:
    assert not split((0, 5), (0, 100)).equivalent(0.5, 0.05)
