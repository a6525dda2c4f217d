import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.prove import stops
from tests.prove.stops import Found, Replaced, Stopped
from tests.versions import publish_version

FINE = Found([Stopped(Counter({200: 9}), 0, 0.01, 0.4)], [Replaced(1.0, 7, 15, 0), Replaced(1.2, 7, 15, 0)], 900, 3)


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (FINE, None),
        (FINE._replace(stopped=[FINE.stopped[0]._replace(lost=2)]), "2 accepted requests got no answer"),
        (
            FINE._replace(stopped=[FINE.stopped[0]._replace(statuses=Counter({200: 9, 503: 1}))]),
            "1 answers were not 200",
        ),
        (FINE._replace(stopped=[FINE.stopped[0]._replace(ready_s=0.2)]), "ready for longer than 0.1 s"),
        (FINE._replace(stopped=[FINE.stopped[0]._replace(gone_s=11)]), "not gone within 10.0 s"),
        (FINE._replace(replaced=[FINE.replaced[0]._replace(back_s=6)]), "a worker not back within 5.0 s"),
        (FINE._replace(replaced=[*FINE.replaced, Replaced(1.0, 7, 16, 0)]), "a worker that was killed left something"),
        (FINE._replace(replaced=[Replaced(1.0, 9, 15, 0)] * 2), "a worker that was killed left something"),
        (FINE._replace(replaced=[Replaced(1.0, 7, 15, 1)] * 2), "a worker that was killed left something"),
        (FINE._replace(lost=100), "more requests lost than a killed worker had in hand"),
    ],
)
def test_whatever_is_not_as_promised_is_named(found: Found, fault: str | None) -> None:
    assert stops.faults(found) == ([fault] if fault else [])


@pytest.mark.system
@pytest.mark.anyio
async def test_nothing_accepted_is_lost_and_the_dead_are_replaced(tmp_path: Path) -> None:
    found = await stops.prove(stops.SMALL, tmp_path)
    assert stops.faults(found) == []
    assert sum(each.statuses[200] for each in found.stopped) > 50


@pytest.mark.system
@pytest.mark.anyio
async def test_a_service_that_is_killed_rather_than_told_loses_requests_and_one_without_supervisor_stays_dead(
    tmp_path: Path,
) -> None:
    publish_version(tmp_path / "store", "gru")
    killed = await stops.stop(tmp_path / "store", 1, signal.SIGKILL)
    assert stops.faults(FINE._replace(stopped=[killed])) == [f"{killed.lost} accepted requests got no answer"]
    unsupervised = await stops.kill(tmp_path / "store", 1, supervised=False)
    assert "a worker not back within 5.0 s" in stops.faults(unsupervised)
