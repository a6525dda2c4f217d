import time

import pytest

from service.store.rows import rows_of
from tests.service.store.observations import an_observation


def test_preparing_many_rows_lets_other_threads_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    assert len(rows_of([an_observation(number) for number in range(100)])) == 100
    assert len(pauses) >= 5
    assert 0 < min(pauses) <= max(pauses) < 1e-4


def test_few_rows_are_prepared_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("paused"))
    assert [row[0] for row in rows_of([an_observation(1)])] == [an_observation(1).prediction_id]


def test_row_takes_a_small_part_of_a_millisecond() -> None:
    observations = [an_observation(number) for number in range(2000)]
    started = time.thread_time()
    rows_of(observations)
    assert (time.thread_time() - started) / 2000 < 50e-6  # 6 measured; the machine may be busy
