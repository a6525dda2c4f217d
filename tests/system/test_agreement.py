"""Every probability as Keras gives it; `python -m tests.prove agreement --full` does the same for the whole split."""

from collections.abc import Iterator

import pytest

from model_store.layout import DEFAULT_STORE
from tests.prove import agreement
from tests.system.server import Server, serving

pytestmark = [pytest.mark.system, pytest.mark.tensorflow, pytest.mark.data]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(DEFAULT_STORE, tmp_path_factory.mktemp("agreement") / "service.log") as running:
        running.wait_until_loaded()
        yield running


@pytest.mark.parametrize("model", agreement.MODELS)
@pytest.mark.usefixtures("data_directory")
def test_the_service_gives_every_probability_as_keras_does(server: Server, model: str) -> None:
    found = agreement.compare(model, agreement.reviews(agreement.SMALL), server.url)
    assert found.texts == agreement.SMALL
    assert found.worst <= agreement.BAR
    assert found.worst_answered <= agreement.BAR
    assert found.other_labels == 0


@pytest.mark.usefixtures("data_directory")
def test_answers_of_another_model_would_not_pass(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = agreement._keras
    monkeypatch.setattr(agreement, "_keras", lambda stored, rows: keras(stored, [row[::-1] for row in rows]))
    found = agreement.compare("gru", agreement.reviews(200), server.url)
    assert found.worst > agreement.BAR
    assert found.worst_answered > agreement.BAR
