"""Runs bulk scoring as a process, over made-up reviews."""

import csv
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
WORDS = [
    *("영화", "배우", "연기", "정말", "좋았어요", "재미없다", "지루했", "최고", "별로", "10점"),
    *("ㅋㅋㅋㅋ", "ㅠㅠ", "...", "!?", "👍", "good", '"최고"'),
]


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
