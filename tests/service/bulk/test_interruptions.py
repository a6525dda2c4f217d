"""Runs that are killed, stopped, or out of space, and what comes of them with --resume."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.service.bulk.command import ROOT, command, environment, family, rows_of, score, write_reviews

pytestmark = pytest.mark.system


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
