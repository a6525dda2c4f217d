import re

import pytest

from service.experiments.page import report_page
from service.web.phrases import Phrases
from tests.service.experiments.reports import every_kind

KOREAN = Phrases.read("ko")

SAME = r"""gru|lstm|ECE|kappa|p50|p95|p99|ms|audit|gold|\w+/1|p_fixed_n_mcnemar
    |burn_in|better|equivalent|undecided|stopped|srm_\w+|mixed_units|shadow_loss|label_bias|latency|errors|nsmc|T08|T00|e|gt"""
"""What is the same in Korean: names, and the codes by which reasons are known."""


def test_english_is_said_as_it_is() -> None:
    assert Phrases.read("en")("The arms are equally good: keep the cheapest").startswith("The arms")


def test_a_sentence_keeps_its_values() -> None:
    said = KOREAN("burn_in: 7 of the first 100 trusted labels are there")
    assert "7개" in said
    assert "100개" in said
    assert "trusted" not in said


def test_what_nobody_knows_how_to_say_stays_as_it_is() -> None:
    assert KOREAN("something new") == "something new"


def test_a_value_is_never_taken_for_a_sentence() -> None:
    assert Phrases({"{arm} wins": "{arm} 승리", "x": "y"})("x wins") == "x 승리"


@pytest.mark.parametrize("kind", every_kind())
def test_a_korean_report_is_all_in_korean(kind: str) -> None:
    page = report_page(every_kind()[kind], None, KOREAN)
    text, _, _ = re.sub(r"<[^>]+>", " ", page.body).partition("기록용")  # then come the names of figures in JSON
    assert re.findall("[가-힣]{2}", text)
    words = {word for word in re.findall(r"[A-Za-z_][A-Za-z_0-9/]*", text) if not re.fullmatch(SAME, word, re.VERBOSE)}
    assert words == set()
