"""A client that says all it saw: what was answered, whether it was the last on its connection, or that nothing came."""

import asyncio
import socket
import struct
from typing import NamedTuple


class Answer(NamedTuple):
    """An answer: its status, whether the connection ends with it, the name of the request, and its body."""

    status: int
    last: bool
    request_id: str
    body: bytes


class LostError(Exception):
    """A request was sent and the connection ended without an answer."""


class Client:
    """One connection to a service on 127.0.0.1.

    Raises (all methods):
        LostError: if the connection ends before an answer is there.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Client | None":
        """Connect; None if nobody listens."""
        try:
            return cls(*await asyncio.open_connection("127.0.0.1", port))
        except OSError:
            return None

    @property
    def ended(self) -> bool:
        """Whether the service closed the connection; a request sent now would be lost by its own fault."""
        return self._reader.at_eof()

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return what is answered."""
        try:
            self._writer.write(request)
            return await self.answer()
        except (OSError, EOFError) as error:
            raise LostError(type(error).__name__) from error

    async def answer(self) -> Answer:
        """Return the next answer."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status, *lines = head.split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines if line)
        body = await self._reader.readexactly(int(fields["content-length"]))
        return Answer(int(status[9:12]), fields.get("connection") == "close", fields.get("x-request-id", ""), body)

    def write(self, part: bytes) -> None:
        """Send bytes, whatever becomes of them."""
        self._writer.write(part)

    def leave(self, *, abruptly: bool = False) -> None:
        """Close the connection, in good form or as a process that is killed does."""
        if abruptly:
            connection: socket.socket = self._writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.close()
