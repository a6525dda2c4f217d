"""Bulk scoring as a process: it says what the service says, whatever the format and the number of workers."""

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from model_store.layout import staging
from tests.service.bulk.command import ROOT, command, environment, rows_of, score, write_reviews
from tests.system.server import serving
from tests.versions import Shape, publish_staged, publish_version

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("bulk") / "models"
    publish_version(store, "gru", Shape(seed=1))
    publish_version(store, "gru", Shape(seed=2))
    return store


def test_a_file_gets_what_the_service_answers(store: Path, tmp_path: Path) -> None:
    reviews = write_reviews(tmp_path / "reviews.tsv", 2_100)
    score(store, reviews, "--model", "gru", "--version", "1", "--out", tmp_path / "scored.tsv")
    rows = rows_of(tmp_path / "scored.tsv")
    assert len(rows) == 2_096
    with serving(store, tmp_path / "log") as server:
        for start in range(0, len(rows), 1000):
            part = rows[start : start + 1000]
            body = {"texts": [row["text"] for row in part], "model": "gru", "version": 1}
            answer = httpx.post(f"{server.url}/predict/batch", json=body, timeout=60).text
            items = json.loads(answer, parse_float=str)["predictions"]
            assert [[item["label"], item["score"], *item["scores"].values()] for item in items] == [
                [row["label"], row["score"], row["probability_negative"], row["probability_positive"]] for row in part
            ]
    assert {row["model"] for row in rows} == {"gru/1"}


def test_the_output_is_the_same_whatever_the_number_of_workers(store: Path, tmp_path: Path) -> None:
    reviews = write_reviews(tmp_path / "reviews.tsv", 8_000, note="x" * 600)
    outputs = []
    for workers in (1, 3):
        out = tmp_path / f"scored-{workers}.tsv.gz"
        score(store, reviews, "--out", out, "--workers", str(workers), "--quiet")
        outputs.append((out.read_bytes(), Path(f"{out}.rejected.jsonl").read_bytes()))
    assert outputs[0] == outputs[1]
    ids = [line.split("\t")[0] for line in gzip.decompress(outputs[0][0]).decode().splitlines()[1:]]
    assert ids == [str(row) for row in range(1, 8_001) if row % 500]
    rejected = [json.loads(line) for line in outputs[0][1].decode().splitlines()]
    assert [row["line"] for row in rejected] == list(range(501, 8_002, 500))


@pytest.mark.parametrize("suffix", ["tsv", "csv.gz", "jsonl", "parquet"])
def test_columns_go_through_every_format_unchanged(store: Path, tmp_path: Path, suffix: str) -> None:
    reviews, between, last = write_reviews(tmp_path / "a.tsv", 30), tmp_path / f"b.{suffix}", tmp_path / "c.tsv"
    score(store, reviews, "--out", between, "--quiet")
    score(store, between, "--out", last, "--quiet")
    before, after = rows_of(reviews), rows_of(last)
    added = {"label", "score", "probability_negative", "probability_positive", "uncertain", "model"}
    assert after[0].keys() == before[0].keys() | added | {f"predicted_{name}" for name in added}
    for old, new in zip(before, after, strict=True):
        assert {name: new[name] for name in old} == old
        assert {name: _string(new[name]) for name in added} == {
            name: _string(new[f"predicted_{name}"]) for name in added
        }


def _string(cell: str) -> str:
    """Return a number as it is always written: JSON and Parquet leave zeros at the end out."""
    try:
        return f"{float(cell):.6f}"
    except ValueError:
        return cell


def test_pipes_are_read_and_written(store: Path) -> None:
    texts = gzip.compress('text\n최고\n\n"좋다, 정말"\n'.encode())
    done = score(store, "-", "--format", "csv", "--out", "-", "--quiet", stdin=texts)
    lines = list(csv.reader(done.stdout.decode().splitlines()))
    assert [line[0] for line in lines] == ["text", "최고", "좋다, 정말"]
    assert json.loads(done.stderr) == {"line": 3, "reason": "empty", "row": ""}


def test_a_reader_that_leaves_early_ends_the_run_without_noise(store: Path, tmp_path: Path) -> None:
    reviews = write_reviews(tmp_path / "reviews.tsv", 20_000, note="x" * 150)
    arguments = command(reviews, "--out", "-", "--quiet", "--rejected", tmp_path / "rejected")
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=environment(store), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline().startswith(b"id\t")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


def test_strict_reports_every_bad_row_and_keeps_the_output_back(store: Path, tmp_path: Path) -> None:
    reviews, out = write_reviews(tmp_path / "reviews.tsv", 1_200), tmp_path / "scored.tsv"
    done = score(store, reviews, "--out", out, "--strict", status=1)
    assert "--strict: 2 rows were rejected" in done.stderr.decode()
    assert not out.exists()
    assert len(Path(f"{out}.rejected.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    score(store, reviews, "--out", out, "--resume")
    assert len(rows_of(out)) == 1_198


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reviews.tsv", "--model", "gro"], "there is no gro in"),
        (["reviews.tsv", "--version", "9"], "there is no gru/9 in"),
        (["nowhere.tsv", "--out", "reviews.tsv"], "nowhere.tsv cannot be read"),
        (["nowhere.tsv"], "nowhere.tsv cannot be read: No such file"),
        (["reviews.doc"], "what format has"),
        (["reviews.tsv", "--text-column", "review"], "the column 'review' is not among id, text, note"),
        (["reviews.tsv", "--out", "reviews.tsv"], "the output would replace the input"),
        (["-", "--format", "parquet"], "cannot come through a pipe"),
        (["-", "--format", "csv", "--resume"], "--resume needs files"),
    ],
)
def test_what_cannot_begin_is_said_in_one_line(store: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    write_reviews(tmp_path / "reviews.tsv", 3)
    paths = [str(tmp_path / name) if "." in name else name for name in arguments]
    out = [] if "--out" in paths else ["--out", str(tmp_path / "scored.tsv")]
    done = score(store, *paths, *out, status=2)
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("nunchi: ")
    assert said in line
    assert {path.name for path in tmp_path.iterdir()} == {"reviews.tsv"}


def test_a_version_that_no_worker_can_load_is_said_in_one_line(tmp_path: Path) -> None:
    own = tmp_path / "models"
    with staging(own) as staged:
        (staged / "saved_model.pb").write_bytes(b"never opened")
        publish_staged(staged, own, "gru", Shape(), fused_reason="no operator fits")
    reviews, out = write_reviews(tmp_path / "reviews.tsv", 3), tmp_path / "scored.tsv"
    arguments = command(reviews, "--out", out, "--workers", "2")
    setting = {**environment(own), "NUNCHI_ENGINE": "onnx"}
    done = subprocess.run(arguments, cwd=ROOT, env=setting, capture_output=True, timeout=240, check=False)
    assert done.returncode == 2
    assert done.stderr.decode() == "nunchi: it has no fused graph (no operator fits)\n"
    assert {path.name for path in tmp_path.iterdir()} == {"models", "reviews.tsv"}


WITHOUT_PYARROW = (
    "import sys; sys.modules['pyarrow'] = None; from service.__main__ import main; sys.exit(main(sys.argv[1:]))"
)


def test_only_parquet_needs_pyarrow_and_says_so(store: Path, tmp_path: Path) -> None:
    reviews = write_reviews(tmp_path / "reviews.tsv", 3)
    for suffix, status, said in (("jsonl", 0, ""), ("parquet", 2, "nunchi: Parquet needs pyarrow")):
        program = [sys.executable, "-c", WITHOUT_PYARROW, "score", str(reviews), "--quiet", "--workers", "1"]
        program += ["--out", str(tmp_path / f"scored.{suffix}")]
        done = subprocess.run(program, cwd=ROOT, env=environment(store), capture_output=True, timeout=240, check=False)
        assert (done.returncode, done.stderr.decode()[: len(said)]) == (status, said)


def test_an_altered_version_scores_nothing(store: Path, tmp_path: Path) -> None:
    own = tmp_path / "models"
    publish_version(own, "gru")
    (own / "gru" / "1" / "saved_model.pb").write_bytes(b"altered")
    done = score(own, write_reviews(tmp_path / "reviews.tsv", 3), "--out", tmp_path / "scored.tsv", status=2)
    assert "altered: saved_model.pb" in done.stderr.decode()
