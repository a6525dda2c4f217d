import pytest

from service.admission.refusals import refusal
from service.errors import DeadlineError, DeadlineTooNearError, OverloadError, QueueFullError
from service.errors.capacity import CapacityError
from service.problems import problem

ERRORS = [QueueFullError(0.2), OverloadError(2.5), OverloadError(7), DeadlineTooNearError(0.01), DeadlineError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{error.slug}-{error.retry_after_s}")
def test_a_prepared_answer_is_byte_for_byte_that_of_the_error(error: CapacityError | DeadlineError) -> None:
    for request_id in ("order-7", "a" * 64):
        assert refusal(error).answer(request_id) == problem(error, request_id)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{error.slug}-{error.retry_after_s}")
def test_as_bytes_it_is_the_same_answer(error: CapacityError | DeadlineError) -> None:
    answer = problem(error, "order-7")
    for own in ([], [(b"date", b"today"), (b"server", b"s")], [(b"date", b"tomorrow")]):
        head, body = refusal(error).message("order-7", own).split(b"\r\n\r\n")
        status, *headers = head.decode().split("\r\n")
        assert status == f"HTTP/1.1 {answer.status} {error.status.phrase}"
        expected = [*answer.all_headers("order-7"), *own]
        assert sorted(headers) == sorted(f"{a.decode()}: {b.decode()}" for a, b in expected)
        assert body == answer.body


@pytest.mark.parametrize(("predicted_s", "told_s"), [(-1, 1), (0, 1), (0.3, 1), (1.01, 2), (7, 7), (1e9, 60)])
def test_the_time_to_come_back_is_in_whole_seconds_and_never_too_early(predicted_s: float, told_s: int) -> None:
    assert OverloadError(predicted_s).retry_after_s == told_s
