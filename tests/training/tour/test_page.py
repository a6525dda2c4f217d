from pathlib import Path

import pytest

from training.config import TrainingConfig
from training.errors import ServiceError
from training.tour import service
from training.tour.page import Counts, make_tour


@pytest.mark.data
@pytest.mark.system
def test_the_tour_is_asked_of_a_service_drawn_and_written(tmp_path: Path, data_directory: Path) -> None:
    config = TrainingConfig(data_dir=str(data_directory))

    make_tour(config, tmp_path / "tour.md", Counts(gates=40, memory=2, most=600))

    words = (tmp_path / "tour.md").read_text(encoding="utf-8")
    pictures = sorted(path.name for path in (tmp_path / "tour").iterdir())
    assert pictures == ["comment.png", "gates.png", "memory.png", "turn.png", "units.png"]
    assert all(f"(tour/{name})" in words for name in pictures)
    assert "$" not in words
    assert "nan" not in words


def test_a_service_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUNCHI_MODEL_STORE", str(tmp_path / "nowhere"))

    with pytest.raises(ServiceError, match="does not start"), service.started():
        pass
