import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

TRAIN_WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
from training.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("variant", ["gru", "bilstm"])
def test_a_run_trained_on_jax_gives_the_same_answers_on_tensorflow(table: Path, tmp_path: Path, variant: str) -> None:
    from training.classification import Classification
    from training.datasets import load_corpus
    from training.epochs import EpochRows
    from training.history import best
    from training.recipe import evaluation_length, load_run
    from training.rows import encode_rows

    run = tmp_path / "run"
    small = "--vocabulary 70 --embedding 8 --units 8 --batch-size 16 --epochs 2 --pooling mean_max --weight-average 0.9"
    program = [sys.executable, "-c", TRAIN_WITHOUT_TENSORFLOW, "train", "--variant", variant]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [*program, "--dataset", str(table), "--run", str(run), *small.split()]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)

    trained = load_run(run)
    corpus = load_corpus(trained.config)
    rows = encode_rows(corpus.validation, trained.encoder, evaluation_length(trained.config), keep_empty=True)
    task = Classification(EpochRows(corpus.train, trained.encoder, trained.config), rows, trained.config)
    there, here = best(trained.epochs, trained.config.choose_by), task.validate(trained.model)
    assert here["validation_loss"] == pytest.approx(there.validation_loss, abs=1e-5)
    assert here["validation_accuracy"] == there.validation_accuracy
