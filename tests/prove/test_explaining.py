from pathlib import Path

import pytest

from tests.prove import explaining


@pytest.mark.data
@pytest.mark.system
@pytest.mark.usefixtures("data_directory")
def test_predictions_are_answered_while_texts_are_explained(tmp_path: Path) -> None:
    found = explaining.measure(explaining.SMALL, tmp_path)
    assert found.explained > 0
    assert len(found.tokens_30) == explaining.SMALL.explanations
    assert all(found.beside)
    assert all(found.compared)
    assert "three models, 5 explanations" in explaining.section(explaining.SMALL, found)


@pytest.mark.parametrize(("seconds", "word"), [(0.02, "met"), (0.04, "MISSED")])
def test_an_explanation_that_takes_too_long_is_told(seconds: float, word: str) -> None:
    found = explaining.Found([seconds] * 5, [0.2], 0.5, [[1e-4]], [[1e-4]], [[1e-4]], 3, 0)
    assert f": {word} at the median" in explaining.section(explaining.SMALL, found)
