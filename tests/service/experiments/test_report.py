import json
from collections.abc import Iterator
from functools import cache
from math import inf
from pathlib import Path

import pytest

from model_store.layout import VersionRef
from service.experiments.declaration import Arm, Experiment
from service.experiments.figures import Figures
from service.experiments.folding import fold
from service.experiments.live import design_of
from service.experiments.observation import LabelGiven, Observation
from service.experiments.rendering import to_json
from service.experiments.report import assemble, build_report
from service.store.database import Database, open_database
from service.store.labels import give_labels
from service.store.phases import open_phase
from tests.service.experiments.phases import NAMES, design, given, row, split_text, table_of, text
from tests.service.experiments.reports import report_on
from tests.service.store.observations import write

EXPERIMENT = Experiment("nsmc", tuple(Arm(name, name, None, 1.0) for name in NAMES[:2]))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path}/nunchi.db")
    yield database
    database.close()


def store(database: Database, observations: list[Observation], labels: list[LabelGiven]) -> None:
    open_phase(database, "nsmc", "one", design_of(EXPERIMENT, [VersionRef(name, 1) for name in NAMES[:2]]), 1.0)
    write(database, observations)
    with database.write() as connection:
        give_labels(database, connection, labels)


@cache
def three_arms() -> Figures:
    """Return the report on the table of the reference, section 5.3: a third arm is like the first."""
    kinds = table_of(650, 60, 40, 62)
    rows = [row(text(number, (a, b, a), served=number % 3), given(number)) for number, (a, b) in enumerate(kinds)]
    return assemble(fold(design(3), rows, inf), 812.0, 1.0)


def test_the_report_has_the_figures_of_the_reference() -> None:
    report = three_arms()
    pair = report["pairs"][0]
    names = ("e_two_sided", "e_a_gt_b", "p_always_valid", "p_fixed_n_mcnemar", "delta", "kappa", "agreement")
    found = [pair["n"], *pair["delta_cs"], *(pair[name] for name in names), pair["label_free_delta_bound"]]
    expected = [
        812,
        -0.018255,
        0.067516,
        2.186590,
        4.228228,
        0.457333,
        0.056888,
        0.024631,
        0.482803,
        0.876847,
        0.172834,
    ]
    assert found == pytest.approx(expected, abs=1e-6)
    table = [pair[name] for name in ("both_right", "a_only", "b_only", "both_wrong")]
    assert table == [650, 60, 40, 62]


def test_the_accuracy_of_an_arm_has_the_interval_of_the_reference() -> None:
    arm = three_arms()["arms"][0]
    assert [arm["accuracy"], *arm["accuracy_cs"]] == pytest.approx([0.874384, 0.824384, 0.915066], abs=1e-6)


def test_the_report_says_by_what_it_judges() -> None:
    stated = three_arms()["design"]
    expected = {"alpha": 0.05, "comparisons": 3, "e_threshold": 60, "prior": 10, "n_star": 2000, "margin": 0.01}
    assert {name: stated[name] for name in expected} == expected
    assert stated["alpha_per_comparison"] == pytest.approx(0.016667, abs=1e-6)


def test_health_comes_before_the_figures_and_the_schema_before_all() -> None:
    assert list(three_arms()) == [
        *("schema", "experiment", "phase", "as_of", "design", "health"),
        *("arms", "pairs", "guardrails", "sensitivity", "recommendation"),
    ]


def test_the_recommendation_says_how_many_more_labels_are_expected() -> None:
    recommendation = report_on(design(), table_of(300, 28, 12, 30))["recommendation"]
    assert recommendation["state"] == "keep_collecting"
    assert recommendation["labels_needed"] > 0


def test_users_and_revisions_are_shown_and_decide_nothing() -> None:
    rows = [row(text(n), given(n), given(1000 + n, "negative", "user")) for n in range(4)]
    rows.append(row(text(9), given(9, revised="negative")))
    sensitivity = assemble(fold(design(), rows, inf), 1.0, 1.0)["sensitivity"]
    assert sensitivity["user_reported"]["gru"] == {"labels": 4, "right_ratio": 0}
    assert sensitivity["with_revisions"]["revised"] == 1
    assert sensitivity["with_revisions"]["pairs"][0]["n"] == 5


def test_split_traffic_shows_errors_by_arm() -> None:
    rows = [row(split_text(n, n % 2, 0.9 if n % 3 else 0.2), given(n)) for n in range(300)]
    [pair] = assemble(fold(design(mode="split"), rows, inf), 1.0, 1.0)["pairs"]
    assert (pair["labels"], pair["errors"]) == ([150, 150], [50, 50])
    assert 0 < pair["p_asymptotic"] <= 1
    assert "both_right" not in pair


@pytest.mark.parametrize("mode", ["split", "shadow", "shadow_randomized"])
def test_a_phase_that_has_just_begun_has_a_report(mode: str) -> None:
    report = assemble(fold(design(mode=mode), [], inf), 0.0, 1.0)
    assert (report["as_of"], report["recommendation"]["state"]) == (None, "insufficient")
    json.loads(to_json(report))


def test_the_report_is_read_from_the_store(database: Database) -> None:
    observations = [text(n, p, served=n % 2, phase=1) for n, p in enumerate(table_of(80, 14, 6, 20))]
    store(database, observations, [LabelGiven(each.prediction_id, "audit", "positive", 200.0) for each in observations])
    report = build_report(database, "nsmc")
    assert report is not None
    assert (report["phase"], report["as_of"]) == (1, "1970-01-01T00:03:20.000+00:00")
    assert [report["pairs"][0][name] for name in ("both_right", "a_only", "b_only", "both_wrong")] == [80, 14, 6, 20]
    assert build_report(database, "nsmc", phase=2) is None
    assert build_report(database, "other") is None


def test_replay_gives_the_same_bytes(database: Database) -> None:
    observations = [text(n, p, served=n % 2, phase=1) for n, p in enumerate(table_of(80, 14, 6, 20))]
    labels = [LabelGiven(each.prediction_id, "audit", "positive", 200.0 + n) for n, each in enumerate(observations)]
    store(database, observations, labels[:60])
    then = build_report(database, "nsmc")
    assert then is not None
    assert to_json(then) == to_json(build_report(database, "nsmc") or {})
    with database.write() as connection:
        give_labels(database, connection, labels[60:])
    again = build_report(database, "nsmc", as_of=259.0)
    assert again is not None
    assert to_json(again) == to_json(then)
    assert to_json(build_report(database, "nsmc") or {}) != to_json(then)


def test_maturity_is_measured_from_the_newest_that_is_known(database: Database) -> None:
    late = Experiment(**{**{name: getattr(EXPERIMENT, name) for name in Experiment.__slots__}, "maturity_s": 50.0})
    open_phase(database, "nsmc", "one", design_of(late, [VersionRef(name, 1) for name in NAMES[:2]]), 1.0)
    write(database, [text(n, phase=1) for n in range(1, 101)])
    report = build_report(database, "nsmc")
    assert report is not None
    assert (report["health"]["texts"], report["health"]["immature_texts"]) == (50, 50)


def test_probabilities_are_judged_as_in_the_reference() -> None:
    """Section 2.10: Brier score, calibration error, and the accuracy that the model expects of itself."""
    positives, truth = (0.9, 0.8, 0.7, 0.6, 0.55, 0.3, 0.2, 0.1), (1, 1, 0, 1, 0, 0, 1, 0)
    labels = ("positive" if true else "negative" for true in truth)
    rows = [row(text(n, (p, p)), given(n, label)) for n, (p, label) in enumerate(zip(positives, labels, strict=True))]
    [arm, _] = assemble(fold(design(), rows, inf), 1.0, 1.0)["arms"]
    found = [arm[name] for name in ("brier", "cbpe", "accuracy", "ece")]
    assert found == pytest.approx([0.2178125, 0.74375, 0.625, 0.16875], abs=1e-9)
