"""What somebody could publish who knows how: every hash is right, and what it says or does is wrong."""

import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from model_store.files import record_of, regular_files
from model_store.layout import CHECKSUM, EXTRA, FUSED_BATCH_GRAPH, FUSED_GRAPH, GOLDEN, MANIFEST, seal
from tests.protobuf import chunk
from tests.prove.damages import MODEL, Damage, at, writing

Fields = dict[str, Any]
PIECES = f"{EXTRA}/pieces.model"

_TYPES: tuple[object, ...] = (None, True, 1.5, -1, "text", [], {})
"""A value of every kind that JSON knows; the first stands for none."""

_OPTIONAL = "calibration"
"""The field that a version need not have: manifests from before there was such a thing do not mention it."""

_RAW = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "no JSON": b"{'name': 'gru'}",
    "half": (MODEL / MANIFEST).read_bytes()[:1000],
    "another encoding": (MODEL / MANIFEST).read_text("utf-8").encode("utf-16"),
    "lists within lists": b"[" * 200_000,
    "objects within objects": b'{"a":' * 200_000,
    "a number of a million digits": b'{"format": ' + b"1" * 1_000_000 + b"}",
    "blanks without end": b" " * (2**20 + 1),
    "a zero byte": b"\0" + (MODEL / MANIFEST).read_bytes(),
}


def forgeries(seed: int) -> Iterator[Damage]:
    """Yield every forgery of manifest, encoder and golden examples; the seed chooses bytes."""
    chosen = random.Random(seed)
    yield from _manifests()
    yield from _encoders(chosen)
    yield from _goldens()
    for name in (FUSED_GRAPH, GOLDEN, PIECES):
        yield Damage("file left out, as if it had never been", name, honest(at(name, Path.unlink)))


def honest(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what changes a version and then gives it a manifest with the right hashes."""

    def forge(version: Path) -> None:
        change(version)
        renew(version)

    return forge


def renew(version: Path, /, **fields: object) -> None:
    """Give a version a manifest with the hashes of its files, and with these fields."""
    document = json.loads((version / MANIFEST).read_text(encoding="utf-8"))
    files = sorted(regular_files(version) - {MANIFEST, CHECKSUM})
    records = {name: record_of(version / name) for name in files}
    document["files"] = {name: {"size": record.size, "sha256": record.sha256} for name, record in records.items()}
    _write(version, {**document, **fields})


def _write(version: Path, document: object) -> None:
    (version / MANIFEST).write_text(json.dumps(document), encoding="ascii")
    seal(version)


def _claiming(change: Callable[[Fields], object]) -> Callable[[Path], None]:
    """Return what changes the fields of a manifest."""

    def forge(version: Path) -> None:
        document = json.loads((version / MANIFEST).read_text(encoding="utf-8"))
        change(document)
        _write(version, document)

    return forge


def _manifests() -> Iterator[Damage]:
    document: Fields = json.loads((MODEL / MANIFEST).read_text(encoding="utf-8"))
    for name in document:
        if name != _OPTIONAL:
            yield Damage("manifest: a field missing", name, _claiming(partial(_drop, name=name)))
        for value in _TYPES[1:] if name == _OPTIONAL else _TYPES:
            if type(value) is not type(document[name]):
                change = _claiming(partial(_update, claim={name: value}))
                yield Damage("manifest: a field of another type", f"{name}: {value!r}", change)
    for claim in _CLAIMS:
        yield Damage("manifest: a wrong claim", str(claim)[:80], _claiming(partial(_update, claim=claim)))
    for what, raw in _RAW.items():
        yield Damage("manifest: something else", what, partial(_raw, raw=raw))
    yield Damage("manifest: a file of nobody's", "", _claiming(lambda fields: fields["files"].update(_OUTSIDE)))
    yield Damage("manifest: a file less", "", _claiming(lambda fields: fields["files"].pop(FUSED_BATCH_GRAPH)))


def _drop(fields: Fields, name: str) -> None:
    del fields[name]


def _update(fields: Fields, claim: Fields) -> None:
    fields.update(claim)


_CALIBRATION = {"temperature": 1.0, "certain_from": 0.5, "certain_accuracy": 0.9, "figures": {}}
_OUTSIDE = {"../../../etc/passwd": {"size": 1, "sha256": "0" * 64}}
_CLAIMS: tuple[Fields, ...] = (
    {"surprise": 1},
    {"format": 2},
    {"format": 0},
    {"name": "lstm"},
    {"name": "../gru"},
    {"version": 1},
    {"version": 0},
    {"version": 10**30},
    {"labels": ["only"]},
    {"labels": ["negative", "neutral", "positive"]},
    {"labels": ["same", "same"]},
    {"labels": ["negative", 1]},
    {"labels": ["negative", "\ud800"]},
    {"max_tokens": 0},
    {"max_tokens": 3},
    {"max_tokens": 10**9},
    {"fused_graph": False},
    {"metrics": {"accuracy": "high"}},
    {"metrics": {"accuracy": float("nan")}},
    {"metrics": {"accuracy": 10**400}},
    {"calibration": {}},
    *(
        {"calibration": {**wrong, **_CALIBRATION, **wrong}}  # what is wrong comes first, and so into its name
        for wrong in (
            {"temperature": 0},
            {"temperature": float("nan")},
            {"certain_from": 1.5},
            {"certain_accuracy": "high"},
            {"figures": {"ece": None}},
            {"surprise": 1},
        )
    ),
    {"files": {}},
    {"encoder": {}},
    *({"encoder": {"kind": kind, "size": 10_000, "text_version": 1}} for kind in ("morpheme", "word", "character", "")),
    *({"encoder": {"kind": "subword", "size": size, "text_version": 1}} for size in (9_999, 0, -1, 2**63, "10000")),
    *({"encoder": {"kind": "subword", "size": 10_000, "text_version": text}} for text in (0, 2, 99, None)),
)


def _raw(version: Path, raw: bytes) -> None:
    (version / MANIFEST).write_bytes(raw)
    seal(version)


def _encoders(chosen: random.Random) -> Iterator[Damage]:
    pieces = (MODEL / PIECES).read_bytes()
    size = (4096).to_bytes(4, "little")
    contents = {
        "of another model": (MODEL.parents[1] / "chatbot" / "1" / PIECES).read_bytes(),
        "empty": b"",
        "a text": "영화\n배우\n".encode(),
        **{f"cut off, {number}": pieces[: chosen.randrange(len(pieces))] for number in range(6)},
        **{f"noise, {number}": chosen.randbytes(4096) for number in range(6)},
        **{
            f"rules of its own to rewrite texts by, {number}": pieces
            + chunk(3, chunk(2, size + chosen.randbytes(5000)))
            for number in range(6)
        },
        "pieces without end": pieces + chunk(1, chunk(1, "x")) * 1_000_000,
        "a piece of 50 MB": pieces + chunk(1, chunk(1, "x" * 50_000_000)),
        **{f"noise at the end, {number}": pieces[:-200] + chosen.randbytes(200) for number in range(6)},
    }
    for what, content in contents.items():
        yield Damage("another encoder", what, honest(at(PIECES, writing(content))))


_TEXTS: tuple[object, ...] = (5, None, [], "전혀 다른 문장")


def _goldens() -> Iterator[Damage]:
    examples = json.loads((MODEL / GOLDEN).read_text(encoding="utf-8"))
    first, *rest = examples
    ids, scores = first["ids"], first["probabilities"]
    documents: dict[str, object] = {
        "no example": [],
        "no list": {"text": "좋다"},
        "a number": 5,
        "lists of numbers": [[1, 2]],
        "another field": [{**first, "label": "positive"}, *rest],
        "a field missing": [{"text": first["text"], "ids": ids}, *rest],
        **{f"text: {value!r}": [{**first, "text": value}, *rest] for value in _TEXTS},
        **{
            f"ids: {value!r}": [{**first, "ids": value}, *rest]
            for value in (5, None, [], ["3"], [2**40], [-1], ids[1:])
        },
        **{
            f"probabilities: {value!r}": [{**first, "probabilities": value}, *rest]
            for value in (5, None, [], ["1", "0"], [1.0], [0.2, 0.3, 0.5], scores[::-1], [scores[0] + 2e-4, scores[1]])
        },
        "probabilities that are no numbers": [{**each, "probabilities": [float("nan")] * 2} for each in examples],
        "probabilities beyond all": [{**first, "probabilities": [float("inf"), 0.0]}, *rest],
    }
    for what, document in documents.items():
        raw = json.dumps(document, ensure_ascii=False).encode()
        yield Damage("golden examples", what[:60], honest(at(GOLDEN, writing(raw))))
    for what, raw in (("lists within lists", b"[" * 200_000), ("no UTF-8", b"\xff\xfe")):
        yield Damage("golden examples", what, honest(at(GOLDEN, writing(raw))))
