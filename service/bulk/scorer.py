"""What a worker does with a chunk: read, encode, score, write."""

import gzip
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from model_store.layout import VersionRef
from service.bulk.rejections import to_json_lines
from service.bulk.rows import Chunk, Predictions, Reason, Rejected, RowParser, Rows, RowWriter
from service.engines.choice import EngineChoice
from service.proving import prove
from service.schemas import MAX_CHARACTERS
from service.scoring import score_rows
from service.security.trust import trust_of
from service.settings import Settings

_GZIP_LEVEL = 3
"""Higher ones cost more than scoring does and save little."""

_BATCH_TOKENS = 8_192
"""The largest call of the engine, as rows times longest row: hundreds of rows, whose states fit into a processor's
second cache. Nobody waits for the end of a call, so it may be larger than the service's."""


@dataclass(frozen=True, slots=True)
class Task:
    """All that a worker must know.

    Attributes:
        settings: where the models are and what runs them.
        ref: the version that scores.
        parser: reads chunks of the input.
        writer: writes rows of the output.
        packed: whether the output is gzipped.
    """

    settings: Settings
    ref: VersionRef
    parser: RowParser
    writer: RowWriter
    packed: bool


class Result(NamedTuple):
    """What became of a chunk.

    Attributes:
        output: the scored rows.
        rejected: the others, as JSON Lines.
        scored: how many were scored.
        reasons: how many were not, by reason.
    """

    output: bytes
    rejected: bytes
    scored: int
    reasons: Mapping[Reason, int]


class ChunkScorer:
    """Scores chunks with an engine of its own, proven as the service proves its own.

    Raises:
        StoreError, EngineError, StartError: if the version cannot be loaded.
    """

    def __init__(self, task: Task) -> None:
        settings = task.settings
        # Workers share the processors, so each call of an engine gets one, unless the settings say otherwise.
        choice = EngineChoice(settings.engine, settings.device, settings.threads or 1)
        self._proven = prove(settings.model_store, task.ref, choice, trust_of(settings))
        self._task = task

    def score(self, chunk: Chunk) -> Result:
        """Return what becomes of a chunk; that depends on nothing but the chunk."""
        if chunk.oversized:
            raw = chunk.body.decode("utf-8", "surrogateescape")
            return _result(b"", 0, [Rejected(chunk.line, "too_large", raw)])
        rows = self._task.parser.parse(chunk.body, chunk.line)
        predictions, not_scored = self._predict(rows)
        output, not_written = self._task.writer.write(rows, predictions)
        scored = len(predictions.places) - len(not_written)
        if self._task.packed and output:
            output = pack(output)
        return _result(output, scored, sorted([*rows.rejected, *not_scored, *not_written]))

    def _predict(self, rows: Rows) -> tuple[Predictions, list[Rejected]]:
        """Score the texts that the service would score, and name the others."""
        short = [text if len(text) <= MAX_CHARACTERS else "" for text in rows.texts]
        encoded = [ids for ids, _, _ in self._proven.encoder.encode_all(short, self._proven.stored.manifest.max_tokens)]
        places = [place for place, ids in enumerate(encoded) if ids]
        faults: dict[int, Reason] = {
            place: "empty" if len(rows.texts[place]) <= MAX_CHARACTERS else "too_long"
            for place, ids in enumerate(encoded)
            if not ids
        }
        scored = score_rows(self._proven.engine, [encoded[place] for place in places], _BATCH_TOKENS)
        faults |= {places[index]: error.error_type for index, error in scored.failures.items()}
        good = [index for index in range(len(places)) if index not in scored.failures]
        probabilities = [scored.probabilities[index] for index in good]
        labels = [row.index(max(row)) for row in probabilities]
        rejected = [Rejected(rows.lines[place], reason, rows.content.raw(place)) for place, reason in faults.items()]
        return Predictions([places[index] for index in good], labels, probabilities), rejected


def pack(output: bytes) -> bytes:
    """Gzip a part of the output; parts that follow one another are one gzip file (RFC 1952, 2.2)."""
    return gzip.compress(output, _GZIP_LEVEL, mtime=0)


def _result(output: bytes, scored: int, rejected: list[Rejected]) -> Result:
    return Result(output, to_json_lines(rejected), scored, Counter(row.reason for row in rejected))
