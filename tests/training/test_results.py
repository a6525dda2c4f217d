import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow


def test_finished_runs_become_a_table_without_training_again(tmp_path: Path) -> None:
    from training.results import COLUMNS, make_results
    from training.variants import VARIANTS

    for number, column in enumerate(COLUMNS):
        for variant in VARIANTS:
            report = tmp_path / "runs" / column.key / variant / "report" / "test"
            report.mkdir(parents=True)
            document = {
                "metrics": {"accuracy": 0.8 + number / 100},
                "cost": {"parameters": 506_715, "training_seconds": 61.2},
                "memory": [1.0, 0.5, 0.25],
            }
            (report / "metrics.json").write_text(json.dumps(document))
    (tmp_path / "runs" / "baseline.json").write_text(json.dumps({"accuracy": 0.8762, "seconds": 57.0}))

    make_results(tmp_path / "runs", tmp_path / "results.md")

    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| `rnn` | 0.821 | 0.8000 | 0.8100 | 506,715 | 61 |" in text
    assert "| linear baseline |  | 0.8762 |" in text
    assert all(f"| `{variant}` |" in text for variant in VARIANTS)
    assert (tmp_path / "memory.png").read_bytes().startswith(b"\x89PNG")
