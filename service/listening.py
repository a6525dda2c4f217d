"""The port: opened once, before the workers start that share it, and connections evenly taken by them."""

import asyncio
import errno
import mmap
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path

from service.errors import StartError
from service.logs import log_exception

BACKLOG = 2048
_PAUSE_S = 0.001
"""How long a worker leaves a connection to those that have fewer; longer than their loops usually take for a turn."""
_EXHAUSTED_S = 1.0
"""How long it waits before it tries again, if it has no file descriptors left."""
_AT_ONCE = 16
"""Connections that are taken in one turn of the event loop, in two milliseconds. libuv takes one: while turns are long,
since much is asked, whoever comes would wait for as many of them as others came before, health checks included."""


def open_port(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of a host; connections wait until a worker takes them.

    Raises:
        StartError: if another process has the port, or it or the address may not be used; with what to do about it.
    """
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            sockets.append(_listen(family, address))
    except OSError as error:
        for opened in sockets:
            opened.close()
        wrong = "NUNCHI_PORT" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "NUNCHI_HOST"
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror}; set {wrong} to another one") from error
    return sockets


def _listen(family: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # the address of IPv4 has a socket of its own
        opened.bind(address)
        opened.listen(BACKLOG)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def last_of(listening: socket.socket) -> list[socket.socket]:
    """Close a socket that listens, and return the connections that waited for somebody to take them.

    Closed with somebody waiting, it would break off connections on which a request may have been sent already.
    """
    taken: list[socket.socket] = []
    with listening, suppress(BlockingIOError):
        while True:
            try:
                taken.append(listening.accept()[0])
            except (InterruptedError, ConnectionAbortedError):
                continue
    return taken


class Loads:
    """How many connections every worker has, in memory that all of them share; `inf`: leave them to others.

    Args:
        path: of the file behind it, which must exist.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR)
        try:
            self._cells = memoryview(mmap.mmap(descriptor, 0)).cast("d")
        finally:
            os.close(descriptor)

    @classmethod
    def create(cls, path: Path, workers: int) -> "Loads":
        """Make the file for so many workers, none of which takes connections yet."""
        path.write_bytes(bytes(8 * workers))
        loads = cls(path)
        for worker in range(workers):
            loads.set(worker, inf)
        return loads

    def set(self, worker: int, connections: float) -> None:
        """Tell how many connections a worker has."""
        self._cells[worker] = connections

    def least_of_others(self, worker: int) -> float:
        """Return how many connections that worker has which, of all others, has the fewest."""
        return min((load for other, load in enumerate(self._cells) if other != worker), default=inf)


class Alone:
    """The loads where there are no other workers."""

    def set(self, worker: int, connections: float) -> None:
        """Tell nobody."""

    def least_of_others(self, _: int) -> float:
        """Return that there is no other to take connections."""
        return inf


class Acceptor:
    """Takes connections from sockets that other workers may take them from too.

    Whoever is woken first would take them all (left to itself, one of two workers often gets 14 of 16). So a worker
    that has more than another leaves a new one alone for a moment, and takes it only if nobody else has by then. One
    that is not ready takes none at all as long as another is.

    Args:
        sockets: that listen; not blocking.
        protocol: makes the protocol of a connection.
        load: gives how many connections are open; `inf` if it is not ready to answer.
        loads: where the workers tell how many they have.
        worker: which of them this one is.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        protocol: Callable[[], asyncio.Protocol],
        load: Callable[[], float],
        loads: Loads | Alone,
        worker: int = 0,
    ) -> None:
        self._sockets = sockets
        self._protocol = protocol
        self._load = load
        self._loads = loads
        self._worker = worker
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[object]] = set()
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}
        for listening in sockets:
            self._loop.add_reader(listening, self._woken, listening)
        self.tell()

    def tell(self) -> float:
        """Tell the other workers how many connections this one has, and return it."""
        load = self._load() + len(self._opening)
        self._loads.set(self._worker, load)
        return load

    async def close(self) -> None:
        """Take those that wait and no more; return when all that were taken are open."""
        for pause in self._pauses.values():
            pause.cancel()
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            for connection in last_of(listening):
                self._open(connection)
        self._loads.set(self._worker, inf)
        if self._opening:
            await asyncio.wait(self._opening)

    def _woken(self, listening: socket.socket) -> None:
        if self.tell() > self._loads.least_of_others(self._worker):
            self._pause(listening, _PAUSE_S)
        else:
            self._take(listening)

    def _pause(self, listening: socket.socket, seconds: float) -> None:
        self._loop.remove_reader(listening)
        self._pauses[listening] = self._loop.call_later(seconds, self._resume, listening)

    def _resume(self, listening: socket.socket) -> None:
        self._loop.add_reader(listening, self._woken, listening)
        if self.tell() < inf or self._loads.least_of_others(self._worker) == inf:
            self._take(listening)

    def _take(self, listening: socket.socket) -> None:
        """Take those that wait, some of them if there are many, and none that another worker should have."""
        for _ in range(_AT_ONCE):
            try:
                connection, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return  # there is none any more: another worker was faster, or the client left
            except OSError as error:
                log_exception("accept_failed", error)
                self._pause(listening, _EXHAUSTED_S)
                return
            self._open(connection)
            if self.tell() > self._loads.least_of_others(self._worker):
                return

    def _open(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
        self._opening.add(task)
        task.add_done_callback(partial(self._opened, connection))

    def _opened(self, connection: socket.socket, task: "asyncio.Task[object]") -> None:
        self._opening.discard(task)
        if task.cancelled() or task.exception():  # it is not uvicorn's then
            connection.close()
