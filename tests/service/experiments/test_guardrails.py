import pytest

from service.experiments.design import Guardrails
from service.experiments.guardrails import guardrails
from tests.service.experiments.phases import design

BAD, GOOD = True, False


def observe(slow_a: int, slow_b: int, texts: int) -> tuple[int | None, float]:
    """Return who breached, and the lower bound, of two arms that served so many texts each, of which so many slow."""
    guardrail = guardrails(design())[0]
    for number in range(texts):
        guardrail.observe(number * slow_a // texts != (number + 1) * slow_a // texts, None)
        guardrail.observe(None, number * slow_b // texts != (number + 1) * slow_b // texts)
    assert guardrail.bad == [slow_a, slow_b]
    return guardrail.breached, guardrail.interval().lower


@pytest.mark.parametrize(("slow", "breached"), [((200, 20), 0), ((20, 200), 1)])
def test_the_slower_arm_breaches(slow: tuple[int, int], breached: int) -> None:
    assert observe(*slow, 1000)[0] == breached


def test_an_arm_breaches_though_the_other_was_never_slow() -> None:
    assert observe(200, 0, 1000)[0] == 0


def test_being_slower_by_less_than_the_margin_is_no_breach() -> None:
    breached, lower = observe(1500, 1350, 20_000)
    assert breached is None
    assert lower < 0.01


def test_a_few_slow_answers_at_the_start_are_no_breach() -> None:
    assert observe(20, 0, 50) == (None, -1.0)


def test_a_breach_stays() -> None:
    guardrail = guardrails(design())[0]
    for _ in range(200):
        guardrail.observe(BAD, None)
        guardrail.observe(None, GOOD)
    assert guardrail.breached == 0
    for _ in range(5000):
        guardrail.observe(GOOD, None)
        guardrail.observe(None, BAD)
    assert guardrail.breached == 0


def test_every_pair_is_watched_for_both_metrics_and_they_share_the_risk() -> None:
    watched = guardrails(design(3, guardrails=Guardrails(latency_margin=0.02, error_margin=0.03)))
    assert [(each.metric, each.a, each.b, each.margin) for each in watched] == [
        ("latency", 0, 1, 0.02),
        ("latency", 0, 2, 0.02),
        ("latency", 1, 2, 0.02),
        ("errors", 0, 1, 0.03),
        ("errors", 0, 2, 0.03),
        ("errors", 1, 2, 0.03),
    ]
    assert sum(2 * each.alpha for each in watched) == pytest.approx(0.05)
