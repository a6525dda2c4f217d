import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from service.errors import InvalidRequestError
from service.parsing import parse
from service.schemas import PredictBatchRequest, PredictRequest
from service.schemas_feedback import FeedbackBatchRequest

ONE = TypeAdapter(PredictRequest)
BATCH = TypeAdapter(PredictBatchRequest)
LABELS = TypeAdapter(FeedbackBatchRequest)
LABEL = {"prediction_id": "a", "label": "positive", "source": "gold"}
SECRET = "마음의 비밀"


@pytest.mark.parametrize("body", [{"text": "좋아"}, {"text": "좋아", "model": None, "version": None}])
def test_what_is_null_is_absent(body: object) -> None:
    request = parse(ONE, json.dumps(body).encode())
    assert (request.text, request.model, request.version) == ("좋아", None, None)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "text is missing"),
        ({"text": None}, "text must be a string"),
        ({"text": 5}, "text must be a string"),
        ({"text": ["좋아"]}, "text must be a string"),
        ({"text": "좋아", "version": 1}, "the body names a version without a model"),
        ({"text": "좋아", "model": "gru", "version": "2"}, "version must be a whole number"),
        ({"text": "좋아", "model": "gru", "version": True}, "version must be a whole number"),
        ({"text": "좋아", "model": "gru", "version": 2.0}, "version must be a whole number"),
        ({"text": "좋아", "model": 5}, "model must be a string"),
        ({"text": "가" * 5001}, "text has more than 5000 characters"),
        (["좋아"], "the body must be an object"),
        ("좋아", "the body must be an object"),
        ({"text": "좋아", "client_key": "me"}, "the body has a field that is not documented"),
    ],
)
def test_a_body_that_is_not_as_documented_is_refused_with_the_field(body: object, detail: str) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        parse(ONE, json.dumps(body).encode())
    assert detail in str(refusal.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"text=hello",
        b'{"text": "a"} {}',
        b'{"text": "\xff"}',
        b"{'text': 'a'}",
        '{"text": "좋아"}'.encode("utf-16"),
        rb'{"text": "\ud800"}',
        rb'{"text": "\udc00\ud800"}',
        b'\xef\xbb\xbf{"text": "a"}',
        b'{"text": "a\x00b"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_in_utf8_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="not JSON in UTF-8") as refusal:
        parse(ONE, raw)
    assert refusal.value.reason == "invalid_json"


def test_five_thousand_characters_are_taken_whatever_their_bytes() -> None:
    assert len(parse(ONE, json.dumps({"text": "😀" * 5000}).encode()).text) == 5000


@pytest.mark.parametrize(
    ("texts", "detail", "index"),
    [
        ([], "texts must hold at least one item", None),
        (["a"] * 1025, "texts holds more than 1024 items", None),
        (["a", 5], "texts[1] must be a string", 1),
        (["a", "b", "가" * 5001], "texts[2] has more than 5000 characters", 2),
        ("좋아", "texts must be a list", None),
    ],
)
def test_a_bad_batch_is_refused_with_the_index_of_the_text(texts: object, detail: str, index: int | None) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        parse(BATCH, json.dumps({"texts": texts}).encode())
    assert str(refusal.value) == detail
    assert refusal.value.index == index


@pytest.mark.parametrize(
    ("items", "detail", "index"),
    [
        ([LABEL] * 1001, "items holds more than 1000 items", None),
        ([LABEL, {**LABEL, "source": "me"}], "items[1].source must be 'gold', 'audit' or 'user'", 1),
        ([LABEL, LABEL, {"label": "a"}], "items[2].prediction_id is missing", 2),
        ([5], "items[0] must be an object", 0),
    ],
)
def test_a_bad_item_is_refused_with_its_place_and_field(items: object, detail: str, index: int | None) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        parse(LABELS, json.dumps({"items": items}).encode())
    assert (str(refusal.value), refusal.value.index) == (detail, index)


@pytest.mark.parametrize(
    ("adapter", "raw", "place", "index"),
    [
        (ONE, rb'{"text": "\ud800"}', "text", None),
        (ONE, rb'{"text": "a", "model": "\uDFFF"}', "the body", None),
        (ONE, rb'{"text": "a", "\ud800": 1}', "the body", None),
        (ONE, rb'["\ud800"]', "the body", None),
        (BATCH, rb'{"texts": ["a", "\ud83d\ude00", "b\ud83d"]}', "texts[2]", 2),
        (BATCH, rb'{"texts": ["a", "\ude00\ud83d", 5]}', "texts[1]", 1),
        (BATCH, rb'{"texts": "\ud800"}', "the body", None),
    ],
)
def test_half_a_character_is_told_with_its_place(
    adapter: TypeAdapter[Any], raw: bytes, place: str, index: int | None
) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        parse(adapter, raw)
    assert str(refusal.value) == f"the body is not JSON in UTF-8: {place} holds a lone surrogate"
    assert (refusal.value.reason, refusal.value.index) == ("invalid_json", index)


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"texts": ["\ud83d\ude00", "a]}',
        rb'{"texts": ["\ud83d\ude00"]} {}',
        rb'{"text": "\ud83d\ude00", "a": ' + b"[" * 100_000,
        b'{"text": "\xff", "a": "\\ud800"}',
    ],
)
def test_what_is_broken_elsewhere_is_no_lone_surrogate(raw: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="not JSON in UTF-8") as refusal:
        parse(BATCH, raw)
    assert "surrogate" not in str(refusal.value)


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps({"text": SECRET, SECRET: 1}, ensure_ascii=False).encode(),
        json.dumps({"text": [SECRET]}, ensure_ascii=False).encode(),
        json.dumps({"text": "a", "version": SECRET}, ensure_ascii=False).encode(),
        f'{{"text": "{SECRET}'.encode(),
        f'{{"text": "{SECRET}\\ud800"}}'.encode(),
        SECRET.encode(),
    ],
)
def test_nothing_of_what_was_sent_comes_back(raw: bytes) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        parse(ONE, raw)
    assert SECRET not in str(refusal.value)
