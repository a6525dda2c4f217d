import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import ASGIApp

from service import front as module
from service.errors import BodyTooLargeError
from service.front import ClientLeftError, Endpoint, Front, counted_route, read_body
from service.heads import Head
from service.metrics import Metrics
from service.security.callers import Caller
from service.security.start import build_access
from service.settings import Settings
from service.telemetry.telling import Telling

pytestmark = pytest.mark.anyio

PARTS: list[dict[str, Any]] = [
    {"type": "http.request", "body": b"abc", "more_body": True},
    {"type": "http.request", "body": b"def"},
]


class Exchange:
    """One request as a server would bring it, and what was sent in answer."""

    def __init__(self, messages: Sequence[dict[str, Any]], path: str = "/echo", **headers: str) -> None:
        self.messages = list(messages)
        self.sent: list[Any] = []
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [
                (b"host", b"localhost"),
                *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
            ],
        }

    async def receive(self) -> dict[str, Any]:
        return self.messages.pop(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def write(self, status: int, headers: Any, body: bytes) -> None:
        """Take an answer in one piece."""
        self.sent += [{"status": status, "headers": headers}, {"body": body}]

    async def through(self, front: Front) -> "Exchange":
        await front(self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def content(self) -> Any:
        return json.loads(self.sent[1]["body"])


async def echo(body: bytes, head: Head, caller: Caller) -> bytes:
    return json.dumps({"length": len(body)}).encode()


async def fail(body: bytes, head: Head, caller: Caller) -> bytes:
    raise RuntimeError(body.decode())


async def behind(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("behind")


def front(limit: int = 100) -> Front:
    endpoints = {("POST", "/echo"): echo, ("POST", "/fail"): fail, ("POST", "/slow"): slow}
    return fronting(behind, endpoints, limit)


def fronting(app: ASGIApp, endpoints: Mapping[tuple[str, str], Endpoint], limit: int = 100) -> Front:
    metrics, settings = Metrics(), Settings()
    return Front(app, endpoints, build_access(settings, metrics, None), Telling.of(settings, metrics), limit)


async def test_a_body_in_parts_is_put_together() -> None:
    exchange = await Exchange(PARTS).through(front())
    assert (exchange.status, exchange.content) == (200, {"length": 6})
    assert exchange.headers["content-length"] == str(len(exchange.sent[1]["body"]))


@pytest.mark.parametrize(
    ("messages", "headers"),
    [(PARTS, {}), (PARTS, {"content_length": "6"}), ([], {"content_length": "6"}), ([PARTS[0]], {"x": "y"})],
    ids=["chunked", "declared", "declared and refused unread", "stopped in the middle"],
)
async def test_a_body_over_the_limit_is_refused_declared_or_not(
    messages: list[dict[str, Any]], headers: dict[str, str]
) -> None:
    exchange = await Exchange(messages, **headers).through(front(limit=2))
    assert (exchange.status, exchange.content["title"]) == (413, "Body too large")


async def test_a_body_at_the_limit_is_taken() -> None:
    assert (await Exchange(PARTS, content_length="6").through(front(limit=6))).status == 200


async def test_a_client_that_leaves_in_the_middle_gets_nothing_and_breaks_nothing() -> None:
    exchange = await Exchange([PARTS[0], {"type": "http.disconnect"}]).through(front())
    assert exchange.sent == []


async def test_reading_stops_at_the_limit() -> None:
    async def endless() -> AsyncIterator[dict[str, Any]]:
        while True:
            yield {"type": "http.request", "body": b"x" * 10, "more_body": True}

    with pytest.raises(BodyTooLargeError):
        await read_body(endless().__anext__, None, 1000)


async def test_a_disconnect_is_no_body() -> None:
    with pytest.raises(ClientLeftError):
        await read_body(Exchange([{"type": "http.disconnect"}]).receive, None, 10)


async def test_an_unexpected_error_is_a_500_that_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    exchange = await Exchange(PARTS, path="/fail").through(front())
    assert (exchange.status, exchange.content["title"]) == (500, "Internal error")
    assert "abcdef" not in exchange.sent[1]["body"].decode()
    assert [record.getMessage() for record in caplog.records] == ["unexpected_error", "request"]
    assert all("abcdef" not in str(vars(record)) for record in caplog.records)


async def test_the_callers_request_id_is_kept_when_it_is_harmless() -> None:
    kept = await Exchange(PARTS, x_request_id="order-7").through(front())
    assert kept.headers["x-request-id"] == "order-7"
    replaced = await Exchange(PARTS, x_request_id="order 7\r\nset-cookie: a").through(front())
    assert "order" not in replaced.headers["x-request-id"]


async def test_an_answer_to_head_keeps_its_headers_and_loses_its_body() -> None:
    async def get_only(scope: Any, receive: Any, send: Any) -> None:
        assert scope["method"] == "GET"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
        await send({"type": "http.response.body", "body": b"abc"})

    exchange = Exchange([], path="/health/live")
    exchange.scope["method"] = "HEAD"
    await exchange.through(fronting(get_only, {}))
    assert exchange.headers["content-length"] == "3"
    assert exchange.sent[1]["body"] == b""


@pytest.mark.parametrize("path", ["/echo", "/fail", "/nowhere"])
async def test_what_holds_a_request_is_let_go_however_it_ended(path: str) -> None:
    exchange = connected(Exchange(PARTS, path), more_body=True)
    await exchange.through(front())
    assert exchange.scope["extensions"] == {}


async def test_a_body_that_is_there_whole_is_taken_without_asking_for_it() -> None:
    exchange = await connected(Exchange([]), body=bytearray(b"abcd")).through(front())
    assert (exchange.status, exchange.content) == (200, {"length": 4})


async def test_a_body_that_is_there_whole_is_no_larger_than_others_may_be() -> None:
    exchange = await connected(Exchange([]), body=bytearray(101)).through(front(limit=100))
    assert exchange.status == 413


def connected(exchange: Exchange, more_body: bool = False, body: bytearray | None = None) -> Exchange:
    """Let a request come through our own protocol."""
    protocol = SimpleNamespace(write=lambda cycle, *answer: exchange.write(*answer), forget=lambda cycle: None)
    cycle = SimpleNamespace(disconnected=False, more_body=more_body, body=body or bytearray())
    exchange.scope["extensions"] = {"nunchi": SimpleNamespace(protocol=protocol, cycle=cycle, arrived=0.0)}
    return exchange


async def test_what_is_no_request_is_passed_on() -> None:
    with pytest.raises(RuntimeError, match="behind"):
        await front()({"type": "lifespan"}, Exchange([]).receive, Exchange([]).send)


@pytest.mark.parametrize(
    ("route", "counted"),
    [
        ("/models/{model}/{version}/load", "/models/{model}"),
        ("/models/{model}/aliases/{alias}", "/models/{model}"),
        ("/models", "/models"),
        ("/predict", "/predict"),
    ],
)
def test_what_is_done_about_one_model_is_counted_as_one_route(route: str, counted: str) -> None:
    assert counted_route(route) == counted


async def slow(body: bytes, head: Head, caller: Caller) -> bytes:
    await asyncio.sleep(60)
    raise AssertionError


async def cancelled(monkeypatch: pytest.MonkeyPatch, left: bool) -> "asyncio.Task[Exchange]":
    """Cancel an answer under way, as the server does when the client left, or when it comes to its end."""
    monkeypatch.setattr(module, "client_left", lambda scope: left)
    asking = asyncio.create_task(Exchange(PARTS, path="/slow").through(front()))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    return asking


async def test_an_answer_nobody_waits_for_is_given_up_without_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await cancelled(monkeypatch, left=True)).result().sent == []
    assert not caplog.records


async def test_what_is_cancelled_for_another_reason_stays_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await cancelled(monkeypatch, left=False)).cancelled()


async def test_the_endpoint_is_told_when_the_request_arrived() -> None:
    heads: list[Head] = []

    async def listen(body: bytes, head: Head, caller: Caller) -> bytes:
        heads.append(head)
        return b"{}"

    before = perf_counter()
    await Exchange(PARTS, x_request_timeout="2").through(fronting(behind, {("POST", "/echo"): listen}))
    assert before <= heads[0].arrived <= perf_counter()
    assert heads[0].request_timeout == b"2"
