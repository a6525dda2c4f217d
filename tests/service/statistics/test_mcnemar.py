import pytest

from service.statistics.mcnemar import fixed_chi_squared, fixed_exact_p


def test_a_table_of_r_gives_what_r_gives() -> None:
    assert fixed_chi_squared(15, 19).statistic == pytest.approx(0.470588, abs=5e-7)
    assert fixed_exact_p(15, 19) == pytest.approx(0.60759136, abs=5e-9)
    assert fixed_chi_squared(15, 19, corrected=True).p == pytest.approx(0.60690543, abs=5e-9)


def test_what_is_significant_once_is_that_of_the_reference() -> None:
    assert fixed_chi_squared(120, 80) == pytest.approx((8.0, 0.0046777), abs=5e-8)
    assert fixed_exact_p(120, 80) == pytest.approx(0.00568516, abs=5e-9)
    assert fixed_chi_squared(120, 80, corrected=True).p == pytest.approx(0.00582067, abs=5e-9)
    assert fixed_exact_p(60, 40) == pytest.approx(0.056888, abs=5e-7)


def test_without_discordant_texts_there_is_nothing_to_test() -> None:
    assert fixed_exact_p(0, 0) == 1
    assert fixed_chi_squared(0, 0) == (0, 1)


def test_the_correction_never_turns_the_difference_round() -> None:
    assert fixed_chi_squared(3, 3, corrected=True) == (0, 1)


def test_negative_counts_are_refused() -> None:
    for method in (fixed_exact_p, fixed_chi_squared):
        for counts in ((-1, 3), (3, -1)):
            with pytest.raises(ValueError, match="expected"):
                method(*counts)
