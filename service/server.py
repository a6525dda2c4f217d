"""Runs the application in uvicorn until the process is told to stop."""

import gc
from types import FrameType

import uvicorn

from service.app import DRAIN_S, create_app
from service.logs import configure
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
        StartError: if the service cannot be built as the settings say.
    """
    configure(settings.log_level)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
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
