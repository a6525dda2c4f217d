"""Trains and publishes a small version of every variant: the whole table in a minute or two."""

import csv
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from training.config import VARIANT_NAMES

SMALL = ("--vocabulary", "70", "--embedding", "8", "--units", "8", "--epochs", "1", "--batch-size", "16")


def publish_every_variant(directory: Path, reviews: Iterable[tuple[str, str]], settings: Iterable[str] = SMALL) -> Path:
    """Train every variant on `reviews` (text, label) and publish it by its own name; return the store.

    Args:
        directory: empty; what is made on the way stays there.
        reviews: of two classes, a hundred and more.
        settings: flags of `python -m training train`.
    """
    from training.__main__ import main

    rows = list(reviews)
    table = directory / "reviews.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    unlabelled = directory / "data" / "nsmc" / "reviews_unlabelled.txt"
    unlabelled.parent.mkdir(parents=True)
    unlabelled.write_text("".join(f"{text}\n" for text, _ in rows), encoding="utf-8")
    store = directory / "store"
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(sys.stderr):
        patch.setenv("NUNCHI_DATA_DIR", str(directory / "data"))
        for variant in VARIANT_NAMES:
            run = str(directory / variant)
            assert main(["train", "--variant", variant, "--dataset", str(table), "--run", run, *settings]) == 0
            assert main(["publish", "--run", run, "--name", variant, "--store", str(store)]) == 0
    return store
