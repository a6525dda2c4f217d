"""There is no way to bring a model, or anything else that is run, into the service through its routes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.settings import Settings
from service.watching import fingerprint

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
ELSEWHERE = re.compile(
    r"path|file|dir|ur[il]|archive|module|pickle|callback|webhook|bytes|binary|upload", re.IGNORECASE
)
"""Names of fields by which a caller could say where something is to be fetched from, or send it."""
OUTSIDE = (
    "../../etc/passwd",
    "/etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "file:///etc/passwd",
    "http://127.0.0.1:1/m",
    "%00",
)


@pytest.fixture
async def page(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/openapi.json")).json()
    return found


def operations(page: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every documented route: its method, path and description."""
    for path, methods in page["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def inputs(page: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and schema of everything that a caller may send, however deep in a body."""
    for _, _, operation in operations(page):
        for parameter in operation.get("parameters", []):
            yield parameter["name"], parameter["schema"]
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield from fields(page, content["schema"])


def fields(page: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for reference in re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(schema)):
        yield from fields(page, page["components"]["schemas"][reference])
    for name, inner in schema.get("properties", {}).items():
        yield name, inner
        yield from fields(page, inner)


async def test_every_body_is_json(page: dict[str, Any]) -> None:
    bodies = [operation["requestBody"]["content"] for _, _, operation in operations(page) if "requestBody" in operation]
    assert len(bodies) >= 4
    assert {kind for body in bodies for kind in body} == {"application/json"}


async def test_nothing_that_is_sent_is_a_file_or_says_where_one_is(page: dict[str, Any]) -> None:
    sent = dict(inputs(page))
    assert {"text", "texts", "model", "label"} <= sent.keys()
    assert [name for name in sent if ELSEWHERE.search(name)] == []
    formats = {inner.get("format") for schema in sent.values() for inner in (schema, *schema.get("anyOf", []))}
    assert formats <= {None, "date-time", "uuid"}


async def test_a_field_that_says_where_a_model_lies_would_be_found(page: dict[str, Any]) -> None:
    page["components"]["schemas"]["PredictRequest"]["properties"]["model_path"] = {"type": "string"}
    assert "model_path" in dict(inputs(page))
    assert ELSEWHERE.search("model_path")


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/zip", "application/octet-stream"])
async def test_a_model_that_is_sent_to_any_route_changes_nothing(
    page: dict[str, Any], client: httpx.AsyncClient, settings: Settings, kind: str
) -> None:
    before = fingerprint(settings.model_store)
    for _, path, _ in operations(page):
        for method in ("POST", "PUT", "PATCH"):
            route = re.sub(r"\{\w+\}", "gru", path)
            answer = await client.request(method, route, content=b"PK\x03\x04--x", headers={"Content-Type": kind})
            assert 400 <= answer.status_code < 500, (method, route)
    assert fingerprint(settings.model_store) == before


@pytest.mark.parametrize("name", OUTSIDE)
async def test_a_name_that_leads_elsewhere_is_no_model(client: httpx.AsyncClient, name: str) -> None:
    for path in ("/predict", "/predict/batch"):
        text = {"text": "좋아요"} if path == "/predict" else {"texts": ["좋아요"]}
        answer = await client.post(path, json={**text, "model": name})
        assert answer.status_code in {404, 422}
        assert name not in answer.text


def test_what_reads_forms_and_files_is_not_installed_with_the_service() -> None:
    locked = (ROOT / "requirements" / "service.txt").read_text(encoding="utf-8")
    assert "python-multipart" not in locked  # without it FastAPI takes neither forms nor files
