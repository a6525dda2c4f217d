import json
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_store.layout import VersionRef
from service.bulk.columns import added_columns
from service.bulk.jsonlines import JsonParser, JsonSource, JsonWriter
from service.bulk.rows import Predictions, Rows
from service.bulk.streams import ByteStream

ADDED = added_columns((), ("negative", "positive"), VersionRef("gru", 2))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def all_positive(rows: Rows) -> Predictions:
    count = len(rows.texts)
    return Predictions(list(range(count)), [1] * count, [[0.25, 0.75]] * count)


@given(st.lists(st.dictionaries(st.text(max_size=5).map("x".__add__), VALUES, max_size=4), min_size=1, max_size=4))
def test_members_come_out_as_they_went_in(objects: list[dict[str, object]]) -> None:
    objects = [{**found, "text": "좋다"} for found in objects]
    body = "".join(json.dumps(found, ensure_ascii=bool(index % 2)) + "\n" for index, found in enumerate(objects))
    rows = JsonParser((), None).parse(body.encode(), 1)
    output, _ = JsonWriter((), ADDED, same=True).write(rows, all_positive(rows))
    added = dict(zip(ADDED.names, ["positive", 0.75, 0.25, 0.75, False, "gru/2"], strict=True))
    assert [json.loads(line) for line in output.decode().split("\n")[:-1]] == [found | added for found in objects]


def test_numbers_keep_their_spelling() -> None:
    rows = JsonParser((), None).parse(b'{"n": 1.10e5, "text": "a"}\n', 1)
    output, _ = JsonWriter((), ADDED, same=True).write(rows, all_positive(rows))
    assert output.startswith(b'{"n": 1.10e5, "text": "a", "label": "positive"')


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a"', "malformed"),
        (b'["a"]', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"id": 1, "review": "a"}', "missing_text"),
        (b'{"text": null}', "missing_text"),
        (b'{"text": 5}', "missing_text"),
        (b'{"text": "\\ud800"}', "invalid_utf8"),
        (b'{"text": "\xff"}', "invalid_utf8"),
        (b'{"text": "a", "score": 1}', "column_collision"),
        (b'{"text": "a", "new": 1}', "unknown_column"),
    ],
)
def test_a_line_that_cannot_be_scored_is_kept_apart_and_its_neighbours_are_read(line: bytes, reason: str) -> None:
    parser = JsonParser(("text",), None, closed=True, taken=frozenset(ADDED.names))
    rows = parser.parse(b'{"text": "a"}\n' + line + b'\n\n {"text": "b"} \r\n', 5)
    assert (rows.texts, rows.lines) == (["a", "b"], [5, 8])
    assert [(row.line, row.reason) for row in rows.rejected] == [(6, reason)]


def test_the_only_member_is_the_text_whatever_its_name() -> None:
    assert JsonParser((), None).parse(b'{"review": "a"}\n', 1).texts == ["a"]
    assert JsonParser((), "text").parse(b'{"review": "a"}\n', 1).texts == []


def test_columns_are_those_of_the_first_objects(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b'\xef\xbb\xbf{"id": 1, "text": "a"}\nnonsense\n{"text": "b", "more": 2}')
    with closing(JsonSource(ByteStream(str(tmp_path / "rows")), None)) as source:
        assert source.columns == ("id", "text", "more")
        [chunk] = source.chunks(None)
    assert source.parser.parse(chunk.body, chunk.line).texts == ["a", "b"]
