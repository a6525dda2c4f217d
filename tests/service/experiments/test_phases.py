from pathlib import Path

import pytest

from service.errors import StoreUnavailableError
from service.experiments.live import design_of, fingerprint
from service.experiments.phases import StoredPhases
from service.storage import Storage
from tests.service.experiments.declarations import GRU, LSTM, experiment_of

pytestmark = pytest.mark.anyio


async def test_processes_that_share_a_store_agree_on_the_number_of_a_phase(tmp_path: Path) -> None:
    url, experiment = f"sqlite:///{tmp_path / 'nunchi.db'}", experiment_of()
    numbers = []
    for version in (1, 1, 2, 2):
        refs = (GRU, LSTM._replace(version=version))
        storage = Storage(url)  # as another process would
        phases = StoredPhases(storage)
        numbers.append(await phases.open(experiment.name, fingerprint(experiment, refs), design_of(experiment, refs)))
        await storage.close()
    assert numbers == [1, 1, 2, 2]


async def test_a_store_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    phases = StoredPhases(Storage(f"sqlite:///{tmp_path / 'file' / 'nunchi.db'}"))
    with pytest.raises(StoreUnavailableError):
        await phases.open("gru-or-lstm", "mark", {})
