"""Every entry of the table of variants goes the whole way: trained, published, served."""

from collections.abc import Iterator

import httpx
import pytest

from tests.system.server import Server, serving
from tests.training.conftest import reviews
from training.config import VARIANT_NAMES as VARIANTS

pytestmark = [pytest.mark.system, pytest.mark.tensorflow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service over a store with one small version of every variant."""
    from training.__main__ import main

    directory = tmp_path_factory.mktemp("variants")
    table = directory / "reviews.csv"
    table.write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in reviews()), encoding="utf-8")
    unlabelled = directory / "data" / "nsmc" / "reviews_unlabelled.txt"
    unlabelled.parent.mkdir(parents=True)
    unlabelled.write_text("".join(f"{text}\n" for text, _ in reviews()), encoding="utf-8")
    small = ["--vocabulary", "70", "--embedding", "8", "--units", "8", "--epochs", "1", "--batch-size", "16"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUNCHI_DATA_DIR", str(directory / "data"))
        for variant in VARIANTS:
            run = str(directory / variant)
            assert main(["train", "--variant", variant, "--dataset", str(table), "--run", run, *small]) == 0
            assert main(["publish", "--run", run, "--name", variant, "--store", str(directory / "store")]) == 0
    with serving(directory / "store", directory / "service.log") as running:
        yield running


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_served_by_its_fused_graph(server: Server, variant: str) -> None:
    answer = httpx.post(f"{server.url}/predict", json={"text": "정말 재미있게 봤어요 ㅋㅋ", "model": variant})

    assert answer.status_code == 200
    assert sum(answer.json()["scores"].values()) == pytest.approx(1, abs=2e-6)
    models = httpx.get(f"{server.url}/models").json()["models"]
    assert next(each["engine"] for each in models if each["model"] == variant) == "onnx"
