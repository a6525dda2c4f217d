"""Every example of the page shows what its caption says of it, with the models that ship."""

from typing import Any

import httpx
import pytest

from tests.system.server import Server
from tests.system.web.home import beside, examples

pytestmark = [pytest.mark.system, pytest.mark.browser]


def explained(served: Server, text: str) -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = httpx.post(f"{served.url}/explain", json={"text": text}, timeout=60).json()["models"]
    assert [f"{model['model']}/{model['version']}" for model in models] == beside(served)
    return models


def after(model: dict[str, Any], text: str, words: str) -> float:
    """Return what the model would have said, had the text ended behind these words."""
    end = text.index(words) + len(words)
    read = [value for token, value in zip(model["tokens"], model["trajectory"], strict=True) if token["end"] <= end]
    return float(read[-1])


def answers(served: Server, text: str) -> list[str]:
    """Return what every model says, in their order."""
    return [model["answer"] for model in explained(served, text)]


def test_some_lines_rise_with_the_verb_that_an_turns_and_some_stay_down(served: Server) -> None:
    text = examples()["an"]
    models = explained(served, text)
    assert max(after(model, text, "안") for model in models) < 0.2
    ends = [after(model, text, "지루해요") for model in models]
    assert min(ends) < 0.3
    assert max(ends) > 0.7


def test_every_model_follows_mot_and_none_once_something_stands_before_it(served: Server) -> None:
    text, strongly = examples()["mot"], f"강력 {examples()['mot']}"
    for model in explained(served, text):
        assert after(model, text, "추천") > 0.8
    assert set(answers(served, text)) == {"negative"}
    assert set(answers(served, strongly)) == {"positive"}


def test_until_its_last_word_a_text_with_ji_anhda_looks_like_praise(served: Server) -> None:
    text = examples()["ji"]
    for model in explained(served, text):
        assert after(model, text, "훌륭하지는") > 0.75
        assert after(model, text, "않았다") < after(model, text, "훌륭하지는") - 0.1
    assert answers(served, text).count("negative") == 1


def test_the_late_turn_bends_every_line_down_but_only_one_far_enough(served: Server) -> None:
    text = examples()["turn"]
    for model in explained(served, text):
        assert after(model, text, "다 좋았는데") > 0.85
        assert after(model, text, "망쳤다") < after(model, text, "다 좋았는데") - 0.1
    assert answers(served, text).count("negative") == 1
    assert set(answers(served, text.replace("결말이", "감독이"))) == {"negative"}


def test_the_lines_drift_back_where_only_the_beginning_judges(served: Server) -> None:
    text = examples()["beginning"]
    left, ends = {}, []
    for model in explained(served, text):
        assert after(model, text, "최악이었다.") < 0.1
        ends.append(after(model, text, "대부분이다."))
        memory = model["layers"][0]["memory"]
        left[model["model"]] = memory[-1] / max(memory)
    assert min(ends) > 0.3
    assert sorted(end > 0.6 for end in ends) == [False] * (len(ends) - 1) + [True]
    assert max(ends) > 0.8
    assert left["rnn"] < 1e-4
    assert min(left["gru"], left["lstm"], left["bigru"]) > 1e-2
    assert len(set(answers(served, text))) == 2


def test_spaces_change_the_tokens_and_an_answer(served: Server) -> None:
    unspaced, spaced = examples()["spacing"], "안 보면 후회합니다"
    assert unspaced == spaced.replace(" ", "")
    for without, with_spaces in zip(explained(served, unspaced), explained(served, spaced), strict=True):
        lengths = [[token["end"] - token["start"] for token in model["tokens"]] for model in (without, with_spaces)]
        assert lengths[0][0] > 1
        assert lengths[1][0] == 1
        assert after(with_spaces, spaced, "안") < 0.5 < after(without, unspaced, "안보면")
    assert set(answers(served, unspaced)) == {"positive"}
    assert answers(served, spaced).count("negative") == 1


def test_slang_for_the_other_end_of_the_scale_lifts_the_lines_from_the_bottom(served: Server) -> None:
    text = examples()["slang"]
    for model in explained(served, text):
        assert after(model, text, "노잼") < 0.05
        assert after(model, text, "완전 꿀잼") > after(model, text, "노잼") + 0.2
    assert answers(served, text).count("negative") == 1


def test_the_complaint_stays_negative_though_its_end_lifts_the_lines(served: Server) -> None:
    text = examples()["hours"]
    for model in explained(served, text):
        assert model["answer"] == "negative"
        assert after(model, text, "좋겠죠") > after(model, text, "그런데")
