import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_store.golden import pad
from model_store.layout import VersionRef, verify
from model_store.text import normalize
from tests.training.conftest import reviews
from tests.versions import Shape, publish_version
from training.__main__ import main
from training.comparing.contestants import Contestant, open_version
from training.comparing.texts import LEAST_TEXTS, OwnFile, own_texts, part_for_all
from training.config import TrainingConfig
from training.datasets import load_corpus
from training.errors import DataError

LABELS = ("bad", "good")
HOSTILE = "</script><script>alert(1)</script> 재미있다"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two versions of `gru`, one of `lstm`, and one with other labels."""
    path = tmp_path / "models"
    for name, seed in (("gru", 1), ("gru", 2), ("lstm", 3)):
        publish_version(path, name, Shape(LABELS, seed=seed))
    publish_version(path, "topics", Shape(("love", "parting", "everyday")))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A hundred labelled texts and one that would end a script."""
    path = tmp_path / "mine.tsv"
    lines = [f"{text}\t{label}\n" for text, label in [*reviews(), (HOSTILE, "good")]]
    path.write_text("text\tlabel\n" + "".join(lines), encoding="utf-8")
    return path


def _compare(*arguments: object) -> int:
    return main(["compare", *map(str, arguments)])


def test_versions_are_compared_on_a_file_and_everything_is_written(store: Path, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    assert _compare("gru/1", "gru", "lstm", "--store", store, "--file", file, "--out", out) == 0

    found = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert [model["name"] for model in found["models"]] == ["gru/1", "gru/2", "lstm/1"]
    assert (found["texts"], len(found["pairs"])) == (101, 3)
    for pair in found["pairs"]:
        assert pair["both"] + pair["only_first"] + pair["only_second"] + pair["neither"] == 101
    assert all(model["cost"]["one"]["median"] > 0 for model in found["models"])
    report = (out / "report.md").read_text(encoding="utf-8")
    assert all((out / picture).is_file() for picture in re.findall(r"!\[[^]]*\]\(([^)]*)\)", report))
    table = (out / "disagreements.tsv").read_text(encoding="utf-8").splitlines()
    assert len(table) == found["disagreements"] + 1
    assert found["disagreements"] > 0


def test_the_figures_are_those_of_the_graph_that_is_served(store: Path, file: Path, tmp_path: Path) -> None:
    _compare("gru/1", "lstm/1", "--store", store, "--file", file, "--out", tmp_path / "out")

    found = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert found["models"][0]["name"] == "gru/1"
    opened = open_version(verify(store, VersionRef("gru", 1)))
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    right = [
        LABELS[int(opened.score_one(pad([opened.encoder.encode(text, 256).ids]))[0].argmax())] == label
        for text, label in rows
    ]
    assert found["models"][0]["metrics"]["accuracy"] == pytest.approx(np.mean(right))


def test_the_page_loads_nothing_and_runs_no_text(store: Path, file: Path, tmp_path: Path) -> None:
    _compare("gru/1", "lstm/1", "--store", store, "--file", file, "--out", tmp_path / "out")

    page = (tmp_path / "out" / "disagreements.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=|https?://|@import|url\(", page)
    assert page.count("</script>") == 2
    assert "default-src 'none'" in page
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    table = (tmp_path / "out" / "disagreements.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert [row["text"] for row in data["rows"]] == [line.split("\t")[0] for line in table]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gru/3", "lstm"], r"gru/3 is neither a version of .* \(there is gru/1, gru/2, lstm/1, topics/1\)"),
        (["gru", "gru/2"], "gru/2 is named twice"),
        (["gru"], "two models or more are needed"),
        (["gru", "topics"], "the labels differ: gru/2 knows bad, good; topics/1 knows love, parting, everyday"),
        (["gru", "lstm", "--label-names", "0"], "--label-names must be MINE=THEIRS"),
        (["gru", "lstm"], "gru/2 does not say what it was trained on"),
        (["gru", "lstm", "--file", "nowhere.tsv"], "nowhere.tsv: cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(
    store: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert _compare(*arguments, "--store", store) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)


def test_other_names_of_labels_are_refused_until_it_is_said_what_they_mean(
    store: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbered = tmp_path / "numbered.tsv"
    content = file.read_text(encoding="utf-8")
    numbered.write_text(content.replace("\tgood\n", "\t1\n").replace("\tbad\n", "\t0\n"), encoding="utf-8")
    common = ("gru", "lstm", "--store", store, "--out", tmp_path / "out", "--file", numbered)

    assert _compare(*common) == 1
    assert "the label '0' is none of the models' (bad, good); --label-names 0=bad" in capsys.readouterr().err
    assert _compare(*common, "--label-names", "0=bad,1=good") == 0


def test_too_few_texts_say_nothing(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = tmp_path / "few.tsv"
    few.write_text("text\tlabel\n" + "좋다\tgood\n" * 10 + "나쁘다\tbad\n" * 9, encoding="utf-8")

    assert _compare("gru", "lstm", "--store", store, "--file", few) == 1
    assert f"too few texts: 19 are there, at least {LEAST_TEXTS} are needed" in capsys.readouterr().err


def _contestants(store: Path, *configs: TrainingConfig) -> list[Contestant]:
    opened = open_version(verify(store, VersionRef("gru", 1)))
    return [replace(opened, name=str(number), config=config) for number, config in enumerate(configs)]


def test_no_model_is_asked_what_it_or_another_learnt_from(store: Path, table: Path) -> None:
    configs = [TrainingConfig(dataset=str(table), validation_share=0.5, split_seed=seed) for seed in (7, 8)]

    texts = part_for_all(_contestants(store, *configs), "validation")

    asked = {normalize(text) for text in texts.dataset.texts}
    for config in configs:
        assert asked.isdisjoint(normalize(text) for text in load_corpus(config).train.texts)
    own = {normalize(text) for text in load_corpus(configs[0]).validation.texts}
    learnt_by_other = {normalize(text) for text in load_corpus(configs[1]).train.texts}
    assert own & learnt_by_other, "without care, the second would be asked what it learnt by heart"
    assert "trained on different rows" in texts.notes[0]


def test_models_of_the_same_rows_are_asked_all_of_the_part(store: Path, table: Path) -> None:
    config = TrainingConfig(dataset=str(table), validation_share=0.5)

    texts = part_for_all(_contestants(store, config, replace(config, units=9)), "validation")

    assert len(texts.dataset) == len(load_corpus(config).validation)
    assert texts.notes == ()


def test_models_of_different_data_need_a_file(store: Path, table: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(table.read_text(encoding="utf-8"), encoding="utf-8")
    contestants = _contestants(store, *(TrainingConfig(dataset=str(path)) for path in (table, other)))

    with pytest.raises(DataError, match="name a --file"):
        part_for_all(contestants, "validation")


def test_a_reader_is_told_when_a_model_was_trained_on_the_file(store: Path, table: Path) -> None:
    (contestant,) = _contestants(store, TrainingConfig(dataset=str(table)))
    foreign = replace(contestant, config=None, name="foreign")

    texts = own_texts([contestant, foreign], OwnFile(table, "text", "label"))

    learnt = len(load_corpus(TrainingConfig(dataset=str(table))).train)
    assert texts.notes[0] == f"**0 was trained on {learnt} of these 100 texts.**"
    assert texts.notes[1].startswith("Whether foreign was trained on some of these texts could not be checked")


@pytest.mark.tensorflow
def test_a_run_gives_what_the_version_made_of_it_gives(table: Path, tmp_path: Path) -> None:
    from training.recipe import train_variant

    sizes = {"vocabulary": 70, "length": 16, "embedding": 8, "units": 8, "epochs": 1}
    config = TrainingConfig(dataset=str(table), validation_share=0.4, pooling="mean", **sizes)  # type: ignore[arg-type]
    run, bag = tmp_path / "run", tmp_path / "bag"
    train_variant(config, run)
    train_variant(replace(config, variant="embedding"), bag)
    main(["publish", "--run", str(run), "--name", "gru", "--store", str(tmp_path / "models")])

    assert _compare("gru/1", run, bag, "--store", tmp_path / "models", "--out", tmp_path / "out") == 0

    found = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    version, same, _ = found["models"]
    assert found["pairs"][0]["agreement"] == 1.0
    assert version["metrics"] == pytest.approx(same["metrics"], abs=1e-5)
    assert version["parameters"] == same["parameters"] > 0
    assert [model["engine"] for model in found["models"]][:2] == ["fused", "fused"]
