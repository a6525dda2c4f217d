import logging

from service.log_budget import PER_S, Budget, BudgetFilter


class FakeClock:
    def __init__(self) -> None:
        self.now = 7.0

    def __call__(self) -> float:
        return self.now


def test_the_first_lines_of_a_second_pass_and_the_next_one_tells_how_many_did_not() -> None:
    clock = FakeClock()
    budget = Budget(clock)
    assert [budget.take("a") for _ in range(PER_S)] == [0] * PER_S
    assert [budget.take("a") for _ in range(3)] == [None] * 3
    clock.now += 1
    assert [budget.take("a"), budget.take("a")] == [3, 0]


def test_a_flood_of_one_kind_holds_back_no_other() -> None:
    budget = Budget(FakeClock())
    for _ in range(PER_S + 1):
        budget.take("a")
    assert budget.take("b") == 0


def test_a_line_that_passes_after_a_flood_says_how_many_are_missing() -> None:
    clock = FakeClock()
    sieve = BudgetFilter("exempt", Budget(clock))
    record = logging.LogRecord("nunchi", logging.INFO, "", 0, "model_failed", None, None)
    assert [sieve.filter(record) for _ in range(PER_S + 2)] == [True] * PER_S + [False] * 2
    assert not hasattr(record, "unlogged")
    clock.now += 1
    assert sieve.filter(record)
    assert vars(record)["unlogged"] == 2


def test_lines_of_the_exempt_logger_all_pass() -> None:
    sieve = BudgetFilter("exempt", Budget(FakeClock()))
    record = logging.LogRecord("exempt", logging.INFO, "", 0, "request", None, None)
    assert all(sieve.filter(record) for _ in range(2 * PER_S))
