import io
import shutil
from pathlib import Path

import pytest

from service.checking import check_models
from service.errors import StartError
from service.settings import Settings


def test_a_store_in_order_is_listed_and_good(store: Path) -> None:
    out = io.StringIO()
    assert check_models(Settings(model_store=store), out) == 0
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["version", "gru/1", "gru/2", "lstm/1", "3"]
    assert all(line.endswith("good") for line in lines[1:4])


def test_one_damaged_version_is_told_from_the_others_and_fails_the_check(store: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "store"
    shutil.copytree(store, damaged)
    (damaged / "gru" / "1" / "extra").write_text("")
    out = io.StringIO()
    assert check_models(Settings(model_store=damaged), out) == 1
    verdicts = {line.split()[0]: line for line in out.getvalue().splitlines()}
    assert verdicts["gru/1"].endswith("refused: not in the manifest: extra")
    assert verdicts["gru/2"].endswith("good")


def test_an_empty_store_fails_the_check(tmp_path: Path) -> None:
    assert check_models(Settings(model_store=tmp_path), io.StringIO()) == 1


def test_a_store_that_is_not_there_stops_it(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="NUNCHI_MODEL_STORE"):
        check_models(Settings(model_store=tmp_path / "nowhere"), io.StringIO())
