import re

import pytest

from service.experiments.drawing import interval_over_labels, shares


def points(*halves: float) -> list[dict[str, float]]:
    return [
        {"labels": 10 * (number + 1), "delta": 0.02, "lower": 0.02 - half, "upper": 0.02 + half}
        for number, half in enumerate(halves)
    ]


def heights(drawn: str, shape: str) -> list[float]:
    [found] = re.findall(rf'<{shape} class="\w+" points="([^"]*)"', drawn)
    return [float(point.split(",")[1]) for point in found.split()]


def test_a_narrowing_interval_is_drawn_narrower() -> None:
    band = heights(interval_over_labels(points(0.3, 0.2, 0.1), 0.01, "a - b", str), "polygon")
    upper, lower = band[:3], band[:2:-1]
    assert upper == sorted(upper)
    assert lower == sorted(lower, reverse=True)


def test_first_intervals_that_say_nothing_do_not_flatten_the_others() -> None:
    band = heights(interval_over_labels(points(1.0, 0.05, 0.05), 0.01, "a - b", str), "polygon")
    assert band[3] - band[2] > 40
    assert min(band) >= 16
    assert max(band) <= 240


def test_one_point_can_be_drawn() -> None:
    assert "NaN" not in interval_over_labels(points(0.1), 0.01, "a - b", str)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_bar_is_as_long_as_its_share(share: float) -> None:
    drawn = shares([("gru", share, 0.5)], "Traffic", str)
    [width] = re.findall(r'width="([\d.]+)" height="22"', drawn)
    assert float(width) == pytest.approx(576 * share, abs=0.1)
    assert f"gru {share:.1%}, expected 50.0%" in drawn


def test_words_are_said_in_the_language_of_the_page() -> None:
    drawn = interval_over_labels(points(0.1), 0.01, "a - b", str.upper)
    assert "AFTER 10 LABELS" in drawn
    assert "DIFFERENCE OF ACCURACIES" in drawn
    assert "EXPECTED 50.0%" in shares([("gru", 0.5, 0.5)], "Traffic", str.upper)
