import asyncio
import socket
from collections.abc import Sequence
from math import inf
from pathlib import Path

import pytest

from service.errors import StartError
from service.listening import Acceptor, Alone, Loads, last_of, open_port

pytestmark = pytest.mark.anyio


def test_a_port_that_is_taken_is_told_with_the_setting_that_helps() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=f"127.0.0.1:{port}: Address already in use; set NUNCHI_PORT"):
            open_port("127.0.0.1", port)
    close(open_port("127.0.0.1", port))


def test_a_port_that_was_opened_is_taken_for_others() -> None:
    [opened] = open_port("127.0.0.1", 0)
    with opened, pytest.raises(StartError, match="set NUNCHI_PORT"):
        open_port("127.0.0.1", opened.getsockname()[1])


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_of_this_machine_is_told_with_the_setting_that_helps(host: str) -> None:
    with pytest.raises(StartError, match="set NUNCHI_HOST"):
        open_port(host, 0)


def test_a_name_is_listened_to_on_all_its_addresses() -> None:
    addresses = {address[0] for *_, address in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    opened = open_port("localhost", 0)
    assert {listening.getsockname()[0] for listening in opened} == addresses
    close(opened)


def close(sockets: Sequence[socket.socket]) -> None:
    for opened in sockets:
        opened.close()


def test_processes_see_each_others_loads(tmp_path: Path) -> None:
    one = Loads.create(tmp_path / "loads", 3)
    assert one.least_of_others(0) == inf
    Loads(tmp_path / "loads").set(2, 7)
    assert one.least_of_others(0) == 7
    assert one.least_of_others(2) == inf


class Connection(asyncio.Protocol):
    """Says who took it."""

    def __init__(self, worker: "Taker") -> None:
        self.worker = worker

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.worker.transports.append(transport)
        transport.write(b"%d" % self.worker.number)


class Taker:
    """A worker as far as connections go."""

    def __init__(self, sockets: Sequence[socket.socket], loads: Loads | Alone, number: int) -> None:
        self.number = number
        self.transports: list[asyncio.Transport] = []
        self.ready = True
        self.acceptor = Acceptor(sockets, lambda: Connection(self), self.load, loads, number)

    def load(self) -> float:
        return len(self.transports) if self.ready else inf

    async def close(self) -> None:
        await self.acceptor.close()
        for transport in self.transports:
            transport.close()


@pytest.fixture
def port() -> list[socket.socket]:
    return open_port("127.0.0.1", 0)


async def connect(port: Sequence[socket.socket]) -> int:
    reader, writer = await asyncio.open_connection(*port[0].getsockname())
    taken_by = int(await asyncio.wait_for(reader.read(1), 5))
    writer.close()
    await writer.wait_closed()
    return taken_by


@pytest.mark.parametrize("pause_s", [0, 0.003])
async def test_connections_are_taken_evenly(tmp_path: Path, port: list[socket.socket], pause_s: float) -> None:
    loads = Loads.create(tmp_path / "loads", 2)
    # Sockets of their own to the same port, as two processes have them.
    copies = [[listening.dup() for listening in port] for _ in range(2)]
    takers = [Taker(sockets, loads, number) for number, sockets in enumerate(copies)]
    taken = []
    for _ in range(40):
        taken.append(await connect(port))
        await asyncio.sleep(pause_s)
    assert abs(taken.count(0) - taken.count(1)) <= 4
    for taker in takers:
        await taker.close()
    close([*port, *copies[0], *copies[1]])


async def test_of_many_connections_several_are_taken_in_one_turn(port: list[socket.socket]) -> None:
    """Whoever came last would else wait for as many turns of the event loop, which are long while much is asked."""
    taker = Taker(port, Alone(), 0)
    clients = [socket.create_connection(port[0].getsockname()) for _ in range(40)]
    turns = 0
    while len(taker.transports) < len(clients) and turns < 100:
        await asyncio.sleep(0)
        turns += 1
    assert 3 <= turns <= 12
    await taker.close()
    close([*port, *clients])


async def test_of_many_connections_none_is_taken_that_another_worker_should_have(
    tmp_path: Path, port: list[socket.socket]
) -> None:
    loads = Loads.create(tmp_path / "loads", 2)
    loads.set(1, 4)
    taker = Taker(port, loads, 0)
    clients = [socket.create_connection(port[0].getsockname()) for _ in range(12)]
    for _ in range(4):
        await asyncio.sleep(0)
    assert len(taker.transports) == 5
    await taker.close()
    close([*port, *clients])


async def test_a_connection_that_nobody_else_takes_is_taken_by_the_busiest(
    tmp_path: Path, port: list[socket.socket]
) -> None:
    loads = Loads.create(tmp_path / "loads", 2)
    loads.set(1, -1)  # it claims to have the fewest, and takes none
    taker = Taker(port, loads, 0)
    assert [await connect(port) for _ in range(5)] == [0] * 5
    await taker.close()
    close(port)


async def test_a_worker_that_takes_no_more_leaves_connections_to_the_others(
    tmp_path: Path, port: list[socket.socket]
) -> None:
    loads = Loads.create(tmp_path / "loads", 2)
    copy = [listening.dup() for listening in port]
    ending, staying = Taker(copy, loads, 0), Taker(port, loads, 1)
    await ending.close()
    assert loads.least_of_others(1) == inf
    assert [await connect(port) for _ in range(5)] == [1] * 5
    await staying.close()
    close([*port, *copy])


async def test_a_worker_that_is_not_ready_takes_connections_only_while_no_other_is(
    tmp_path: Path, port: list[socket.socket]
) -> None:
    loads = Loads.create(tmp_path / "loads", 2)
    copy = [listening.dup() for listening in port]
    one, other = Taker(copy, loads, 0), Taker(port, loads, 1)
    one.ready = False
    assert [await connect(port) for _ in range(20)] == [1] * 20
    other.ready = False
    one.acceptor.tell()
    other.acceptor.tell()
    assert set([await connect(port) for _ in range(20)]) <= {0, 1}
    one.ready = True
    one.acceptor.tell()
    assert [await connect(port) for _ in range(20)] == [0] * 20
    await one.close()
    await other.close()
    close([*port, *copy])


async def test_a_worker_without_descriptors_goes_on_when_it_has_some_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.listening._EXHAUSTED_S", 0.05)

    class Exhausted(socket.socket):
        refusals = 1

        def accept(self) -> tuple[socket.socket, object]:
            if self.refusals:
                self.refusals -= 1
                raise OSError(24, "Too many open files")
            return super().accept()

    [opened] = open_port("127.0.0.1", 0)
    port = [Exhausted(fileno=opened.detach())]
    port[0].setblocking(False)
    taker = Taker(port, Loads.create(tmp_path / "loads", 1), 0)
    assert await connect(port) == 0
    assert "accept_failed" in [record.getMessage() for record in caplog.records]
    await taker.close()
    close(port)


def test_closing_takes_those_who_wait_with_what_they_sent() -> None:
    [listening] = open_port("127.0.0.1", 0)
    address = listening.getsockname()
    waiting = [socket.create_connection(address) for _ in range(3)]
    for number, client in enumerate(waiting):
        client.sendall(b"%d" % number)
    taken = last_of(listening)
    assert [connection.recv(1) for connection in taken] == [b"0", b"1", b"2"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    for connection in (*waiting, *taken):
        connection.close()
