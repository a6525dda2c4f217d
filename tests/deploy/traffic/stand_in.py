"""A service that answers as it is told to, over real HTTP."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answer = tuple[int, Any]
Ask = Callable[[str, str, Any], Answer]
"""Returns status and body of an answer: method, path, body -> both."""


@contextmanager
def answering(ask: Ask, closes: bool = False, key: str = "", readers: list[str | None] | None = None) -> Iterator[str]:
    """Answer until the block ends; yields the address.

    Args:
        ask: makes the answers; a body in bytes is sent as it is.
        key: without which nothing is answered.
        readers: gets the client's key of each request, None for none.
        closes: whether each connection ends after one answer, unannounced, as an idle one does.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are written one after the other

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            if readers is not None:
                readers.append(self.headers["X-Client-Key"])
            good = not key or self.headers["Authorization"] == f"Bearer {key}"
            status, said = ask(self.command, self.path, body) if good else (401, {})
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = closes

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
