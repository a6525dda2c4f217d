from random import Random

import pytest

from service.experiments.design import Mode
from service.experiments.evidence import Evidence
from tests.service.experiments.phases import NAMES, design, labelled, outcome, split_text, table_of, text


def test_arms_count_what_they_served_and_what_they_answered_beside() -> None:
    evidence = Evidence(design())
    evidence.observe(text(1, (0.9, 0.2), served=0))
    evidence.observe(text(2, (0.9, None), served=0))
    gru, lstm = evidence.arms
    assert (gru.served, gru.shadow, lstm.served, lstm.shadow) == (2, 0, 0, 1)
    assert lstm.failures == {"model_error": 1}
    assert gru.confidence == pytest.approx(1.8)
    assert lstm.confidence == pytest.approx(0.8)
    assert evidence.pairs[0].labels == 0


def test_answers_are_compared_over_all_texts() -> None:
    evidence = Evidence(design())
    for number, positives in enumerate([(0.9, 0.2), (0.9, 0.9), (0.1, 0.2), (0.9, None)]):
        evidence.observe(text(number, positives))
    pair = evidence.pairs[0]
    assert pair.labels_given == {  # type: ignore[union-attr]
        ("positive", "negative"): 1,
        ("positive", "positive"): 1,
        ("negative", "negative"): 1,
    }


def test_a_label_judges_every_arm() -> None:
    evidence = labelled(design(), table_of(6, 3, 1, 2))
    gru, lstm = evidence.arms
    assert (gru.labelled, gru.right, gru.wrong, lstm.right) == (12, 9, 3, 7)
    assert gru.sources == {"audit": 12}
    assert evidence.trusted == 12


def test_brier_scores_follow_the_probabilities() -> None:
    evidence = Evidence(design())
    observed = text(1, (0.9, 0.3))
    evidence.observe(observed)
    evidence.label(observed, "positive", "audit")
    assert [arm.brier for arm in evidence.arms] == pytest.approx([0.01, 0.49])


def test_the_brier_score_of_a_label_that_no_arm_has_given_yet_is_known_too() -> None:
    evidence = Evidence(design())
    observed = text(1, (0.9, 0.8))
    evidence.observe(observed)
    evidence.label(observed, "negative", "audit")
    assert [arm.brier for arm in evidence.arms] == pytest.approx([0.81, 0.64])


def test_a_label_that_no_model_can_give_is_left_out() -> None:
    evidence = Evidence(design())
    observed = text(1, (0.9, 0.2))
    evidence.observe(observed)
    evidence.label(observed, "postive", "audit")
    assert (evidence.unknown, evidence.trusted, evidence.arms[0].labelled) == (1, 0, 0)


def test_what_users_say_is_kept_apart_and_only_of_the_arm_that_served() -> None:
    evidence = Evidence(design())
    for number, label in enumerate(("negative", "negative", "positive")):
        observed = text(number, (0.9, 0.2))
        evidence.observe(observed)
        evidence.label(observed, label, "user")
    gru, lstm = evidence.arms
    assert (evidence.reported, gru.reported, gru.reported_right, lstm.reported) == (3, 3, 1, 0)
    assert (evidence.trusted, gru.labelled, evidence.pairs[0].labels, evidence.health.labels.total) == (0, 0, 0, 0)


def test_confident_answers_fall_into_the_upper_bins() -> None:
    evidence = labelled(design(), [(0.95, 0.55)])
    assert [each.labelled for each in evidence.arms[0].bins] == [0, 0, 0, 0, 1]
    assert [each.labelled for each in evidence.arms[1].bins] == [1, 0, 0, 0, 0]


def test_certainty_falls_into_the_last_bin() -> None:
    assert labelled(design(), [(1.0, 0.9)]).arms[0].bins[-1].labelled == 1


def test_in_split_traffic_only_one_label_of_a_client_counts() -> None:
    evidence = Evidence(design(mode="split"))
    for number in range(5):
        observed = split_text(number, 0, unit="somebody")
        evidence.observe(observed)
        evidence.label(observed, "positive", "audit")
    assert (evidence.trusted, evidence.arms[0].labelled) == (1, 1)


def test_in_shadow_every_label_of_a_client_counts_but_as_one_draw() -> None:
    evidence = Evidence(design())
    for number in range(5):
        observed = text(number, unit="somebody")
        evidence.observe(observed)
        evidence.label(observed, "positive", "audit")
    assert (evidence.trusted, evidence.health.labels.total) == (5, 1)


def test_a_label_of_nobody_knows_whose_text_counts_and_is_no_draw() -> None:
    evidence = Evidence(design())
    evidence.label(text(1, (0.9, 0.2)), "positive", "gold", draw=False)
    assert (evidence.trusted, evidence.pairs[0].labels) == (1, 1)
    assert (evidence.health.labels.total, evidence.bias.pairs[0].right_a) == (0, 0)


def test_split_traffic_judges_errors_by_the_arm_that_made_them() -> None:
    evidence = Evidence(design(mode="split"))
    for number in range(300):
        observed = split_text(number, number % 2, 0.9 if number % 2 else 0.2)
        evidence.observe(observed)
        evidence.label(observed, "positive", "audit")
    assert evidence.pairs[0].verdict.better == 1


def test_slow_answers_count_only_where_somebody_waited_for_them() -> None:
    evidence = Evidence(design())
    slow, quick = outcome("gru", latency_us=200_000), outcome("lstm", latency_us=50)
    evidence.observe(text(1, outcomes=(slow, quick), served_arm="gru"))
    evidence.observe(text(2, outcomes=(slow, quick), served_arm="lstm"))
    latency = evidence.guardrails[0]
    assert (latency.texts, latency.bad) == ([1, 1], [1, 0])
    assert list(evidence.arms[0].latencies_us) == list(evidence.arms[0].shadow_us) == [200_000]


@pytest.mark.parametrize(("error", "tried", "failed"), [("model_error", 1, 1), ("dropped", 0, 0), ("not_ready", 0, 0)])
def test_an_arm_is_blamed_for_failing_and_not_for_what_it_never_got(error: str, tried: int, failed: int) -> None:
    evidence = Evidence(design())
    evidence.observe(text(1, outcomes=(outcome("gru"), outcome("lstm", None, error=error))))
    errors = evidence.guardrails[1]
    assert (errors.texts[1], errors.bad[1]) == (tried, failed)
    assert evidence.health.lost == 1


@pytest.mark.parametrize("mode", ["shadow_randomized", "split"])
def test_many_texts_add_up_to_what_they_do_one_by_one(mode: Mode) -> None:
    """Slow and missing answers among them: the guardrails must see each with all that came before it."""
    chance, judged_by = Random(5), design(3, mode=mode)
    texts = []
    for number in range(2000):
        served = chance.randrange(3)
        made = [outcome(name, chance.random(), chance.choice([300, 300, 200_000])) for name in NAMES]
        made = (
            [made[served]] if mode == "split" else [made[0], made[1], outcome("rnn", None) if number % 7 else made[2]]
        )
        unit = f"unit {chance.randrange(500)}"
        texts.append(text(number, outcomes=tuple(made), served_arm=NAMES[served], unit=unit))
    at_once, one_by_one = Evidence(judged_by), Evidence(judged_by)
    at_once.observe_all(texts)
    for each in texts:
        one_by_one.observe(each)
    assert at_once.texts == one_by_one.texts == 2000
    assert at_once.guardrails == one_by_one.guardrails
    assert at_once.arms == one_by_one.arms
    assert at_once.pairs == one_by_one.pairs
    assert (at_once.guardrails[-1].breached is None) == (mode == "split")
