import numpy as np
import pytest

from tests.prove import null


def made_up(texts: int = 3000) -> null.Texts:
    """Return texts of which two models get 85 per cent right, each its own."""
    random = np.random.default_rng(1)
    classes = random.integers(2, size=texts)
    given = np.where(random.random((2, texts)) < 0.85, classes, 1 - classes)
    sure = np.where(given == 1, 0.9, 0.1)
    first, second = np.stack((1 - sure, sure), axis=2).astype(np.float32)
    return null.texts_of(first, second, classes)


def test_who_is_right_follows_from_answers_and_classes() -> None:
    first = np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]], np.float32)
    second = np.array([[0.6, 0.4], [0.2, 0.8], [0.1, 0.9]], np.float32)
    texts = null.texts_of(first, second, np.array([1, 1, 1]))
    assert texts.difference.tolist() == [1, -1, 0]
    as_they_are, swapped = texts.made[0]
    assert [outcome.label for outcome in as_they_are] == ["positive", "negative"]
    assert [outcome.label for outcome in swapped] == ["negative", "positive"]


def test_mcnemar_is_looked_at_from_the_tenth_discordant_pair_on() -> None:
    assert not null.mcnemar_is_fooled(np.array([1] * 9))
    assert null.mcnemar_is_fooled(np.array([1] * 10))
    assert null.mcnemar_is_fooled(np.array([1] * 10 + [-1] * 10))
    assert not null.mcnemar_is_fooled(np.array([1, -1] * 100))


def test_no_winner_is_made_up_where_people_would_see_one() -> None:
    found = null.measure(made_up(), null.Size(20, 300))
    assert found.winners <= found.limit * 20
    assert found.mcnemar > null.TEETH * 20 / 4
    assert "| winner named by the service |" in null.section(found)


@pytest.mark.data
@pytest.mark.usefixtures("data_directory")
def test_real_answers_swapped_by_a_coin_have_no_winner() -> None:
    found = null.measure(null.real_texts(), null.SMALL)
    assert found.winners <= found.limit * found.size.runs
    assert found.mcnemar > 0
