from typing import Any

import numpy as np
import pytest

from training.tour.gates import ENOUGH, alike, extremes, readings, without_place


def explained(text: str, **gates: list[float]) -> tuple[str, dict[str, Any]]:
    tokens = [{"start": place, "end": place + 1} for place in range(len(text))]
    return text, {"tokens": tokens, "layers": [{"gates": gates}, {"gates": {"of another layer": []}}]}


def test_gates_are_read_token_by_token_of_the_first_layer() -> None:
    read = readings([explained("가나", update=[0.1, 0.2]), explained("다", update=[0.3])])

    assert read.tokens == ["가", "나", "다"]
    assert read.places.tolist() == [0, 1, 0]
    assert read.gates["update"].tolist() == [0.1, 0.2, 0.3]


def test_the_extremes_are_those_of_tokens_that_occur_often() -> None:
    rare = explained("라", update=[0.99])
    mark = ("가", {"tokens": [{"start": 0, "end": 0}], "layers": [{"gates": {"update": [0.0]}}]})
    often = [explained("가나다", update=[0.1, 0.5, 0.7]), explained("가나다", update=[0.3, 0.5, 0.7])] * (ENOUGH // 2)

    lowest, highest = extremes(readings([rare, *often, *[mark] * ENOUGH]), "update", 2)

    assert [token for token, _ in lowest] == ["가", "나"]
    assert [token for token, _ in highest] == ["다", "나"]
    assert lowest[0][1] == pytest.approx(0.2)


def test_gates_that_open_together_are_alike_and_mirror_images_are_the_opposite() -> None:
    read = readings([explained("가나다라", input=[0.1, 0.4, 0.2, 0.9], update=[0.9, 0.6, 0.8, 0.1])])

    assert alike(read, "input", read, "input") == pytest.approx(1)
    assert alike(read, "input", read, "update") == pytest.approx(-1)


def test_what_tokens_of_the_same_place_have_in_common_can_be_taken_out() -> None:
    read = readings([explained("가나", input=[0.1, 0.5]), explained("다라", input=[0.3, 0.7])])

    np.testing.assert_allclose(without_place(read).gates["input"], [-0.1, -0.1, 0.1, 0.1])
