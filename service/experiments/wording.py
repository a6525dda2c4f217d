"""Figures and verdicts of a report in words, the same in Markdown and on the page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Report = Mapping[str, Any]
Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""The names of the columns, and the rows."""

_HEADLINES = {
    "unhealthy": "Something is wrong with the experiment: do not decide on it",
    "harmful": "{arm} does harm: take it out",
    "winner": "{arm} wins: keep it",
    "equivalent": "The arms are equally good: keep the cheapest",
    "insufficient": "Too few labels to say anything yet",
    "keep_collecting": "Not decided yet: keep collecting labels",
    "stopped": "Stopped before it was decided",
}


def headline(report: Report) -> str:
    """Return the verdict in one sentence."""
    recommendation = report["recommendation"]
    return _HEADLINES[recommendation["state"]].format(arm=recommendation["arm"])


def subject(report: Report) -> str:
    """Return what is reported on."""
    return f"experiment {report['experiment']}, phase {report['phase']}, as of {report['as_of'] or 'its start'}"


def outlook(report: Report) -> str:
    """Return what to expect of more labels; nothing if it is decided or cannot be foreseen."""
    needed = report["recommendation"]["labels_needed"]
    return f"About {needed:,} more labels are expected to be needed." if needed else ""


def names(pair: Mapping[str, Any]) -> str:
    """Return the arms of a comparison; a difference is the first's figure minus the second's."""
    return f"{pair['arm_a']} - {pair['arm_b']}"


def paired(report: Report) -> list[Mapping[str, Any]]:
    """Return the comparisons of arms that met the same texts."""
    return [pair for pair in report["pairs"] if "both_right" in pair]


def health_table(report: Report) -> Table:
    """Return each check with what was seen."""
    return ("check", "seen", "status"), [list(row) for row in _checks(report["health"])]


def arms_table(report: Report) -> Table:
    """Return each arm with its accuracy, calibration, time and failures."""
    columns = ["arm", "version", "served", "shadow", "labels", "accuracy", "expected without labels", "Brier", "ECE"]
    return [*columns, "p50", "p95", "p99", "failed"], [_arm(arm) for arm in report["arms"]]


def pairs_table(report: Report) -> Table:
    """Return each pair with its difference and the evidence for it."""
    columns = ("arms", "labels", "difference of accuracies", "evidence", "needed", "better", "agree", "kappa")
    needed = f"{report['design']['e_threshold']:g}"
    return (*columns, "differ at most, without labels"), [_pair(pair, needed) for pair in report["pairs"]]


def guardrails_table(report: Report) -> Table:
    """Return what must not get worse, and whether it did."""
    columns = ("metric", "arms", "difference of shares", "margin", "status")
    return columns, [_guardrail(guardrail) for guardrail in report["guardrails"]]


def who_is_right(pair: Mapping[str, Any]) -> Table:
    """Return the paired table: how often both, one, or none of two arms was right."""
    a, b = pair["arm_a"], pair["arm_b"]
    rows = [
        [f"{a} right", f"{pair['both_right']:,}", f"{pair['a_only']:,}"],
        [f"{a} wrong", f"{pair['b_only']:,}", f"{pair['both_wrong']:,}"],
    ]
    return ("texts", f"{b} right", f"{b} wrong"), rows


def numbers_table(report: Report) -> Table:
    """Return what experts ask for."""
    rows = [
        [f"{names(pair)}: {name}", _figure(value)]
        for pair in report["pairs"]
        for name, value in pair.items()
        if name not in ("arm_a", "arm_b", "course", "labels_given")
    ]
    design = [[name, _figure(value)] for name, value in report["design"].items() if name != "arms"]
    return ("figure", "value"), [*design, *rows]


def interval(value: float | None, limits: Sequence[float | None]) -> str:
    """Return an estimate with its limits."""
    if value is None:
        return "-"
    low, high = ("?" if limit is None else f"{limit:.4f}" for limit in limits)
    return f"{value:.4f} ({low} to {high})"


def number(value: float | None) -> str:
    """Return a figure with four digits after the point."""
    return "-" if value is None else f"{value:.4f}"


def _checks(health: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    for stream, test in health["srm"].items():
        seen = ", ".join(f"{arm} {count:,}" for arm, count in test["counts"].items())
        yield f"shares of {stream}", f"{seen} (evidence {test['e_sup']:.3g}, alarm at 100)", test["status"]
    bias = health["label_bias"]
    asked = f"evidence {bias['e']:.3g}, alarm at 100" if bias["applies"] else "cannot be asked in this mode"
    yield "labels do not depend on the answer", asked, bias["status"]
    yield "clients served by one arm only", f"{1 - health['mixed_units_ratio']:.1%}", health["mixed_units_status"]
    yield "shadow answers that came", f"{1 - health['shadow_loss_ratio']:.1%}", health["shadow_loss_status"]
    yield "texts that count", f"{health['texts']:,}", ""
    yield "texts seen before, not counted again", f"{health['repeated_texts']:,}", ""
    yield "texts too young to count", f"{health['immature_texts']:,}", ""


def _arm(arm: Mapping[str, Any]) -> Sequence[str]:
    times = [arm["latency_ms"][name] for name in ("p50", "p95", "p99")]
    return [
        arm["arm"],
        f"{arm['model']}/{arm['version']}",
        *(f"{count:,}" for count in (*arm["role_counts"].values(), arm["labels"])),
        interval(arm["accuracy"], arm["accuracy_cs"]),
        *(number(arm[name]) for name in ("cbpe", "brier", "ece")),
        *(f"{time[0]:.3g} ms" if time else "-" for time in times),
        number(arm["error_ratio"]),
    ]


def _pair(pair: Mapping[str, Any], needed: str) -> Sequence[str]:
    return [
        names(pair),
        f"{pair['n']:,}",
        interval(pair["delta"], pair["delta_cs"]),
        f"{pair['e_sup']:.3g}",
        needed,
        pair["better"] or "-",
        *(number(pair.get(name)) for name in ("agreement", "kappa", "label_free_delta_bound")),
    ]


def _guardrail(guardrail: Mapping[str, Any]) -> Sequence[str]:
    slow = "" if guardrail["threshold_s"] is None else f" > {guardrail['threshold_s']:g} s"
    return [
        guardrail["metric"] + slow,
        names(guardrail),
        interval(guardrail["delta"], guardrail["delta_cs"]),
        f"{guardrail['margin']:.1%}",
        guardrail["status"],
    ]


def _figure(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_figure(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_figure(each)}" for name, each in value.items())
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
