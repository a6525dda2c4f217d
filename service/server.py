"""Runs the application in uvicorn until the process is told to stop."""

import errno
import gc
import socket
from types import FrameType

import uvicorn

from service.app import DRAIN_S, create_app
from service.errors import StartError
from service.logs import configure
from service.protocol import Protocol
from service.readiness import Readiness
from service.settings import Settings


class Server(uvicorn.Server):
    """A server that stops being ready with the very signal that tells it to stop."""

    def __init__(self, config: uvicorn.Config, readiness: Readiness) -> None:
        super().__init__(config)
        self._readiness = readiness

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Refuse readiness at once; uvicorn then answers what was accepted and ends."""
        self._readiness.stopping = True
        super().handle_exit(sig, frame)


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    Raises:
        StartError: if the service cannot be built as the settings say, or the port is taken.
    """
    configure(settings.log_level)
    refuse_occupied(settings.host, settings.port)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = Server(config, app.readiness)
    # What was made so far stays until the end: the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    server.run()
    return 0 if server.started else 2


def refuse_occupied(host: str, port: int) -> None:
    """Find out before any model is loaded that the service could not listen; uvicorn binds for good only after that.

    Raises:
        StartError: if another process has the port, or it or the address may not be used; with what to do about it.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in addresses[:1]:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(
                    socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
                )  # as uvicorn: waiting closed ones are no bar
                probe.bind(address)
    except OSError as error:
        wrong = "NUNCHI_PORT" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "NUNCHI_HOST"
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror}; set {wrong} to another one") from error
