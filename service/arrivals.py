"""Requests as the gate sees them: one whose headers were read, and one that waits as it came.

Whoever waits costs most while it is taken apart long before it is begun: a thousand requests, with all that stands for
them, fit into no cache of a processor, and the garbage collector looks through them while they wait. So what is plain
and came whole waits as bytes, and is taken apart when its turn has come.
"""

from typing import TYPE_CHECKING, cast

from starlette.types import Scope
from uvicorn._types import ASGI3Application

from service.admission.gate import Met
from service.exchange import Exchange, release
from service.heads import Head
from service.problems import Answer

if TYPE_CHECKING:
    from service.protocol import Protocol


class Arrived:
    """A request whose headers were read."""

    def __init__(self, exchange: Exchange, app: ASGI3Application) -> None:
        self._protocol = exchange.protocol
        self._cycle = exchange.cycle
        self._app = app
        self._arrived = exchange.arrived
        self.path: str = exchange.cycle.scope["path"]

    @property
    def head(self) -> Head:
        """Its headers, read at each look: most requests are begun without one."""
        return Head.of(list(self._cycle.scope["headers"]), self._arrived)

    @property
    def gone(self) -> bool:
        """Whether its client left."""
        return self._cycle.disconnected

    @property
    def size(self) -> int:
        """Bytes of its body that are there."""
        return len(self._cycle.body)

    def begin(self) -> None:
        """Hand it to the application."""
        self._protocol.begin(self._cycle, self._app)

    def answer(self, answer: Answer, request_id: str) -> None:
        """Answer at once. What is still to come of the body is dropped, unless the client waits to be asked for it."""
        if self._cycle.waiting_for_100_continue:
            self._cycle.keep_alive = False
        self._protocol.write_now(self._cycle, answer.status, answer.all_headers(request_id), answer.body)
        release(cast(Scope, self._cycle.scope))


class Unread:
    """A request that waits as it came.

    Args:
        protocol: its connection.
        data: it.
        met: what was seen of it.

    Attributes:
        since: when it came, in seconds of `perf_counter`.
        arrived: it, once it was taken apart.
    """

    __slots__ = ("_data", "_protocol", "_seen", "arrived", "since")

    def __init__(self, protocol: "Protocol", data: bytes, met: Met) -> None:
        self._protocol = protocol
        self._data: bytes | None = data
        self._seen, self.since, _ = met
        self.arrived: Arrived | None = None

    @property
    def path(self) -> str:
        """What it asks for."""
        return self._seen.path

    @property
    def size(self) -> int:
        """Bytes of its body."""
        return self._seen.size

    @property
    def head(self) -> Head:
        """Its headers, as far as they were seen."""
        return self._seen.head._replace(arrived=self.since)

    @property
    def gone(self) -> bool:
        """Whether its client left, or was told that what it sent cannot be read."""
        return self.arrived.gone if self.arrived else self._data is None

    def leave(self) -> None:
        """Take note that its client left."""
        self._data = None

    def take_apart(self) -> Arrived | None:
        """Return it with its headers read; None if they are such that its connection ends."""
        data, self._data = self._data, None
        if data is not None:
            self._protocol.take_apart(self._seen, data)
        return self.arrived

    def begin(self) -> None:
        """Hand it to the application."""
        if arrived := self.take_apart():
            arrived.begin()

    def answer(self, answer: Answer, request_id: str) -> None:
        """Answer it without the application."""
        if arrived := self.take_apart():
            arrived.answer(answer, request_id)
