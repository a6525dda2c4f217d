import json
import math
from dataclasses import replace
from typing import Any

import pytest

from model_store.errors import ManifestError
from model_store.manifest import Manifest


def test_a_manifest_reads_what_it_wrote(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest


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
