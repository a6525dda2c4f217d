"""The measurements run from end to end; what they find on a busy machine is nobody's business."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import closed_loop
from tests.system.server import ROOT

pytestmark = pytest.mark.system


@pytest.mark.skipif(not closed_loop.available(), reason=closed_loop.INSTALL)
def test_the_service_and_the_empty_endpoint_are_measured_and_written_down(shipped_store: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--quick", f"--store={shipped_store}", f"--out={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith(("| nunchi", "| empty FastAPI"))]
    assert [row[0] for row in rows] == ["| nunchi", "| empty FastAPI endpoint"] * 2
    assert {row[6].strip(" |") for row in rows} == {"0"}, "no request failed, in either loop"
    assert (tmp_path / "results.png").stat().st_size > 0


def test_an_unknown_part_is_refused_before_anything_is_measured() -> None:
    command = [sys.executable, "-m", "bench", "--only", "htttp"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "unknown: htttp; there are http" in done.stderr
