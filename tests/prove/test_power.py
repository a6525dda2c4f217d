import numpy as np

from tests.prove import power


def test_a_gap_of_three_points_is_found_about_as_soon_as_it_should() -> None:
    """Of few runs, with half as much again for chance."""
    found = power.measure(power.Size(15))
    assert found.median <= 1.5 * power.MEDIAN_BAR
    assert found.wrong + found.unhealthy <= 2
    assert np.isfinite(found.median)
    assert "| median |" in power.section(found)
