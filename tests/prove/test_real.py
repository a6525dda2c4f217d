from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.prove import real


def report(state: str, arm: str | None = None, limits: tuple[float, float] = (-0.01, 0.01)) -> Mapping[str, Any]:
    course = [{"labels": 100, "lower": -0.2, "upper": 0.2}, {"labels": 200, "lower": limits[0], "upper": limits[1]}]
    figures = {"n": 190, "delta": 0.002, "a_only": 5, "b_only": 3, "e_sup": 1.5, "decided_at_labels": None}
    return {
        "health": {"repeated_texts": 10},
        "pairs": [{"delta_cs": [-0.2, 0.2], "course": course, **figures}],
        "recommendation": {"state": state, "arm": arm, "reasons": ["so it is"]},
    }


@pytest.mark.parametrize(
    ("truth", "state", "arm"),
    [
        (0.003, "winner", "gru"),
        (-0.003, "winner", "rnn"),
        (0.003, "equivalent", None),
        (0.003, "keep_collecting", None),
    ],
)
def test_a_report_may_say_what_is_true_or_wait(truth: float, state: str, arm: str | None) -> None:
    found = real.Found(200, 200, truth, report(state, arm))
    assert real.faults(found) == []
    assert "| contradictions | none |" in real.section(found)
    assert "| within a margin of 1% after | 200 labels |" in real.section(found)


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        (real.Found(200, 200, 0.003, report("winner", "rnn")), "rnn is named, which is worse"),
        (real.Found(200, 200, 0.02, report("equivalent", None, (0, 0.1))), "they are called equivalent and are not"),
        (real.Found(200, 200, 0.02, report("keep_collecting")), "1 intervals do not cover what is true"),
        (real.Found(200, 200, 0.003, report("unhealthy")), "it is unhealthy: so it is"),
        (real.Found(200, 150, 0.003, report("keep_collecting")), "150 of 200 labels were taken"),
    ],
)
def test_a_report_that_contradicts_what_is_true_is_found(found: real.Found, complaint: str) -> None:
    assert real.faults(found) == [complaint]
    assert complaint in real.section(found)


@pytest.mark.data
@pytest.mark.system
@pytest.mark.usefixtures("data_directory")
def test_gru_against_rnn_on_real_reviews(tmp_path: Path) -> None:
    found = real.prove(real.SMALL, tmp_path)
    assert real.faults(found) == []
    assert found.pair["n"] > 0.95 * found.sent
    assert len(found.pair["course"]) > 5
