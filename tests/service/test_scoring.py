from time import perf_counter

import numpy as np
import pytest

from service.scoring import Scored, cut_batches, score_rows
from tests.fakes import POISON, FakeEngine, probability

ROWS = [[5] * length for length in (7, 3, 12, 1, 9, 3)]


def test_every_row_gets_its_own_probabilities_in_the_order_given() -> None:
    scored = score_rows(FakeEngine(), ROWS, batch_tokens=16)
    assert [row[1] for row in scored.probabilities] == pytest.approx([probability(row) for row in ROWS])
    assert not scored.failures


def test_batches_hold_rows_of_similar_length_and_stay_within_the_cap() -> None:
    batches = list(cut_batches([7, 3, 12, 1, 9, 3], batch_tokens=16, call_tokens=lambda _rows, _length: 100))
    assert batches == [[3, 1, 5], [0], [4], [2]]


def test_rows_are_not_padded_by_more_than_a_call_costs() -> None:
    assert list(cut_batches([4, 5, 30, 33], batch_tokens=1000, call_tokens=lambda _rows, _length: 16)) == [
        [0, 1],
        [2, 3],
    ]
    assert list(cut_batches([4, 5, 13], batch_tokens=1000, call_tokens=lambda _rows, _length: 16)) == [[0, 1, 2]]


def test_a_row_longer_than_the_cap_goes_alone() -> None:
    assert list(cut_batches([20, 2, 3], batch_tokens=10, call_tokens=lambda _rows, _length: 100)) == [[1, 2], [0]]


def test_no_rows_make_no_batch() -> None:
    assert list(cut_batches([], batch_tokens=10, call_tokens=lambda _rows, _length: 100)) == []


def test_no_rows_are_no_call() -> None:
    engine = FakeEngine()
    assert score_rows(engine, [], batch_tokens=10) == Scored([], {}, [])
    assert engine.calls == []


def test_one_failing_row_fails_alone() -> None:
    rows = [[row, row] for row in range(1, 32)] + [[POISON]]
    scored = score_rows(FakeEngine(), rows, batch_tokens=1000)
    assert {place: error.error_type for place, error in scored.failures.items()} == {31: "model_error"}
    assert [row[1] for row in scored.probabilities[:31]] == pytest.approx([probability(row) for row in rows[:31]])


def test_rows_without_an_answer_fail_and_the_others_are_answered() -> None:
    engine = FakeEngine(answer=lambda rows: np.full((min(len(rows), 1), 2), 0.5, dtype=np.float32))
    scored = score_rows(engine, [[1], [2]], batch_tokens=1000)
    assert scored.probabilities == [[0.5, 0.5], [0.5, 0.5]]
    assert not scored.failures


@pytest.mark.parametrize("bad", [[np.nan, 0.5], [0.5, np.nan], [np.inf, 0.0], [0.2, 0.2]])
def test_numbers_that_are_no_probabilities_are_a_failure(bad: list[float]) -> None:
    engine = FakeEngine(answer=lambda rows: np.array([bad for _ in rows], dtype=np.float32))
    scored = score_rows(engine, [[1]], batch_tokens=1000)
    assert scored.failures[0].error_type == "bad_output"


def test_calls_are_reported_with_their_rows_and_time() -> None:
    calls = score_rows(FakeEngine(), ROWS, batch_tokens=16).calls
    assert sorted(call.rows for call in calls) == [1, 1, 1, 3]
    assert all(call.seconds > 0 for call in calls)


def test_scoring_keeps_to_what_a_call_of_the_engine_costs() -> None:
    engine = FakeEngine()
    engine.call_cost = 4
    score_rows(engine, [[5] * 3, [5] * 30, [5] * 4], batch_tokens=1000)
    assert [[len(row) for row in call] for call in engine.calls] == [[3, 4], [30]]


def test_an_engine_is_asked_what_a_call_of_so_many_rows_of_that_length_costs() -> None:
    asked = []

    def call_tokens(rows: int, length: int) -> int:
        asked.append((rows, length))
        return 100

    list(cut_batches([2, 3, 3, 5], batch_tokens=1000, call_tokens=call_tokens))
    assert asked == [(0, 2), (1, 3), (3, 5)]


def test_the_time_of_a_call_is_its_own() -> None:
    started = perf_counter()
    calls = score_rows(FakeEngine(), ROWS, batch_tokens=16).calls
    assert sum(call.seconds for call in calls) <= perf_counter() - started


def test_what_an_engine_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    score_rows(FakeEngine(), [[POISON]], batch_tokens=10)
    assert [record.getMessage() for record in caplog.records] == ["model_failed"]
