"""Every example of the page shows what its caption says of it, with the models that ship."""

from typing import Any

import httpx
import pytest

from tests.system.server import Server
from tests.system.web.home import examples

pytestmark = [pytest.mark.system, pytest.mark.browser]


def explained(served: Server, text: str) -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = httpx.post(f"{served.url}/explain", json={"text": text}, timeout=60).json()["models"]
    assert len(models) == 3
    return models


def after(model: dict[str, Any], text: str, words: str) -> float:
    """Return what the model would have said, had the text ended behind these words."""
    end = text.index(words) + len(words)
    read = [value for token, value in zip(model["tokens"], model["trajectory"], strict=True) if token["end"] <= end]
    return float(read[-1])


def answers(served: Server, text: str) -> set[str]:
    return {model["answer"] for model in explained(served, text)}


def test_an_lifts_the_lines_again_with_the_verb_that_it_turns(served: Server) -> None:
    text = examples()["an"]
    for model in explained(served, text):
        assert after(model, text, "안") < 0.1
        assert after(model, text, "재미있어요") > after(model, text, "안") + 0.1
    assert len(answers(served, text)) == 2


def test_mot_pulls_against_the_word_before_it(served: Server) -> None:
    text = examples()["mot"]
    for model in explained(served, text):
        assert after(model, text, "추천") > 0.8
        assert after(model, text, "못") < 0.5
    assert len(answers(served, text)) == 2


def test_until_its_last_word_a_text_with_ji_anhda_looks_like_praise(served: Server) -> None:
    text = examples()["ji"]
    for model in explained(served, text):
        assert after(model, text, "재미있지는") > 0.8
        assert after(model, text, "않았다") < 0.7
    assert len(answers(served, text)) == 2


def test_the_late_turn_bends_every_line_down(served: Server) -> None:
    text = examples()["turn"]
    for model in explained(served, text):
        assert after(model, text, "다 좋았는데") > 0.85
        assert after(model, text, "망쳤다") < 0.65
    assert len(answers(served, text)) == 2


def test_the_lines_drift_back_where_only_the_beginning_judges(served: Server) -> None:
    text = examples()["beginning"]
    left = {}
    for model in explained(served, text):
        assert after(model, text, "최악이었다.") < 0.1
        assert 0.4 < after(model, text, "대부분이다.") < 0.6
        memory = model["layers"][0]["memory"]
        left[model["model"]] = memory[-1] / max(memory)
    assert left["rnn"] < 1e-4
    assert min(left["gru"], left["lstm"]) > 1e-2
    assert len(answers(served, text)) == 2


def test_spaces_change_the_tokens_and_the_answer(served: Server) -> None:
    unspaced, spaced = examples()["spacing"], "안 보면 후회할 영화"
    assert unspaced == spaced.replace(" ", "")
    assert answers(served, unspaced) == {"positive"}
    assert answers(served, spaced) == {"negative"}
    tokens = [
        [item["end"] - item["start"] for item in explained(served, text)[0]["tokens"]] for text in (unspaced, spaced)
    ]
    assert tokens[0] != tokens[1]


def test_slang_for_both_ends_of_the_scale_moves_the_lines_both_ways(served: Server) -> None:
    text = examples()["slang"]
    for model in explained(served, text):
        assert after(model, text, "노잼") < 0.05
        assert after(model, text, "개꿀잼") > after(model, text, "노잼") + 0.1


def test_the_complaint_stays_negative_though_its_end_lifts_the_lines(served: Server) -> None:
    text = examples()["hours"]
    for model in explained(served, text):
        assert model["answer"] == "negative"
        assert after(model, text, "좋겠죠") > after(model, text, "그런데")
