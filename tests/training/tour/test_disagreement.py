import numpy as np
import pytest

from training.tour.disagreement import SLICES, alone, patterns, slices

RIGHTS = {
    "rnn": np.array([True, True, False, False, True]),
    "lstm": np.array([True, False, False, True, True]),
    "gru": np.array([True, True, False, True, True]),
}


def test_every_combination_of_right_and_wrong_is_counted() -> None:
    found = patterns(RIGHTS)

    assert len(found) == 8
    assert sum(found.values()) == 5
    assert (found[True, True, True], found[True, False, True], found[False, True, True]) == (2, 1, 1)
    assert found[False, False, False] == 1


def test_a_slice_has_the_accuracy_of_every_model_and_the_share_on_which_they_differ() -> None:
    texts = ["재미있다", "안 재미있다 ㅋㅋ", "재미있지만 길다", "그런데 좋았다", "가" * 90]

    found = {each.name: each for each in slices(texts, RIGHTS)}

    assert (found["all"].texts, found["all"].accuracy, found["all"].disagreed) == (
        5,
        {"rnn": 0.6, "lstm": 0.6, "gru": 0.8},
        0.4,
    )
    assert (found["안, 못, -지 않"].texts, found["안, 못, -지 않"].disagreed) == (1, 1)
    assert found["지만, 는데, 그런데, 하지만"].texts == 2
    assert found["more than 80"].accuracy == {"rnn": 1, "lstm": 1, "gru": 1}


@pytest.mark.parametrize(
    ("name", "text", "belongs"),
    [
        ("안, 못, -지 않", "정말 못 보겠다", True),
        ("안, 못, -지 않", "재미있지 않다", True),
        ("안, 못, -지 않", "안녕하세요", False),
        ("ㅋ or ㅠ", "슬프다ㅜ", True),
        ("12 characters and more without a blank", "정말정말정말정말재미있다", True),
        ("12 characters and more without a blank", "정말 정말 정말 재미있다", False),
        ("11 to 30", "가" * 30, True),
        ("11 to 30", "가" * 31, False),
    ],
)
def test_texts_belong_to_the_slices_of_their_kind(name: str, text: str, belongs: bool) -> None:
    assert SLICES[name](text) is belongs


def test_the_clearest_texts_on_which_a_model_stands_alone_come_first() -> None:
    texts = ["짧다", *(f"{number} 길이가 열다섯 글자는 되는 글" for number in range(4))]
    probabilities = {
        "rnn": np.array([0.9, 0.6, 0.9, 0.4, 0.3]),
        "lstm": np.array([0.1, 0.4, 0.2, 0.3, 0.9]),
        "gru": np.array([0.1, 0.3, 0.3, 0.6, 0.8]),
    }

    found = alone(texts, ["negative"] * 5, probabilities, "rnn")

    assert [each.text[0] for each in found] == ["1", "3", "0"]
    assert found[0].probability == {"rnn": 0.9, "lstm": 0.2, "gru": 0.3}
    assert [each.text[0] for each in alone(texts, ["negative"] * 5, probabilities, "gru")] == ["2"]
