from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.prove import overload
from tests.prove.overload import Found, seen
from tests.prove.traffic import Sent

BATCHES = overload.SCENARIOS[1]
FINE = Found(BATCHES, 100, 300, 0.95, 1.0, 0.01, 0.01, Counter({200: 95, 429: 205}), True, (0.1, 0.001))


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (FINE, None),
        (FINE._replace(goodput=0.5), "goodput 50%"),
        (FINE._replace(accepted_s=3), "accepted within 3000 ms"),
        (FINE._replace(refused_s=0.03), "refused within 30 ms"),
        (FINE._replace(probe_s=0.06), "probes within 60 ms"),
        (FINE._replace(recovered=False), "not normal after 2 s"),
        (FINE._replace(statuses=Counter({200: 1, 429: 1, 0: 1})), "answers that are neither 200, 429 nor 504"),
        (FINE._replace(statuses=Counter({200: 1})), "nothing was refused"),
    ],
)
def test_whatever_is_not_as_promised_is_named(found: Found, fault: str | None) -> None:
    assert overload.faults(found) == ([fault] if fault else [])


def sent(status: list[int], latency_s: list[float], due_s: list[float] | None = None) -> Sent:
    dues = np.array(due_s or np.linspace(0, 10, len(status)))
    return Sent(10, 0.1, dues, np.array(status, float), np.array(latency_s), np.zeros(len(status)), np.array([0.01]))


def test_only_what_was_answered_in_time_counts_as_answered() -> None:
    over = sent([200] * 90 + [429] * 10, [0.1] * 45 + [BATCHES.deadline_s + 1] * 45 + [0.001] * 10)
    found = seen(BATCHES, 9.0, over, sent([200] * 100, [0.01] * 100))
    assert found.goodput == pytest.approx(0.5)
    assert found.accepted_s > BATCHES.deadline_s
    assert found.recovered


@pytest.mark.parametrize(("status", "latency_s"), [(429, 0.001), (200, 0.5)])
def test_what_comes_two_seconds_after_the_end_must_be_answered_as_ever(status: int, latency_s: float) -> None:
    after = sent([200, status, 200, 200], [0.01, 0.01, latency_s, 0.01], [1.0, 1.9, 2.1, 3.0])
    assert seen(BATCHES, 9.0, sent([200], [0.1]), after).recovered == (latency_s < 0.1)
    late = sent([200, 200, status, 200], [0.01, 0.01, latency_s, 0.01], [1.0, 1.9, 2.1, 3.0])
    assert not seen(BATCHES, 9.0, sent([200], [0.1]), late).recovered


@pytest.mark.system
def test_three_times_as_much_as_it_can_answer_is_refused_and_the_rest_answered(tmp_path: Path) -> None:
    """With generous limits: whoever else uses this machine takes from the service what was measured just before."""
    found = overload.prove(BATCHES, overload.SMALL, tmp_path)
    assert found.statuses.keys() <= {200, 429, 504}
    assert found.statuses[429] > found.statuses[200] / 2
    assert found.goodput > 0.3
    assert found.accepted_s < 2 * BATCHES.deadline_s
    assert max(found.refused_s, found.probe_s) < 1


@pytest.mark.system
def test_without_admission_everybody_waits_and_nobody_is_answered_in_time(tmp_path: Path) -> None:
    """Eight times as much arrives: while another takes half of the machine, the peak is found too low."""
    found = overload.prove(BATCHES._replace(factor=8), overload.Size(1, 2, 0.5), tmp_path, switched_off=True)
    assert not found.statuses[429]
    assert "nothing was refused" in overload.faults(found)
    assert found.accepted_s > BATCHES.deadline_s
