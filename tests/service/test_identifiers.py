import time
import unicodedata
import uuid

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.identifiers import PredictionIds, Pseudonyms, RequestIds, uuid7
from service.secrets import Secret

IDS = PredictionIds(Secret(b"0" * 32))
PSEUDONYMS = Pseudonyms(Secret(b"0" * 32))


def test_a_prediction_id_is_a_uuid_of_version_7_that_tells_its_time() -> None:
    parsed = uuid.UUID(uuid7(1_700_000_000_123_456_789, 42))
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == 1_700_000_000_123


def test_prediction_ids_are_ordered_by_time_within_a_millisecond() -> None:
    start = 1_700_000_000_000_000_000
    names = [uuid7(start + step * 250, (1 << 64) - 1 if step % 2 else 0) for step in range(4_000)]
    assert names == sorted(names)


def test_prediction_ids_differ() -> None:
    assert len({IDS.new() for _ in range(10_000)}) == 10_000


def test_a_prediction_id_is_known_again_with_its_time() -> None:
    before = time.time()
    name = IDS.new()
    given_at = PredictionIds(Secret(b"0" * 32)).verify(name)
    assert given_at is not None
    assert before - 0.002 <= given_at <= time.time()
    assert uuid.UUID(name[:36]).version == 7
    assert len(name) == 53


def test_a_prediction_id_of_another_secret_is_not_known() -> None:
    assert PredictionIds(Secret(b"1" * 32)).verify(IDS.new()) is None


def test_the_codes_of_other_purposes_forge_no_prediction_id() -> None:
    name = uuid7(time.time_ns(), 0)
    for code in (PSEUDONYMS.of_text(name), PSEUDONYMS.of_client(name)):
        assert IDS.verify(f"{name}-{code[:16]}") is None


@given(st.integers(0, 52), st.one_of(st.sampled_from("0123456789abcdefABCDEF-"), st.characters()))
def test_a_prediction_id_with_any_character_changed_is_forged(place: int, character: str) -> None:
    name = IDS.new()
    assume(name[place] != character)
    assert IDS.verify(name) is not None
    assert IDS.verify(name[:place] + character + name[place + 1 :]) is None


@given(st.integers(0, 53), st.text(min_size=1, max_size=3))
def test_a_prediction_id_with_anything_put_in_or_left_out_is_forged(place: int, more: str) -> None:
    name = IDS.new()
    assert IDS.verify(name[:place] + more + name[place:]) is None
    assert IDS.verify(name[:place] + name[place + 1 :]) is None or place == 53
    assert IDS.verify(more) is None


def test_a_pseudonym_is_the_same_for_the_same_and_does_not_tell_texts_from_clients() -> None:
    assert PSEUDONYMS.of_text("좋아요") == Pseudonyms(Secret(b"0" * 32)).of_text("좋아요")
    assert PSEUDONYMS.of_text("좋아요") != PSEUDONYMS.of_text("좋아요!")
    assert PSEUDONYMS.of_text("좋아요") == PSEUDONYMS.of_text(f" {unicodedata.normalize('NFD', '좋아요')}\n")
    assert PSEUDONYMS.of_text("me") != PSEUDONYMS.of_client("me")
    assert PSEUDONYMS.of_client("me") != Pseudonyms(Secret(b"1" * 32)).of_client("me")


def test_a_harmless_request_id_is_kept() -> None:
    assert RequestIds().choose(b"Order-7.retry_2") == "Order-7.retry_2"


@pytest.mark.parametrize("wish", [None, b"", b"a" * 65, b"a b", b"a\n", b'"', b"\xea\xb0\x80", b"<script>"])
def test_any_other_request_id_is_replaced(wish: bytes | None) -> None:
    ids = RequestIds()
    first, second = ids.choose(wish), ids.choose(wish)
    assert first != second
    assert wish is None or wish.decode(errors="replace") not in {first, second}
