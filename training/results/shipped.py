"""The versions in the store, by their own manifests."""

from collections.abc import Sequence

from model_store.layout import DEFAULT_STORE, list_versions, verify
from training.report import table

_FIGURES = {
    "accuracy": "accuracy",
    "f1": "F1",
    "roc_auc": "ROC-AUC",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
}


_BESIDE_ACCURACY = ("accuracy_", "behaviour_")


def shipped() -> str:
    """Return the part of the page about the shipped models."""
    rows: list[Sequence[str]] = []
    for ref in list_versions(DEFAULT_STORE):
        manifest = verify(DEFAULT_STORE, ref).manifest
        figures = [f"{manifest.metrics[name]:.4f}" for name in _FIGURES]
        track = str(manifest.provenance["track"])
        rows.append([f"`{ref}`", manifest.variant, track, *figures, f"{manifest.metrics['parameters']:,.0f}"])
    header = ["version", "variant", "track", *_FIGURES.values(), "parameters"]
    return _TEXT.format(table=table(header, rows), behaviour=_behaviour())


def _behaviour() -> str:
    """Return the table of how the versions in the store do under noise and on the behaviour tests."""
    known = {str(ref): verify(DEFAULT_STORE, ref).manifest.metrics for ref in list_versions(DEFAULT_STORE)}
    known = {version: metrics for version, metrics in known.items() if "behaviour_all" in metrics}
    if not known:
        return "No version in the store has them yet."
    names = dict.fromkeys(name for metrics in known.values() for name in metrics if name.startswith(_BESIDE_ACCURACY))
    rows = [
        [name.replace("_", " "), *(f"{metrics[name]:.3f}" if name in metrics else "" for metrics in known.values())]
        for name in names
    ]
    return table(["", *(f"`{version}`" for version in known)], rows)


_TEXT = """## The shipped models

Measured on the test part of their data, by publication. Track A: training reviews only. Track B: further reviews as
text as well, with soft labels of teachers that saw neither the validation nor the test part. Track B with stars: the
ratings of these reviews, too. Settings, epochs and temperatures were chosen on the validation part, nothing on the test
part. Among the further reviews that `gru/1`, `lstm/1` and `rnn/1` learnt from, 244 texts of the validation and 236 of
the test part occur as well, nearly all of a word or two, with the baseline's opinion for a label; they are left out
since.

{table}

Accuracy on the same texts under noise, and shares of behaviour tests passed ([training.md](training.md) says what both
are); versions published before there were such figures are left out.

{behaviour}
"""
