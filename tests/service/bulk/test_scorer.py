import gzip
import json
from pathlib import Path

import httpx
import pytest

from model_store.errors import VersionRefusedError
from model_store.layout import VersionRef
from service.bulk.columns import added_columns
from service.bulk.dialects import TSV
from service.bulk.rows import Chunk, Position
from service.bulk.scorer import ChunkScorer, Result, Task
from service.bulk.tables import TableParser, TableWriter
from service.schemas import MAX_CHARACTERS
from service.security.signatures import make_key
from service.settings import Settings

pytestmark = pytest.mark.anyio

REF = VersionRef("gru", 2)
ADDED = added_columns(("text",), ("negative", "positive"), REF)
TEXTS = [
    "영화 정말 좋았어요",
    "지루했어요 ㅠㅠ",
    "최고!" * 300,
    "x",
    "ㅋㅋㅋㅋㅋㅋ 배우 연기 별로",
    "👍",
    "\u1112\u1161",
]


def score(settings: Settings, texts: list[str], *, packed: bool = False, oversized: bool = False) -> Result:
    task = Task(settings, REF, TableParser(TSV, 1, 0), TableWriter(TSV, ("text",), ADDED, same=True), packed)
    body = "".join(f"{text}\n" for text in texts).encode()
    return ChunkScorer(task).score(Chunk(body, 2, Position(len(body), 2 + len(texts)), 1.0, oversized))


def test_a_version_that_nobody_signed_is_not_scored_with_where_that_is_asked_for(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "trusted.pem").write_text(make_key(tmp_path / "signing.pem"), encoding="utf-8")
    with pytest.raises(VersionRefusedError, match="it is not signed"):
        score(settings.model_copy(update={"trusted_keys_file": tmp_path / "trusted.pem"}), TEXTS)


async def test_labels_and_probabilities_are_those_of_the_service(settings: Settings, client: httpx.AsyncClient) -> None:
    answer = await client.post("/predict/batch", json={"texts": TEXTS, "model": "gru", "version": 2})
    expected = [
        [item["label"], *(f"{number:.6f}" for number in (item["score"], *item["scores"].values())), "false", "gru/2"]
        for item in answer.json()["predictions"]
    ]
    lines = score(settings, TEXTS).output.decode().splitlines()
    assert [line.split("\t")[1:] for line in lines] == expected


def test_what_a_text_gets_does_not_depend_on_its_neighbours(settings: Settings) -> None:
    together = score(settings, TEXTS).output
    assert together == b"".join(score(settings, [text]).output for text in TEXTS)


def test_texts_that_the_service_would_refuse_are_kept_apart(settings: Settings) -> None:
    longest, longer = "가" * MAX_CHARACTERS, "가" * (MAX_CHARACTERS + 1)
    result = score(settings, ["좋다", "", " \u200b ", longer, longest])
    assert result.scored == 2
    assert result.reasons == {"empty": 2, "too_long": 1}
    rejected = [json.loads(line) for line in result.rejected.decode().splitlines()]
    assert rejected == [
        {"line": 3, "reason": "empty", "row": ""},
        {"line": 4, "reason": "empty", "row": " \u200b "},
        {"line": 5, "reason": "too_long", "row": longer},
    ]


def test_a_row_that_was_too_large_to_be_read_is_kept_apart(settings: Settings) -> None:
    result = score(settings, ["beginning"], oversized=True)
    assert json.loads(result.rejected) == {"line": 2, "reason": "too_large", "row": "beginning\n"}
    assert (result.output, result.scored) == (b"", 0)


def test_a_packed_part_is_the_same_in_every_run(settings: Settings) -> None:
    packed = score(settings, TEXTS, packed=True).output
    assert gzip.decompress(packed) == score(settings, TEXTS).output
    assert packed == score(settings, TEXTS, packed=True).output
    assert score(settings, [""], packed=True).output == b""


def test_bytes_that_are_no_utf8_are_kept_as_they_are() -> None:
    from service.bulk.rejections import to_json_lines
    from service.bulk.rows import Rejected

    raw = b"1\t\xff".decode("utf-8", "surrogateescape")
    assert json.loads(to_json_lines([Rejected(3, "invalid_utf8", raw)])) == {
        "line": 3,
        "reason": "invalid_utf8",
        "row_base64": "MQn/",
    }


def test_rejected_rows_are_in_the_order_of_their_lines(settings: Settings) -> None:
    result = score(settings, ["", "a\tb", "가" * 5001, ""])
    assert [json.loads(line)["line"] for line in result.rejected.decode().splitlines()] == [2, 3, 4, 5]
