"""What a report says of calibration: two figures, a section, a part of metrics.json, and a line for the terminal."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from matplotlib.axes import Axes

from training.calibration import Calibrated
from training.evaluation import Evaluation
from training.plots import MUTED, PALETTE, Draw

Table = Callable[[Sequence[str], Sequence[Sequence[Any]]], str]
"""Makes a table of a header and rows."""


def reliability(calibrated: Calibrated) -> Draw:
    """Accuracy by confidence, before and after; on the diagonal a probability means what it says. Dots follow rows."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=":")
        _dots(axes, calibrated.before, MUTED, "before")
        _dots(axes, calibrated.evaluation, PALETTE[0], "calibrated")
        bins = [*calibrated.before.reliability, *calibrated.evaluation.reliability]
        low = min(min(each.confidence, each.accuracy) for each in bins) - 0.03
        before, after = (each.metrics["ece"] for each in (calibrated.before, calibrated.evaluation))
        title = f"Reliability (ECE {after:.4f}, before {before:.4f})"
        axes.set(title=title, xlabel="confidence", ylabel="accuracy", xlim=(low, 1.01), ylim=(low, 1.01))
        axes.legend()

    return draw


def risk_coverage(calibrated: Calibrated) -> Draw:
    """Accuracy of the texts that the model is most certain of, by their share; where it calls answers uncertain."""

    def draw(axes: Axes) -> None:
        coverage, accuracy = [each.coverage for each in calibrated.curve], [each.accuracy for each in calibrated.curve]
        axes.plot(coverage, accuracy, "o-", color=PALETTE[0], lw=2)
        for each in calibrated.curve:
            place = (each.coverage, each.accuracy)
            axes.annotate(f"{each.accuracy:.3f}", place, xytext=(-4, 6), textcoords="offset points", ha="right")
        figures, part = calibrated.settings.figures, _part(calibrated)
        certain = figures.get(f"{part}_certain_coverage")
        if certain:
            axes.plot([certain], [figures[f"{part}_certain_accuracy"]], "D", color=PALETTE[1], label="certain answers")
            axes.axhline(calibrated.settings.certain_accuracy, color=PALETTE[1], lw=1, ls=":", label="what they aim at")
            axes.legend(loc="lower right")
        axes.set(title="Accuracy by share of answered texts", xlabel="share answered", ylabel="accuracy")
        axes.set(xlim=(1.06, min(*coverage, certain or 1.0) - 0.03), ylim=(None, min(1.02, axes.get_ylim()[1] + 0.01)))
        axes.xaxis.set_major_formatter("{x:.0%}")

    return draw


def sections(calibrated: Calibrated, table: Table) -> list[str]:
    """Return the section of report.md."""
    figures = calibrated.settings.figures
    parts = [part for part in ("validation", "test") if f"{part}_ece" in figures]
    errors = [
        (part, *(f"{figures[f'{part}_{name}']:.4f}" for name in ("ece_before", "ece", "brier_before", "brier")))
        for part in parts
    ]
    curve = [(f"{each.coverage:.0%}", f"{each.accuracy:.4f}", f"{each.probability:.4f}") for each in calibrated.curve]
    return [
        "## Calibration",
        f"Temperature {calibrated.settings.temperature:.4f}, chosen on the validation part and divided into the last "
        "layer, so that every engine has it; no label changes by it.",
        table(("part", "ECE before", "ECE", "Brier before", "Brier"), errors),
        _certainty(calibrated),
        table(("answered", "accuracy", "from probability"), curve),
    ]


def document(calibrated: Calibrated) -> dict[str, Any]:
    """Return what metrics.json holds."""
    return {
        **asdict(calibrated.settings),
        "reliability_before": [asdict(each) for each in calibrated.before.reliability],
        "risk_coverage": [asdict(each) for each in calibrated.curve],
    }


def spoken(calibrated: Calibrated) -> str:
    """Return a few lines about it."""
    names = ("ece", "brier")
    changes = [f"{name} {calibrated.before.metrics[name]:.4f} before" for name in names]
    return f"temperature {calibrated.settings.temperature:.4f} ({', '.join(changes)})\n{_certainty(calibrated)}"


def _dots(axes: Axes, evaluation: Evaluation, color: str, label: str) -> None:
    bins = evaluation.reliability
    confidence, accuracy = [each.confidence for each in bins], [each.accuracy for each in bins]
    axes.plot(confidence, accuracy, color=color, lw=1)
    areas = [600 * each.rows / evaluation.rows + 12 for each in bins]
    axes.scatter(confidence, accuracy, s=areas, color=color, alpha=0.75)
    axes.plot([], [], "o-", color=color, lw=1, label=label)  # in the legend, without the size of a dot


def _certainty(calibrated: Calibrated) -> str:
    settings, part = calibrated.settings, _part(calibrated)
    if settings.certain_from is None:
        return (
            f"No probability was found from which on {settings.certain_accuracy:.0%} are right: no answer is uncertain."
        )
    coverage, accuracy = (settings.figures[f"{part}_certain_{name}"] for name in ("coverage", "accuracy"))
    return (
        f"Answers below a probability of {settings.certain_from:g} are uncertain. The others, {coverage:.1%} of this "
        f"part, are right in {accuracy:.2%} (the aim, on the validation part: {settings.certain_accuracy:.0%} or more)."
    )


def _part(calibrated: Calibrated) -> str:
    return "test" if "test_ece" in calibrated.settings.figures else "validation"
