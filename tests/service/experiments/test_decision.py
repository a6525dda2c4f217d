from collections.abc import Sequence

import pytest

from service.experiments.decision import State, decide
from service.experiments.design import Design
from service.experiments.evidence import Evidence
from tests.service.experiments.phases import design, labelled, outcome, table_of, text

BETTER = table_of(200, 60, 10, 20)


def state_of(judged_by: Design, kinds: Sequence[Sequence[float | None]]) -> tuple[State, str | None]:
    recommendation = decide(judged_by, labelled(judged_by, kinds))
    return recommendation.state, recommendation.arm


def test_nothing_is_said_about_accuracy_before_the_first_labels_are_there() -> None:
    assert state_of(design(), BETTER[-70:]) == (State.INSUFFICIENT, None)
    assert state_of(design(minimum_labels=60), BETTER[-70:]) == (State.WINNER, "gru")


def test_the_arm_that_is_right_more_often_wins() -> None:
    assert state_of(design(), BETTER) == (State.WINNER, "gru")
    assert state_of(design(), table_of(200, 10, 60, 20)) == (State.WINNER, "lstm")


def test_a_winner_stays_the_winner() -> None:
    evidence = labelled(design(), BETTER)
    for number in range(10_000, 10_050):
        observed = text(number, (0.3, 0.9), served=number // 2 % 2)
        evidence.observe(observed)
        evidence.label(observed, "positive", "audit")
    assert evidence.pairs[0].verdict.log_e < evidence.pairs[0].verdict.threshold
    assert decide(evidence.design, evidence).state is State.WINNER


def test_more_comparisons_need_more_evidence() -> None:
    kinds = table_of(200, 34, 12, 20)
    assert state_of(design(), kinds) == (State.WINNER, "gru")
    three = [(a, b, b) for a, b in kinds]
    assert state_of(design(3), three)[0] is State.KEEP_COLLECTING


def test_of_several_arms_the_winner_beats_every_other() -> None:
    first_is_best = [(a, b, b) for a, b in BETTER]
    assert state_of(design(3), first_is_best) == (State.WINNER, "gru")
    last_is_worst = [(a, a, b) for a, b in BETTER]
    recommendation = decide(design(3), labelled(design(3), last_is_worst))
    assert recommendation.state is State.KEEP_COLLECTING
    assert [note.split(" (")[0] for note in recommendation.notes] == [
        "better: gru is right more often than rnn",
        "better: lstm is right more often than rnn",
    ]


def test_without_a_difference_worth_speaking_of_the_arms_are_equivalent() -> None:
    assert state_of(design(margin=0.05), table_of(3000, 10, 10, 300)) == (State.EQUIVALENT, None)
    assert state_of(design(margin=0.003), table_of(3000, 10, 10, 300)) == (State.KEEP_COLLECTING, None)


def test_equivalence_is_of_all_pairs() -> None:
    kinds = [(a, a, b) for a, b in table_of(3000, 60, 45, 300)]
    assert state_of(design(3, margin=0.004), kinds) == (State.KEEP_COLLECTING, None)
    assert state_of(design(3, margin=0.05), kinds) == (State.EQUIVALENT, None)


def test_a_clear_but_small_difference_is_a_win_and_no_equivalence() -> None:
    assert state_of(design(margin=0.2), BETTER) == (State.WINNER, "gru")


@pytest.mark.parametrize("kinds", [table_of(500, 20, 15, 50), []])
def test_a_stopped_experiment_that_was_not_decided_is_stopped(kinds: list[tuple[float, float]]) -> None:
    assert state_of(design(running=False), kinds) == (State.STOPPED, None)


def test_a_stopped_experiment_that_was_decided_keeps_its_winner() -> None:
    assert state_of(design(running=False), BETTER) == (State.WINNER, "gru")


def skew(evidence: Evidence) -> None:
    for number in range(10_000, 10_300):
        evidence.observe(text(number, served=0))


def lose_shadows(evidence: Evidence) -> None:
    for number in range(10_000, 10_200):
        evidence.observe(text(number, (0.9, None) if number % 2 else (None, 0.9), served=1 - number % 2))


def mix_units(evidence: Evidence) -> None:
    for number in range(10_000, 10_200):
        evidence.observe(text(number, served=number % 2, unit=f"unit {number // 2}"))


def complain(evidence: Evidence) -> None:
    for number in range(10_000, 10_100):
        served = number % 2
        observed = text(number, (0.3, 0.9) if served == 0 else (0.9, 0.3), served=served)
        evidence.observe(observed)
        evidence.label(observed, "positive", "audit")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [(skew, "srm_assignments"), (lose_shadows, "shadow_loss"), (mix_units, "mixed_units"), (complain, "label_bias")],
)
def test_no_winner_is_named_while_health_fails(spoil: object, code: str) -> None:
    evidence = labelled(design(), BETTER)
    assert decide(design(), evidence).state is State.WINNER
    spoil(evidence)  # type: ignore[operator]
    recommendation = decide(design(), evidence)
    assert (recommendation.state, recommendation.arm) == (State.UNHEALTHY, None)
    assert code in [reason.split(":")[0] for reason in recommendation.reasons]


def test_labels_by_users_alone_are_biased() -> None:
    evidence = labelled(design(), BETTER, "user")
    recommendation = decide(design(), evidence)
    assert recommendation.state is State.UNHEALTHY
    assert recommendation.reasons[0].startswith("label_bias: there are labels by users only")
    assert decide(design(), labelled(design(), BETTER[:50], "user")).state is State.INSUFFICIENT


def test_labels_by_users_beside_trusted_ones_do_no_harm() -> None:
    evidence = labelled(design(), BETTER)
    for number in range(10_000, 10_500):
        observed = text(number, served=number % 2)
        evidence.observe(observed)
        evidence.label(observed, "negative", "user")
    assert decide(design(), evidence).state is State.WINNER


def test_labels_that_reach_split_arms_at_different_rates_are_unhealthy() -> None:
    split = design(mode="split")
    evidence = Evidence(split)
    for number in range(400):
        arm = number % 2
        observed = text(number, served=arm)._replace(outcomes=(outcome(("gru", "lstm")[arm]),))
        evidence.observe(observed)
        if arm == 0 or number % 8 == 1:
            evidence.label(observed, "positive", "audit")
    recommendation = decide(split, evidence)
    assert recommendation.state is State.UNHEALTHY
    assert [reason.split(":")[0] for reason in recommendation.reasons] == ["srm_labels"]


def test_a_slow_arm_does_harm_and_then_nobody_wins() -> None:
    evidence = labelled(design(), BETTER)
    for number in range(10_000, 11_000):
        quick, slow = outcome("gru"), outcome("lstm", latency_us=200_000)
        evidence.observe(text(number, outcomes=(quick, slow), served_arm=("gru", "lstm")[number % 2]))
    recommendation = decide(design(), evidence)
    assert (recommendation.state, recommendation.arm) == (State.HARMFUL, "lstm")
    assert recommendation.reasons[0].startswith("latency: lstm takes longer than 0.1 s more often than gru")


def test_harm_needs_no_labels() -> None:
    evidence = Evidence(design())
    for number in range(2000):
        served = number % 2
        lstm = outcome("lstm", None if served == 0 and number % 100 < 6 else 0.9)
        evidence.observe(text(number, outcomes=(outcome("gru"), lstm), served_arm=("gru", "lstm")[served]))
    recommendation = decide(design(), evidence)
    assert (recommendation.state, recommendation.arm) == (State.HARMFUL, "lstm")
    assert recommendation.reasons[0].startswith("errors: lstm fails more often than gru")


def test_where_one_arm_always_serves_a_worse_one_does_harm() -> None:
    assert state_of(design(mode="shadow"), BETTER) == (State.HARMFUL, "lstm")
    assert state_of(design(mode="shadow"), table_of(200, 10, 60, 20)) == (State.WINNER, "lstm")


def test_a_third_arm_that_is_worse_does_not_hide_the_winner() -> None:
    kinds = [(a, b, 0.3) for a, b in table_of(200, 10, 60, 20)]
    assert state_of(design(3, mode="shadow"), kinds) == (State.WINNER, "lstm")
