from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.security.limiting import Bucket, Buckets, Limit

LIMIT = Limit.of("10/s", 5)


def bucket(limit: Limit = LIMIT) -> Bucket:
    return Bucket(limit, [0.0])


@pytest.mark.parametrize(
    ("written", "burst", "rate", "at_once"), [("50/s", None, 50, 50), ("600/min", None, 10, 600), ("600/min", 7, 10, 7)]
)
def test_a_limit_is_written_as_texts_by_time(written: str, burst: int | None, rate: float, at_once: int) -> None:
    limit = Limit.of(written, burst)
    assert (limit.rate, limit.burst) == (rate, at_once)


def test_a_burst_is_given_at_once_and_then_one_text_at_a_time() -> None:
    held = bucket()
    assert [held.take(1, 100.0) for _ in range(6)] == [0, 0, 0, 0, 0, 1]
    assert held.take(1, 100.1) == 0
    assert held.take(1, 100.1) == 1
    assert held.take(5, 101.0) == 0


def test_a_batch_counts_its_texts() -> None:
    held = bucket()
    assert held.take(4, 100.0) == 0
    assert held.take(2, 100.0) > 0
    assert held.take(1, 100.0) == 0


def test_what_is_refused_takes_nothing() -> None:
    held = bucket()
    held.take(5, 100.0)
    for _ in range(50):
        held.take(5, 100.0)
    assert held.take(5, 100.5) == 0


def test_more_than_the_burst_is_given_by_a_full_bucket_and_paid_off_before_anything_else() -> None:
    held = bucket()
    assert held.take(25, 100.0) == 0
    assert held.take(1, 102.0) == 1
    assert held.take(1, 102.2) == 0


def test_who_asks_again_after_the_seconds_that_were_named_gets_it() -> None:
    held = bucket(Limit.of("6/min", 10))
    held.take(10, 100.0)
    wait_s = held.take(4, 100.0)
    assert wait_s == 40
    assert held.take(4, 100.0 + wait_s) == 0


@given(
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 30)), max_size=60),
    st.integers(1, 20),
    st.integers(1, 50),
)
def test_no_more_is_ever_given_than_the_burst_and_what_flowed_in(
    requests: list[tuple[float, int]], burst: int, rate: int
) -> None:
    held, now, given_texts = bucket(Limit.of(f"{rate}/s", burst)), 1_000.0, 0
    for pause_s, texts in requests:
        now += pause_s
        if not held.take(texts, now):
            given_texts += texts
            most = burst + (now - 1_000.0) * rate + max(0, texts - burst)
            assert given_texts <= most + 1e-3


def test_workers_share_a_bucket_and_processes_alone_do_not(tmp_path: Path) -> None:
    one, other = (Buckets(tmp_path).of("key", LIMIT) for _ in range(2))
    assert one.take(5, 100.0) == 0
    assert other.take(1, 100.0) == 1
    alone, also_alone = (Buckets().of("key", LIMIT) for _ in range(2))
    assert (alone.take(5, 100.0), also_alone.take(5, 100.0)) == (0, 0)


def test_keys_do_not_share_a_bucket(tmp_path: Path) -> None:
    buckets = Buckets(tmp_path)
    assert buckets.of("one", LIMIT).take(5, 100.0) == 0
    assert buckets.of("other", LIMIT).take(5, 100.0) == 0
    assert buckets.of("one", LIMIT) is buckets.of("one", LIMIT)


def test_the_clock_is_that_of_the_machine() -> None:
    held = bucket()
    assert held.take(5) == 0
    assert held.take(5) == 1
