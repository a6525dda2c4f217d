"""The outermost ASGI application: answers the hot paths itself; names, limits and measures every request."""

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTooLargeError, ServiceError, UnknownRouteError
from service.exchange import arrived, client_left, release, whole_body, whole_writer
from service.heads import Head
from service.identifiers import RequestIds
from service.logs import log_exception
from service.problems import JSON, Answer, problem
from service.security.access import Access
from service.security.callers import Caller
from service.security.headers import guarded
from service.tallies import Histogram
from service.telemetry.request_log import FAILED, Answered
from service.telemetry.telling import Telling
from service.telemetry.trail import Trail, begin

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
OTHER_METHOD = "_OTHER"
OTHER_ROUTE = "_other"
_BEFORE_ROUTING = frozenset({400, 401, 403, 421})
"""Answers that are the same whatever was asked for, and are counted under one name."""
ABOUT_ONE_MODEL = "/models/{model}"

Endpoint = Callable[[bytes, Head, Caller], Awaitable[bytes]]
"""Takes a body, the headers and who asks, and gives the body of a 200; raises `ServiceError` for any other answer.

Both bodies are JSON in UTF-8.
"""


class ClientLeftError(Exception):
    """The client closed the connection before its request was complete."""


class Front:
    """Stands before FastAPI: hot paths are answered here, at a third of the cost, everything else is passed on.

    Args:
        app: what answers everything else.
        endpoints: the hot paths, by method and path.
        access: decides who may ask, before a body is read.
        telling: counts requests, and tells the log and the tracer of them.
        max_body_bytes: of a request to a hot path; the other routes read no body.
    """

    def __init__(
        self,
        app: ASGIApp,
        endpoints: Mapping[tuple[str, str], Endpoint],
        access: Access,
        telling: Telling,
        max_body_bytes: int,
    ) -> None:
        self._app = app
        self._endpoints = endpoints
        self._access = access
        self._telling = telling
        self._max_body_bytes = max_body_bytes
        self._request_ids = RequestIds()
        self._active = dict.fromkeys((*METHODS, OTHER_METHOD), 0)
        self._durations: dict[tuple[str, str, int], Histogram] = {}
        for method in ("GET", "POST"):
            telling.metrics.active_requests.labels(method).set_function(partial(self._active.__getitem__, method))
        for method, path in endpoints:
            self._duration(method, path, 200)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = arrived(scope)
        method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
        self._active[method] += 1
        head = Head.of(scope["headers"], started)
        trail = begin(self._request_ids.choose(head.request_id), head)
        if self._telling.of_all:
            self._telling.begin(trail)
        try:
            endpoint = self._endpoints.get((method, scope["path"]))
            if endpoint is None:
                route, status = await self._forward(trail, scope, receive, send)
            else:
                route, status = await self._serve(endpoint, trail, scope, receive, send)
            seconds = perf_counter() - started
            self._duration(method, route, status).observe(seconds)
            if status >= FAILED or self._telling.of_all:
                self._telling.end(trail, Answered(method, route, status, started, seconds))
        except ClientLeftError:
            return
        except CancelledError:
            if not client_left(scope):
                raise
        finally:
            self._active[method] -= 1
            release(scope)

    async def _serve(
        self, endpoint: Endpoint, trail: Trail, scope: Scope, receive: Receive, send: Send
    ) -> tuple[str, int]:
        """Answer a hot path; return the route and the status."""
        head, request_id = trail.head, trail.request_id
        try:
            caller = self._admit(trail, scope)
            body = whole_body(scope)
            if body is None:
                body = await read_body(receive, head.content_length, self._max_body_bytes)
            elif len(body) > self._max_body_bytes:
                raise BodyTooLargeError(self._max_body_bytes)
            answer = Answer(200, [JSON], await endpoint(body, head, caller))
        except ServiceError as error:
            answer = self._problem(error, trail)
        except ClientLeftError:
            raise
        except Exception as error:
            log_exception("unexpected_error", error, request_id=request_id)
            answer = self._problem(ServiceError("the service failed; the event was logged"), trail)
        await send_answer(scope, send, answer, request_id)
        return (OTHER_ROUTE if answer.status in _BEFORE_ROUTING else scope["path"]), answer.status

    async def _forward(self, trail: Trail, scope: Scope, receive: Receive, send: Send) -> tuple[str, int]:
        """Let FastAPI answer, HEAD as it would GET; return the route and the status."""
        request_id = trail.request_id
        try:
            caller = self._admit(trail, scope)
            if not scope["path"].isprintable():  # Starlette takes /metrics and a newline for /metrics
                raise UnknownRouteError
        except ServiceError as error:
            answer = self._problem(error, trail)
            await send_answer(scope, send, answer, request_id)
            return OTHER_ROUTE, answer.status
        bodiless = scope["method"] == "HEAD"
        method = "GET" if bodiless else scope["method"]
        inner = {**scope, "request_id": request_id, "caller": caller, "method": method}
        status = 500

        async def named_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*guarded(message.get("headers", ())), (b"x-request-id", request_id.encode())]
            elif bodiless:
                message["body"] = b""
            await send(message)

        try:
            await self._app(inner, receive, named_send)
        except ClientLeftError:
            raise
        except Exception as error:  # it was answered with a 500 on its way here
            log_exception("unexpected_error", error, request_id=request_id)
        return counted_route(getattr(inner.get("route"), "path", OTHER_ROUTE)), status

    def _admit(self, trail: Trail, scope: Scope) -> Caller:
        caller = self._access.admit(scope, trail.head)
        trail.key = caller.name
        return caller

    def _problem(self, error: ServiceError, trail: Trail) -> Answer:
        if error.reason is not None:
            self._telling.metrics.rejected[error.reason].add()
        trail.problem = error.slug
        return problem(error, trail.request_id)

    def _duration(self, method: str, route: str, status: int) -> Histogram:
        key = (method, route, status)
        histogram = self._durations.get(key)
        if histogram is None:
            histogram = self._durations[key] = self._telling.metrics.http_duration.labels(method, route, str(status))
        return histogram


def counted_route(path: str) -> str:
    """Return under which name answers of a route are counted: all that is done about one model, rarely, under one."""
    return ABOUT_ONE_MODEL if path.startswith(f"{ABOUT_ONE_MODEL}/") else path


async def read_body(receive: Receive, declared: bytes | None, limit: int) -> bytes:
    """Return the body of a request.

    Args:
        receive: where its parts come from.
        declared: its Content-Length, if it has one.
        limit: the most bytes that are read, declared or not.

    Raises:
        BodyTooLargeError: if it has more.
        ClientLeftError: if it never came to its end.
    """
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise BodyTooLargeError(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientLeftError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLargeError(limit)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def send_answer(scope: Scope, send: Send, answer: Answer, request_id: str) -> None:
    """Send an answer in one piece, if the server can, else in the two messages of ASGI."""
    body = b"" if scope["method"] == "HEAD" else answer.body
    headers = answer.all_headers(request_id)
    write = whole_writer(scope)
    if write is not None:
        await write(answer.status, headers, body)
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
