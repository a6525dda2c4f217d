"""The manifest of a version: what it is, how it was made, and the hash of every file."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import UnionType
from typing import Any

from model_store.encoder import EncoderSpec
from model_store.errors import ManifestError

MANIFEST_FORMAT = 1

MOST_TOKENS = 5_000
"""As many as a text may have characters; an engine may make ready for every length up to what a manifest says."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Size in bytes and SHA-256 (hexadecimal) of one file of a version."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the probabilities of a version were made to mean what they say, and which answers it would rather not give.

    Attributes:
        temperature: what its logits were divided by before it was published; its files hold the result.
        certain_from: an answer is uncertain if its probability is lower, 0 to 1; None: of no answer is that said.
        certain_accuracy: the accuracy that the other answers were to reach, 0 to 1.
        figures: what came of it, by name.
    """

    temperature: float
    certain_from: float | None
    certain_accuracy: float
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version says of itself.

    Attributes:
        name: the model, as clients name it.
        version: 1 or more, unique within the model.
        variant: the entry of the table of variants that built it.
        labels: the classes, in the order of the probabilities.
        encoder: how text becomes ids.
        max_tokens: how many ids of a text the model sees, 1 to `MOST_TOKENS`; the rest is cut off.
        fused_graph: whether `model.onnx` is there.
        fused_reason: why not, when it is not; empty otherwise.
        metrics: the figures of its evaluation, by name.
        provenance: data, settings, seed, packages and time of its training.
        files: every other file of the version by its path, with size and hash.
        calibration: how it was calibrated; None if it was not, as before there was such a thing.
    """

    name: str
    version: int
    variant: str
    labels: tuple[str, ...]
    encoder: EncoderSpec
    max_tokens: int
    fused_graph: bool
    fused_reason: str
    metrics: Mapping[str, float]
    provenance: Mapping[str, Any]
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    format: int = MANIFEST_FORMAT
    calibration: Calibration | None = None

    @property
    def certain_from(self) -> float:
        """From which probability on an answer is certain; 0 if all are."""
        return (self.calibration.certain_from if self.calibration else None) or 0.0

    def to_json(self) -> str:
        """Return the manifest as indented JSON, readable by people.

        Raises:
            ManifestError: if it holds a number that JSON does not know, such as NaN.
        """
        try:
            return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
        except ValueError as error:
            raise ManifestError(f"the manifest cannot be written: {error}") from error

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Read what `to_json` wrote.

        Raises:
            ManifestError: if it is not JSON, of another format, or a field is missing, unknown or of a wrong type, or
                if a figure is no finite number or a text no valid Unicode, which no answer could hold.
        """
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ManifestError(f"manifest.json is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise ManifestError("manifest.json must hold an object")
        if document.get("format") != MANIFEST_FORMAT:
            raise ManifestError(f"manifest format {document.get('format')!r}; this release reads {MANIFEST_FORMAT}")
        document = {"calibration": None, **document}  # older manifests do not mention it
        _check_types(document, _FIELD_TYPES, "manifest")
        _check_metrics(document["metrics"])
        _check_unicode(document)
        return cls(**{**document, **_parsed(document)})


def is_finite_number(value: object) -> bool:
    """Tell whether a figure is one that JSON can hold: no text, no truth value, not NaN, not beyond a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


_Types = Mapping[str, type | UnionType]

_FIELD_TYPES: _Types = {
    "name": str,
    "version": int,
    "variant": str,
    "labels": list,
    "encoder": dict,
    "max_tokens": int,
    "fused_graph": bool,
    "fused_reason": str,
    "metrics": dict,
    "provenance": dict,
    "files": dict,
    "format": int,
    "calibration": dict | None,
}
_ENCODER_TYPES: _Types = {"kind": str, "size": int, "text_version": int}
_FILE_TYPES: _Types = {"size": int, "sha256": str}
_CALIBRATION_TYPES: _Types = {
    "temperature": float | int,
    "certain_from": float | int | None,
    "certain_accuracy": float | int,
    "figures": dict,
}


def _parsed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the nested fields of a checked document as the types of `Manifest`."""
    _check_types(document["encoder"], _ENCODER_TYPES, "encoder")
    for path, record in document["files"].items():
        _check_types(record, _FILE_TYPES, f"file {path!r}")
    labels = document["labels"]
    if len(labels) < 2 or len(set(map(str, labels))) != len(labels) or not all(isinstance(x, str) for x in labels):
        raise ManifestError("labels must be two or more different strings")
    if document["version"] < 1 or not 1 <= document["max_tokens"] <= MOST_TOKENS:
        raise ManifestError(f"version must be 1 or more, max_tokens 1 to {MOST_TOKENS}")
    return {
        "labels": tuple(labels),
        "encoder": EncoderSpec(**document["encoder"]),
        "files": {path: FileRecord(**record) for path, record in document["files"].items()},
        "calibration": _calibration(document["calibration"]),
    }


def _calibration(document: dict[str, Any] | None) -> Calibration | None:
    if document is None:
        return None
    _check_types(document, _CALIBRATION_TYPES, "calibration")
    _check_metrics(document["figures"])
    calibration = Calibration(**document)
    shares = (calibration.certain_accuracy, calibration.certain_from or 0.0)
    if not is_finite_number(calibration.temperature) or calibration.temperature <= 0:
        raise ManifestError("calibration: temperature must be above 0")
    if not all(0 <= share <= 1 for share in shares):
        raise ManifestError("calibration: certain_from and certain_accuracy must be 0 to 1")
    return calibration


def _check_metrics(metrics: Mapping[str, object]) -> None:
    crooked = sorted(name for name, value in metrics.items() if not is_finite_number(value))
    if crooked:
        raise ManifestError(f"metrics must be finite numbers: {', '.join(map(repr, crooked))}")


def _check_unicode(document: dict[str, Any]) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ManifestError("manifest.json holds a lone surrogate") from error


def _check_types(document: Any, types: _Types, where: str) -> None:
    if not isinstance(document, dict) or document.keys() != types.keys():
        found = sorted(document) if isinstance(document, dict) else type(document).__name__
        raise ManifestError(f"{where}: expected the fields {sorted(types)}, found {found}")
    for name, expected in types.items():
        value = document[name]
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            raise ManifestError(f"{where}: {name} must be {_spoken(expected)}, found {type(value).__name__}")


def _spoken(expected: type | UnionType) -> str:
    return expected.__name__ if isinstance(expected, type) else str(expected)
