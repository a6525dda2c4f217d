"""One connection to the service, which asks again where it is told to come again."""

import http.client
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from deploy.traffic.errors import TrafficError

_TRIES = 6
"""How often a request is sent before its refusal is believed, where the service asks to come again."""

_TIMEOUT_S = 30
_BUSY = (429, 503)


def bearer() -> dict[str, str]:
    """Return the header with the key that NUNCHI_BEARER holds, or the file that NUNCHI_BEARER_FILE names; else none.

    Raises:
        TrafficError: if there is no such file.
    """
    key = os.environ.get("NUNCHI_BEARER")
    if path := os.environ.get("NUNCHI_BEARER_FILE"):
        try:
            key = Path(path).read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            raise TrafficError(f"NUNCHI_BEARER_FILE: {path} cannot be read: {error}") from error
    return {"Authorization": f"Bearer {key.strip()}"} if key else {}


class Told(NamedTuple):
    """What the service said: its status, what its JSON holds, and the seconds after which to ask again."""

    status: int
    body: Any
    retry_after_s: float


class _Request(NamedTuple):
    method: str
    path: str
    content: bytes | None
    headers: Mapping[str, str]


class Connection:
    """One kept-alive connection.

    Args:
        url: of the service, such as http://127.0.0.1:8000.

    Raises:
        TrafficError: if it is not http://HOST[:PORT].
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise TrafficError(f"{url} is no address of a service; one looks like http://127.0.0.1:8000")
        self._url = url
        self._headers = bearer()
        self._http = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=_TIMEOUT_S)

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None, reader: str = "") -> Told:
        """Send a request until it is answered by more than `come again`; predictions and labels may come twice.

        Args:
            method: of HTTP.
            path: of the service.
            body: to be sent as JSON; None for none.
            reader: the client's key, which an experiment keeps at one arm; empty for none.

        Raises:
            TrafficError: if nothing answers.
        """
        headers = {**self._headers, "X-Client-Key": reader} if reader else self._headers
        request = _Request(method, path, None if body is None else json.dumps(body).encode(), headers)
        told = self._once(request)
        for _ in range(_TRIES - 1):
            if told.status not in _BUSY:
                break
            time.sleep(told.retry_after_s)
            told = self._once(request)
        return told

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def _once(self, request: _Request) -> Told:
        try:
            answer, said = self._exchange(request)
            return Told(answer.status, json.loads(said), float(answer.headers.get("Retry-After", 1)))
        except (OSError, http.client.HTTPException) as error:
            raise TrafficError(f"nothing answers at {self._url} ({error}); is the service running?") from error
        except ValueError as error:
            raise TrafficError(f"what answers at {self._url} does not speak JSON; is it the service?") from error

    def _exchange(self, request: _Request) -> tuple[http.client.HTTPResponse, bytes]:
        """Return an answer and its content; on a new connection if the old one, idle for seconds, has been closed."""
        try:
            self._http.request(*request)
            answer = self._http.getresponse()
        except ConnectionError:
            self._http.close()
            self._http.request(*request)
            answer = self._http.getresponse()
        return answer, answer.read()
