import pytest

from service.statistics.mcnemar import fixed_exact_p


def test_a_table_of_r_gives_what_r_gives() -> None:
    assert fixed_exact_p(15, 19) == pytest.approx(0.60759136, abs=5e-9)


def test_what_is_significant_once_is_that_of_the_reference() -> None:
    assert fixed_exact_p(120, 80) == pytest.approx(0.00568516, abs=5e-9)
    assert fixed_exact_p(60, 40) == pytest.approx(0.056888, abs=5e-7)


def test_without_discordant_texts_there_is_nothing_to_test() -> None:
    assert fixed_exact_p(0, 0) == 1


def test_negative_counts_are_refused() -> None:
    for counts in ((-1, 3), (3, -1)):
        with pytest.raises(ValueError, match="expected"):
            fixed_exact_p(*counts)
