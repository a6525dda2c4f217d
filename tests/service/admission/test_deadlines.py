import pytest

from service.admission.deadlines import Timeouts
from service.errors import InvalidRequestError
from service.heads import Head


def deadline(wish: bytes | None, longest_s: float = 5.0) -> float:
    return Timeouts(longest_s).deadline(Head(request_timeout=wish, arrived=100.0))


@pytest.mark.parametrize(("wish", "expected"), [(b"2", 102.0), (b"0.25", 100.25), (b"999999", 105.0), (None, 105.0)])
def test_a_request_gets_the_time_it_wishes_for_but_no_more_than_the_operator_allows(
    wish: bytes | None, expected: float
) -> None:
    assert deadline(wish) == pytest.approx(expected)


@pytest.mark.parametrize(
    "wish",
    [b"", b"0", b"0.0", b"-1", b"+1", b"1e3", b"inf", b"nan", b"1s", b" 1", b".5", b"1.", b"1_0", "\uff11".encode()],
)
def test_what_is_no_number_of_seconds_is_refused_without_an_echo(wish: bytes) -> None:
    with pytest.raises(InvalidRequestError, match=r"^X-Request-Timeout is no number of seconds"):
        deadline(wish)


def test_a_request_whose_arrival_nobody_noted_has_no_deadline() -> None:
    assert Timeouts(5.0).deadline(Head(request_timeout=b"1")) == float("inf")
