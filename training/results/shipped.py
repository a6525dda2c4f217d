"""The versions in the store, by their own manifests."""

from collections.abc import Mapping, Sequence

from model_store.layout import DEFAULT_STORE, list_versions, verify
from model_store.manifest import Manifest
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
    manifests = [verify(DEFAULT_STORE, ref).manifest for ref in list_versions(DEFAULT_STORE)]
    names = [f"`{manifest.name}/{manifest.version}`" for manifest in manifests]
    rows: list[Sequence[str]] = []
    for name, manifest in zip(names, manifests, strict=True):
        figures = [f"{manifest.metrics[figure]:.4f}" for figure in _FIGURES]
        track = str(manifest.provenance["track"])
        rows.append([name, manifest.variant, track, *figures, f"{manifest.metrics['parameters']:,.0f}"])
    header = ["version", "variant", "track", *_FIGURES.values(), "parameters"]
    return _TEXT.format(
        table=table(header, rows),
        calibration=_calibration(dict(zip(names, manifests, strict=True))),
        behaviour=_behaviour(dict(zip(names, manifests, strict=True))),
    )


def _calibration(manifests: Mapping[str, Manifest]) -> str:
    """Return the table of what calibration changed on the test part."""
    rows: list[Sequence[str]] = []
    for name, manifest in manifests.items():
        if (chosen := manifest.calibration) is None:
            continue
        figures = [
            f"{chosen.figures[f'test_{figure}{when}']:.4f}" for figure in ("ece", "brier") for when in ("_before", "")
        ]
        certain = ["", "", ""]
        if chosen.certain_from is not None:
            of_certain = (chosen.figures[f"test_certain_{figure}"] for figure in ("coverage", "accuracy"))
            certain = [f"{value:.3f}" for value in (chosen.certain_from, *of_certain)]
        rows.append([name, f"{chosen.temperature:.3f}", *figures, *certain])
    header = ["version", "temperature", "ECE before", "after", "Brier before", "after"]
    return table([*header, "certain from", "answers", "right"], rows)


def _behaviour(manifests: Mapping[str, Manifest]) -> str:
    """Return the table of how the versions in the store do under noise and on the behaviour tests."""
    metrics = {name: manifest.metrics for name, manifest in manifests.items()}
    figures = dict.fromkeys(name for known in metrics.values() for name in known if name.startswith(_BESIDE_ACCURACY))
    rows = [
        [figure.replace("_", " "), *(f"{known[figure]:.3f}" if figure in known else "" for known in metrics.values())]
        for figure in figures
    ]
    return table(["", *metrics], rows)


_TEXT = """## The shipped models

Measured on the test part of their data, by publication. Track A: training reviews only. Track B: further reviews as
text as well, with soft labels of teachers that saw neither the validation nor the test part. Track B with stars: the
ratings of these reviews, too. Settings, epochs and temperatures were chosen on the validation part, nothing on the test
part; no text of the validation or the test part is among the further reviews. The models of reviews have also learnt
6,000 sentences made by rule ([training.md](training.md#phrases)).

{table}

Calibration: ECE and Brier score before and after the temperature; from which probability on an answer is not called
uncertain, how many of the answers reach it, and how many of these are right.

{calibration}

Accuracy on the same texts under noise, and shares of behaviour tests passed ([training.md](training.md) says what both
are):

{behaviour}
"""
