import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest

from model_store.errors import ManifestError
from model_store.manifest import Calibration, Manifest

CALIBRATION = Calibration(1.25, 0.8, 0.95, {"validation_ece_before": 0.03, "validation_ece": 0.004})


def test_a_manifest_reads_what_it_wrote(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest


@pytest.mark.parametrize("certain_from", [0.8, None, 1])
def test_a_manifest_keeps_how_its_version_was_calibrated(manifest: Manifest, certain_from: float | None) -> None:
    calibrated = replace(manifest, calibration=replace(CALIBRATION, certain_from=certain_from))

    read = Manifest.from_json(calibrated.to_json())

    assert read == calibrated
    assert read.certain_from == (certain_from or 0)


def test_a_manifest_from_before_there_was_calibration_is_read_and_calls_every_answer_certain(
    manifest: Manifest,
) -> None:
    document = json.loads(manifest.to_json())
    del document["calibration"]

    assert Manifest.from_json(json.dumps(document)) == manifest
    assert manifest.certain_from == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"temperature": 0}, "temperature must be above 0"),
        ({"temperature": math.nan}, "temperature must be above 0"),
        ({"temperature": math.inf}, "temperature must be above 0"),
        ({"temperature": "1"}, "temperature must be float | int"),
        ({"temperature": True}, "temperature must be float | int, found bool"),
        ({"certain_from": 1.1}, "must be 0 to 1"),
        ({"certain_from": -0.1}, "must be 0 to 1"),
        ({"certain_from": math.nan}, "must be 0 to 1"),
        ({"certain_accuracy": 95}, "must be 0 to 1"),
        ({"certain_accuracy": None}, "certain_accuracy must be float | int"),
        ({"figures": {"ece": math.nan}}, "finite numbers: 'ece'"),
        ({"figures": None}, "figures must be dict"),
        ({"surprise": 1}, "calibration: expected the fields"),
    ],
)
def test_a_calibration_that_means_nothing_is_refused(manifest: Manifest, change: dict[str, Any], reason: str) -> None:
    document = json.loads(replace(manifest, calibration=CALIBRATION).to_json())
    document["calibration"].update(change)

    with pytest.raises(ManifestError, match=re.escape(reason)):
        Manifest.from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "manifest format 2"),
        ({"version": 0}, "version must be 1 or more"),
        ({"version": "1"}, "version must be int"),
        ({"version": True}, "version must be int"),
        ({"max_tokens": 0}, "max_tokens 1 to 5000"),
        ({"max_tokens": 5_001}, "max_tokens 1 to 5000"),
        ({"labels": ["one"]}, "two or more different"),
        ({"labels": ["a", "a"]}, "two or more different"),
        ({"labels": ["a", 1]}, "two or more different"),
        ({"encoder": {"kind": "word"}}, "encoder: expected the fields"),
        ({"encoder": {"kind": "word", "size": 1.5, "text_version": 1}}, "size must be int"),
        ({"files": {"a": {"size": 1}}}, "file 'a': expected the fields"),
        ({"files": {"a": "b"}}, "found str"),
        ({"metrics": {"accuracy": "high"}}, "metrics must be finite numbers: 'accuracy'"),
        ({"metrics": {"accuracy": None}}, "metrics must be finite numbers"),
        ({"metrics": {"accuracy": True}}, "metrics must be finite numbers"),
        ({"metrics": {"accuracy": math.nan}}, "metrics must be finite numbers"),
        ({"metrics": {"accuracy": -math.inf}}, "metrics must be finite numbers"),
        ({"metrics": {"accuracy": 10**400}}, "metrics must be finite numbers"),
        ({"labels": ["a", "\ud800"]}, "a lone surrogate"),
        ({"surprise": 1}, "surprise"),
        ({"calibration": 1.25}, "calibration must be dict"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    manifest: Manifest, change: dict[str, Any], reason: str
) -> None:
    document = {**json.loads(manifest.to_json()), **change}

    with pytest.raises(ManifestError, match=reason):
        Manifest.from_json(json.dumps(document))


def test_a_manifest_with_a_number_that_json_does_not_know_is_not_written(manifest: Manifest) -> None:
    with pytest.raises(ManifestError, match="cannot be written"):
        replace(manifest, metrics={"accuracy": math.nan}).to_json()


@pytest.mark.parametrize("field", ["name", "labels", "files", "format", "metrics"])
def test_a_manifest_without_a_field_is_refused(manifest: Manifest, field: str) -> None:
    document = json.loads(manifest.to_json())
    del document[field]

    with pytest.raises(ManifestError):
        Manifest.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"format": ' + "1" * 10_000 + "}"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ManifestError):
        Manifest.from_json(text)
