"""Runs the application in uvicorn until the process is told to stop."""

import gc
import socket
from collections.abc import Sequence
from types import FrameType

import uvicorn

from service.app import Application, create_app
from service.lifespan import DRAIN_S
from service.listening import BACKLOG, open_port
from service.logs import configure
from service.protocol import Protocol
from service.readiness import Readiness
from service.security.patrol import Patrol
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
    for probe in open_port(settings.host, settings.port):  # uvicorn opens it for good, but only once all is built
        probe.close()
    app = create_app(settings)
    return run(Server(configured(app, settings), app.readiness))


def configured(app: Application, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn is to run the application."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Protocol.watched_by(Patrol(settings, app.connections)),
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_S,
    )


def run(server: Server, sockets: Sequence[socket.socket] | None = None) -> int:
    """Answer requests until told to stop; return the exit status.

    Args:
        server: what answers.
        sockets: that listen already; None if it is to open its own port.
    """
    # What was made so far stays until the end: the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    server.run(list(sockets) if sockets else None)
    return 0 if server.started else 2
