"""Memory does not grow, small; `python -m tests.prove soak --full` asks a million times."""

from pathlib import Path

import pytest

from tests.prove.soak import SMALL, Sample, prove, slope


@pytest.mark.system
def test_a_planted_leak_is_found_and_the_service_without_it_grows_far_less(tmp_path: Path) -> None:
    sound, leaking = prove(SMALL, tmp_path).values()
    planted = SMALL.leak_bytes * 100_000 / 2**20
    assert leaking.mib > planted / 2
    assert sound.mib < planted / 4
    for grown in (sound, leaking):
        assert set(grown.statuses) == {200, 404, 422}


def test_the_slope_is_the_growth_in_a_hundred_thousand_requests() -> None:
    assert slope([Sample(number * 1_000, 100 + number * 0.02) for number in range(200)]) == pytest.approx(2)


def test_memory_that_goes_up_and_down_does_not_grow() -> None:
    assert abs(slope([Sample(number * 1_000, 100 + number % 7) for number in range(700)])) < 0.05
