from typing import Any

import numpy as np
import pytest

from training.tour.remembering import STEPS, left_after, of_answer, of_state


def explained(rate: float, answer: float = 1.0) -> dict[str, Any]:
    """Return what is explained of a text whose layer forgets at a constant rate."""
    steps = np.arange(STEPS + 5)
    return {"layers": [{"memory": (3 * rate**steps).tolist()}], "memory": [answer] * len(steps)}


def test_the_curve_of_the_state_is_what_is_left_of_the_last_token() -> None:
    curve = of_state([explained(0.5), explained(0.6), explained(0.7)])

    assert len(curve.middle) == STEPS
    np.testing.assert_allclose(curve.middle, 0.6 ** np.arange(STEPS))
    assert (curve.low <= curve.middle).all()
    assert (curve.middle <= curve.high).all()


def test_the_curve_of_the_answer_is_a_multiple_of_that_of_an_average_token() -> None:
    curve = of_answer([explained(0.5, answer) for answer in (0.1, 5.0)])

    np.testing.assert_allclose(curve.middle, 1)


@pytest.mark.parametrize(("rate", "steps"), [(0.5, 4), (0.09, 1), (0.99, None)])
def test_it_is_told_after_how_many_steps_a_share_is_left(rate: float, steps: int | None) -> None:
    assert left_after(of_state([explained(rate)]), 0.1) == steps
