"""Runs the application in uvicorn until the process is told to stop."""

import asyncio
import socket
import sys
from collections.abc import Sequence
from time import monotonic
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from service.app import Application, create_app
from service.errors import StartError
from service.listening import Acceptor, Alone, open_port
from service.logs import configure
from service.pauses import QuietCollector, keep_for_good, take_short_turns
from service.protocol import Protocol
from service.readiness import Readiness
from service.security.patrol import Patrol
from service.settings import Settings

ANSWER_S = 6
"""Seconds for which a process that stops answers what it accepted; more than a request may take by default."""

_STOP_S = 9.0
"""How long it takes to its end altogether, but for what lies with the interpreter."""


class Server(uvicorn.Server):
    """A server that stops being ready with the very signal that tells it to stop.

    Args:
        config: of uvicorn.
        readiness: of the application.
        stop_delay_s: how long it goes on as before once it was told to stop, in seconds; a second signal ends that.
    """

    def __init__(self, config: uvicorn.Config, readiness: Readiness, stop_delay_s: float = 0) -> None:
        super().__init__(config)
        self._readiness = readiness
        self._stop_delay_s = stop_delay_s
        self._goes_on_until = 0.0
        self._settled = False
        self._acceptor: Acceptor | None = None
        self.collector = QuietCollector()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Refuse readiness at once; uvicorn then answers what was accepted and ends."""
        self._goes_on_until = 0.0 if self._readiness.stopping else monotonic() + self._stop_delay_s
        self._readiness.stopping = True
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Do what uvicorn does ten times a second; return whether to stop now."""
        if not self._settled and self._readiness.settled:
            self._settled = True
            keep_for_good()
        self.collector.tick(self.server_state.total_requests)
        return await super().on_tick(counter) and (monotonic() >= self._goes_on_until or self.force_exit)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then take connections, as uvicorn does but for how many at a time.

        Raises:
            StartError: if the port was taken meanwhile.
        """
        await self.start_application()
        try:
            sockets = sockets or open_port(self.config.host, self.config.port)
        except StartError:
            await self.lifespan.shutdown()
            raise
        self.take_connections(Acceptor(sockets, self.protocol, lambda: len(self.server_state.connections), Alone()))
        self._log_started_message(sockets)

    async def start_application(self) -> None:
        """Start what runs beside the requests; end the process if it does not start."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)

    def take_connections(self, acceptor: Acceptor) -> None:
        """Answer from now on."""
        self._acceptor = acceptor
        self.servers = []  # of uvicorn's own there are none
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take the connections that wait and no more, answer what was accepted, and come to an end in time."""
        self._readiness.ends_at = monotonic() + _STOP_S
        if self._acceptor:
            await self._acceptor.close()
        await super().shutdown(sockets)

    def protocol(self) -> asyncio.Protocol:
        """Make the protocol of a connection."""
        kind: type[asyncio.Protocol] = self.config.http_protocol_class
        return kind(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[call-arg]


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    Raises:
        StartError: if the service cannot be built as the settings say, or the port is taken.
    """
    configure(settings.log_level)
    for probe in open_port(settings.host, settings.port):  # it is opened for good once all is built
        probe.close()
    app = create_app(settings)
    return run(Server(configured(app, settings), app.readiness, settings.stop_delay_s))


def configured(app: Application, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn is to run the application."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Protocol.behind(app.gate, Patrol(settings, app.connections)),
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=ANSWER_S,
    )


def run(server: Server, sockets: Sequence[socket.socket] | None = None) -> int:
    """Answer requests until told to stop; return the exit status.

    Args:
        server: what answers.
        sockets: that listen already; None if it is to open its own port.
    """
    keep_for_good()
    server.collector.take_over()
    take_short_turns()
    server.run(list(sockets) if sockets else None)
    return 0 if server.started else 2
