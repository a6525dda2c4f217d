"""One HTTP/1.1 connection of the load generator: no more than it needs, so that it costs little."""

import socket


class Connection:
    """A connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.request = -1
        """The number of the request under way."""

    def fresh(self) -> "Connection":
        """Return this connection, or a new one if the server has closed it meanwhile, as servers do with idle ones."""
        try:
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return self
        except ConnectionError:
            pass
        self.close()
        return Connection(self._port)

    def fileno(self) -> int:
        """Return what `select` waits for."""
        return self._socket.fileno()

    def send(self, request: int, message: bytes) -> None:
        """Send a request."""
        self.request = request
        self._received = b""
        self._socket.sendall(message)

    def receive(self) -> int | None:
        """Take what has come; return the status once the answer is complete, 0 if the connection broke."""
        try:
            part = self._socket.recv(65536)
        except ConnectionError:
            return 0
        if not part:
            return 0
        self._received += part
        return int(self._received[9:12]) if _complete(self._received) else None

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def message(path: str, port: int, body: bytes) -> bytes:
    """Return a complete request."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _complete(received: bytes) -> bool:
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return body.endswith(b"0\r\n\r\n")  # chunked
