"""One of several processes that answer requests on the same port; `service.supervisor` starts it.

It tells its supervisor on a pipe that it takes connections, or why it cannot start, and it ends with its supervisor.
"""

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from time import monotonic

import uvicorn

from service.app import Application, create_app
from service.errors import NotReadyError, StartError
from service.growth import Growth
from service.ledger import SharedLedger
from service.listening import Acceptor, Loads
from service.logs import configure, log_event, log_exception
from service.metrics import Metrics
from service.place import ACCEPTING, GROWN, LOADED, LOADS, Place
from service.server import Server, configured, run
from service.settings import Settings, load_settings
from service.versions.memory import MEBIBYTE

_PUBLISH_TICKS = 5
"""Ticks of uvicorn, of 0.1 s, after which gauges are written down again, for whichever worker is asked."""
_LOOK_S = 0.02
"""Time between two looks at whether it is ready."""
_ALONE_S = 5.0
"""For how long connections wait for it to be ready if no other worker takes them; then they get a 503 that says why."""


class WorkerServer(Server):
    """A server that takes its connections from sockets that other workers take them from too.

    Args:
        config: of uvicorn.
        app: the service.
        place: where it stands among the others.
        settings: say how it stops, and by how much it may grow.
    """

    def __init__(self, config: uvicorn.Config, app: Application, place: Place, settings: Settings) -> None:
        super().__init__(config, app.readiness, settings.stop_delay_s)
        self._metrics = app.metrics
        self._growth = Growth(app.registry, settings.recycle_memory_mb * MEBIBYTE)
        self._grown = False
        self._place = place
        self._loads = Loads(Path(place.directory, LOADS))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then take connections: at once, or if others do so meanwhile, once it is ready."""
        asyncio.get_running_loop().add_reader(self._place.lifeline, self._orphaned)
        await self.start_application()
        if self._place.hold:
            await self._hold()
        self.take_connections(Acceptor(sockets or [], self.protocol, self._load, self._loads, self._place.slot))
        os.write(self._place.notices, ACCEPTING)

    async def on_tick(self, counter: int) -> bool:
        """Do what uvicorn does ten times a second, and tell the others how this worker is doing."""
        if self._acceptor:
            self._acceptor.tell()
        if counter % _PUBLISH_TICKS == 0:
            try:
                self._metrics.exposition.publish()
            except Exception as error:  # whoever asks this worker for its metrics is told; it answers all the same
                log_exception("gauges_not_published", error)
            if not self._grown and self._growth.excessive():
                self._grown = True
                os.write(self._place.notices, GROWN)
        return await super().on_tick(counter)

    async def _hold(self) -> None:
        give_up = monotonic() + _ALONE_S
        while not self.should_exit and not (self._ready() and (self._place.hold < LOADED or self._growth.settled)):
            if self._loads.least_of_others(self._place.slot) < inf:
                give_up = monotonic() + _ALONE_S
            elif monotonic() > give_up:
                return
            await asyncio.sleep(_LOOK_S)

    def _load(self) -> float:
        return len(self.server_state.connections) if self._ready() else inf

    def _ready(self) -> bool:
        try:
            self._readiness.check()
        except NotReadyError:
            return False
        return True

    def _orphaned(self) -> None:
        """Stop, since the supervisor was killed, and clear away what it can no longer."""
        asyncio.get_running_loop().remove_reader(self._place.lifeline)
        log_event("supervisor_gone", logging.ERROR)
        shutil.rmtree(self._place.directory, ignore_errors=True)
        self.handle_exit(signal.SIGTERM, None)


def main(arguments: Sequence[str]) -> int:
    """Answer requests until told to stop; return the exit status."""
    place = Place.of(arguments)
    for descriptor in place.descriptors:
        os.set_inheritable(descriptor, False)
    try:
        return _serve(place)
    except StartError as error:
        with suppress(BrokenPipeError):
            os.write(place.notices, str(error).encode())
        return 2


def _serve(place: Place) -> int:
    settings = load_settings()
    configure(settings.log_level, worker=place.slot % settings.workers)
    directory = Path(place.directory)
    ledger = SharedLedger(directory, place.number, hidden=place.hold == LOADED)
    app = create_app(settings, Metrics(ledger), shared=directory)
    return run(
        WorkerServer(configured(app, settings), app, place, settings),
        [socket.socket(fileno=descriptor) for descriptor in place.sockets],
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
