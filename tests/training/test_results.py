import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow


def test_finished_runs_become_a_table_without_training_again(tmp_path: Path) -> None:
    from training.results.page import Asked, make_results
    from training.results.reference import COLUMNS
    from training.variants import VARIANTS

    for number, column in enumerate(COLUMNS):
        for variant in VARIANTS:
            report = tmp_path / "runs" / "reference" / column.key / variant / "report" / "test"
            report.mkdir(parents=True)
            document = {
                "metrics": {"accuracy": 0.8 + number / 100},
                "cost": {"parameters": 506_715, "training_seconds": 61.2},
                "memory": [1.0, 0.5, 0.25],
            }
            (report / "metrics.json").write_text(json.dumps(document))
    (tmp_path / "runs" / "baseline.json").write_text(json.dumps({"accuracy": 0.8762, "seconds": 57.0}))

    make_results(Asked(tmp_path / "runs", tmp_path / "results.md"), ["reference"])

    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| `rnn` | 0.821 | 0.8000 | 0.8100 | 506,715 | 61 |" in text
    assert "| linear baseline |  | 0.8762 |" in text
    assert all(f"| `{variant}` |" in text for variant in VARIANTS)
    assert (tmp_path / "memory.png").read_bytes().startswith(b"\x89PNG")


def test_the_ablation_is_written_beside_what_the_page_says_already(tmp_path: Path) -> None:
    from training.results.page import Asked, make_results

    page = tmp_path / "results.md"
    page.write_text("# Results\n\n<!-- shipped -->\n## The shipped models\n\nall of them\n", encoding="utf-8")
    for name, accuracy in {"base_7": 0.85, "base_8": 0.86, "noise_7": 0.865}.items():
        run = tmp_path / "runs" / "ablation" / name
        run.mkdir(parents=True)
        figures = {"accuracy": accuracy, "validation_accuracy": 0.87, "parameters": 841_505, "seconds": 61.2}
        (run / "figures.json").write_text(json.dumps(figures))

    make_results(Asked(tmp_path / "runs", page, train=False), ["ablation"])

    text = page.read_text(encoding="utf-8")
    base, noise = (line for line in text.splitlines() if line.startswith(("| base", "| noise")))
    assert "| A | 2 | 0.8700 | 0.8550 ± 0.0050 |  |" in base
    assert "| A | 1 | 0.8700 | 0.8650 | +1.00 |" in noise
    assert text.index("## What each part") < text.index("all of them")


def test_a_missing_run_of_the_ablation_is_trained_with_what_it_starts_from(table: Path, tmp_path: Path) -> None:
    from training.config import TrainingConfig
    from training.results.ablation import _prepare
    from training.results.figures import train_and_test

    config = TrainingConfig(
        dataset=str(table), vocabulary=70, encoder_from=str(tmp_path / "encoder"), epochs=1, units=4, embedding=4
    )
    _prepare(config)
    figures = train_and_test(config, tmp_path / "run")

    assert (tmp_path / "encoder" / "pieces.model").exists()
    assert 0 <= figures["accuracy_with_typos"] <= 1
