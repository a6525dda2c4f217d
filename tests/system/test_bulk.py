"""Bulk scoring as a process: what it writes, how it goes on, what it costs, and that it says what the service says."""

import csv
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from model_store.layout import staging
from tests.system.server import ROOT, serving
from tests.versions import Shape, publish_staged, publish_version

pytestmark = pytest.mark.system

WORDS = [
    *("영화", "배우", "연기", "정말", "좋았어요", "재미없다", "지루했", "최고", "별로", "10점"),
    *("ㅋㅋㅋㅋ", "ㅠㅠ", "...", "!?", "👍", "good", '"최고"'),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("bulk") / "models"
    publish_version(store, "gru", Shape(seed=1))
    publish_version(store, "gru", Shape(seed=2))
    return store


def sentences(count: int, seed: int = 0) -> Iterator[str]:
    source = random.Random(seed)
    return (" ".join(source.choices(WORDS, k=source.randint(1, 12))) for _ in range(count))


def write_reviews(path: Path, rows: int, note: str = "") -> Path:
    """Write a TSV of which every 500th row cannot be scored."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id\ttext\tnote\n")
        for row, text in enumerate(sentences(rows), 1):
            file.write(f"{row}\t{text if row % 500 else ''}\t{note}\n")
    return path


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "service", "score", *map(str, arguments)]


def environment(store: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUNCHI_")}
    return {**inherited, "NUNCHI_MODEL_STORE": str(store)}


def score(
    store: Path, *arguments: str | Path, stdin: bytes = b"", status: int = 0
) -> "subprocess.CompletedProcess[bytes]":
    done = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment(store),
        input=stdin,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == status, done.stderr.decode()
    return done


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


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


@pytest.mark.parametrize("suffix", ["tsv", "csv.gz", "parquet"])
def test_a_run_that_was_killed_goes_on_and_ends_the_same(store: Path, tmp_path: Path, suffix: str) -> None:
    reviews = write_reviews(tmp_path / "reviews.tsv", 8_000, note="x" * 600)
    whole, out = tmp_path / f"whole.{suffix}", tmp_path / f"scored.{suffix}"
    score(store, reviews, "--out", whole, "--quiet")

    kill_after_first_checkpoint(store, reviews, out)
    assert not out.exists()
    score(store, reviews, "--out", out, status=2)
    said = score(store, reviews, "--out", out, "--resume").stderr.decode()

    assert "7,984 texts scored, 16 rows rejected" in said
    assert out.read_bytes() == whole.read_bytes()
    assert Path(f"{out}.rejected.jsonl").read_bytes() == Path(f"{whole}.rejected.jsonl").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        reviews.name,
        *(f"{path.name}{ending}" for path in (whole, out) for ending in ("", ".rejected.jsonl")),
    }


def kill_after_first_checkpoint(store: Path, reviews: Path, out: Path) -> None:
    arguments = command(reviews, "--out", out, "--quiet", "--workers", "1")
    with subprocess.Popen(arguments, cwd=ROOT, env=environment(store)) as process:
        checkpoint = Path(f"{out}.checkpoint.json")
        while not checkpoint.exists():
            assert process.poll() is None
            time.sleep(0.005)
        workers = [pid for pid in family(process.pid) if pid != process.pid]
        process.kill()
    end = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < end, "workers outlive the process that they work for"
        time.sleep(0.01)


def family(root: int) -> list[int]:
    """Return a process and all that it started, directly or not."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue
    members = [root]
    for member in members:
        members.extend(pid for pid, parent in parents.items() if parent == member)
    return members


@pytest.mark.parametrize("suffix", ["tsv", "csv.gz", "jsonl", "parquet"])
def test_columns_go_through_every_format_unchanged(store: Path, tmp_path: Path, suffix: str) -> None:
    reviews, between, last = write_reviews(tmp_path / "a.tsv", 30), tmp_path / f"b.{suffix}", tmp_path / "c.tsv"
    score(store, reviews, "--out", between, "--quiet")
    score(store, between, "--out", last, "--quiet")
    before, after = rows_of(reviews), rows_of(last)
    added = {"label", "score", "probability_negative", "probability_positive", "model"}
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


def test_a_worker_that_is_killed_ends_the_run_in_one_line_and_the_run_can_go_on(store: Path, tmp_path: Path) -> None:
    reviews, out = write_reviews(tmp_path / "reviews.tsv", 8_000, note="x" * 600), tmp_path / "scored.tsv"
    arguments = command(reviews, "--out", out, "--quiet", "--workers", "2")
    with subprocess.Popen(arguments, cwd=ROOT, env=environment(store), stderr=subprocess.PIPE) as process:
        assert process.stderr
        while not Path(f"{out}.checkpoint.json").exists():
            assert process.poll() is None
        os.kill(max(pid for pid in family(process.pid)), signal.SIGKILL)
        [line] = process.stderr.read().decode().splitlines()
    assert process.returncode == 1
    assert "a worker ended before its work was done (killed by signal 9" in line
    assert "--resume goes on" in line
    score(store, reviews, "--out", out, "--resume", "--quiet")
    assert len(rows_of(out)) == 7_984


def test_a_full_disk_ends_the_run_in_one_line_and_the_run_can_go_on(store: Path, tmp_path: Path) -> None:
    reviews, out = write_reviews(tmp_path / "reviews.tsv", 8_000, note="x" * 600), tmp_path / "scored.tsv"
    full = ["prlimit", "--fsize=3000000", *command(reviews, "--out", out, "--quiet")]
    done = subprocess.run(full, cwd=ROOT, env=environment(store), capture_output=True, timeout=240, check=False)
    assert done.returncode == 1
    [line] = done.stderr.decode().splitlines()
    assert "File too large; the same command with --resume goes on" in line
    score(store, reviews, "--out", out, "--resume", "--quiet")
    assert [row["id"] for row in rows_of(out)] == [str(row) for row in range(1, 8_001) if row % 500]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_stop_says_how_to_go_on(store: Path, tmp_path: Path, number: signal.Signals) -> None:
    reviews, out = write_reviews(tmp_path / "reviews.tsv", 8_000, note="x" * 600), tmp_path / "scored.tsv"
    arguments = command(reviews, "--out", out, "--quiet")
    with subprocess.Popen(arguments, cwd=ROOT, env=environment(store), stderr=subprocess.PIPE) as process:
        assert process.stderr
        while not Path(f"{out}.checkpoint.json").exists():
            assert process.poll() is None
        process.send_signal(number)
        said = process.stderr.read().decode()
    assert process.returncode == 130
    assert said == "nunchi: interrupted; the same command with --resume goes on\n"


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


HOARDING = """
import sys
from service.bulk.columns import added_columns
from service.bulk.formats import open_source, row_writer
from service.bulk.options import Options
from service.bulk.run import find_version
from service.bulk.scorer import Task
from service.bulk.workers import Workers
from service.settings import Settings

if __name__ == "__main__":
    options, settings = Options(sys.argv[1], sys.argv[2]), Settings()
    stored, source = find_version(settings, "gru", None), open_source(options)
    writer = row_writer(options, source, added_columns(source.columns, stored.manifest.labels, stored.ref))
    with Workers(Task(settings, stored.ref, source.parser, writer, False), 1) as workers:
        kept = list(workers.results(source.chunks(None)))
"""


def peak_mb(store: Path, arguments: list[str]) -> float:
    """Return the largest resident memory of a process and its workers, each at its own peak, in MB."""
    peaks: dict[int, int] = {}
    with subprocess.Popen(arguments, cwd=ROOT, env={**environment(store), "PYTHONPATH": str(ROOT)}) as process:
        while process.poll() is None:
            for pid in family(process.pid):
                try:
                    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
                except OSError:
                    continue
                peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), "0")
                peaks[pid] = max(peaks.get(pid, 0), int(peak))
            time.sleep(0.02)
    assert process.returncode == 0
    return sum(peaks.values()) / 1e3


def growth(store: Path, tmp_path: Path, arguments: list[str]) -> float:
    """Return by what factor the peak grows when a file is eight times as long."""
    peaks = []
    for rows in (20_000, 160_000):
        reviews = write_reviews(tmp_path / f"{rows}.tsv", rows, note="x" * 300)
        filled = [argument.format(reviews=reviews, out=tmp_path / f"{rows}.out.tsv") for argument in arguments]
        peaks.append(peak_mb(store, filled))
    return peaks[1] / peaks[0]


def test_memory_does_not_grow_with_the_file(store: Path, tmp_path: Path) -> None:
    arguments = command("{reviews}", "--out", "{out}", "--quiet", "--workers", "1")
    assert growth(store, tmp_path, arguments) <= 1.05


def test_memory_that_does_grow_is_noticed(store: Path, tmp_path: Path) -> None:
    program = tmp_path / "hoarding.py"
    program.write_text(HOARDING, encoding="utf-8")
    assert growth(store, tmp_path, [sys.executable, str(program), "{reviews}", "{out}"]) > 1.1
