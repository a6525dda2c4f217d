"""Runs the application in uvicorn until the process is told to stop."""

import asyncio
import os
import socket
from collections.abc import Sequence
from time import monotonic
from types import FrameType

import uvicorn

from service.app import Application, create_app
from service.listening import BACKLOG, last_of, open_port
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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take the connections that wait and no more, answer what was accepted, and come to an end in time."""
        self._readiness.ends_at = monotonic() + _STOP_S
        await self._take_last()
        await super().shutdown(sockets)

    async def _take_last(self) -> None:
        loop = asyncio.get_running_loop()
        listening = [socket.socket(fileno=os.dup(own.fileno())) for server in self.servers for own in server.sockets]
        for server in self.servers:
            server.close()
        for connection in (taken for each in listening for taken in last_of(each)):
            connection.setblocking(False)
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        """Make the protocol of a connection, as uvicorn does for those that it takes itself."""
        kind: type[asyncio.Protocol] = self.config.http_protocol_class
        return kind(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[call-arg]


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    Raises:
        StartError: if the service cannot be built as the settings say, or the port is taken.
    """
    configure(settings.log_level)
    for probe in open_port(settings.host, settings.port):  # uvicorn opens it for good, but only once all is built
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
        backlog=BACKLOG,
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
