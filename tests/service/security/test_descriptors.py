import resource
from collections.abc import Iterator

import pytest

from service.security.descriptors import possible_connections


@pytest.fixture(autouse=True)
def files() -> Iterator[None]:
    """Let at most 1,000 files be open at first, 4,000 if asked for; and as many as before afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.MonkeyPatch.context() as patch:
        limits = [(1_000, 4_000)]
        patch.setattr(resource, "getrlimit", lambda _: limits[-1])
        patch.setattr(resource, "setrlimit", lambda _, pair: limits.append(pair))
        yield
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def limit() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def test_what_is_enough_is_left_alone() -> None:
    assert possible_connections(800) == 800
    assert limit() == (1_000, 4_000)


def test_the_limit_is_raised_as_far_as_needed() -> None:
    assert possible_connections(2_000) == 2_000
    assert limit() == (2_128, 4_000)


def test_beyond_what_is_allowed_there_are_fewer_connections(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert possible_connections(10_000) == 4_000 - 128
    assert limit() == (4_000, 4_000)
    assert [record.getMessage() for record in caplog.records] == ["connections_limited"]
