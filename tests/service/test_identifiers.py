import uuid

import pytest

from service.identifiers import RequestIds, new_prediction_id, uuid7


def test_a_prediction_id_is_a_uuid_of_version_7_that_tells_its_time() -> None:
    parsed = uuid.UUID(uuid7(1_700_000_000_123_456_789, 42))
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == 1_700_000_000_123


def test_prediction_ids_are_ordered_by_time_within_a_millisecond() -> None:
    start = 1_700_000_000_000_000_000
    names = [uuid7(start + step * 250, (1 << 64) - 1 if step % 2 else 0) for step in range(4_000)]
    assert names == sorted(names)


def test_prediction_ids_differ() -> None:
    assert len({new_prediction_id() for _ in range(10_000)}) == 10_000


def test_a_harmless_request_id_is_kept() -> None:
    assert RequestIds().choose(b"Order-7.retry_2") == "Order-7.retry_2"


@pytest.mark.parametrize("wish", [None, b"", b"a" * 65, b"a b", b"a\n", b'"', b"\xea\xb0\x80", b"<script>"])
def test_any_other_request_id_is_replaced(wish: bytes | None) -> None:
    ids = RequestIds()
    first, second = ids.choose(wish), ids.choose(wish)
    assert first != second
    assert wish is None or wish.decode(errors="replace") not in {first, second}
