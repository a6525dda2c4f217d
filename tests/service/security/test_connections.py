import asyncio
import socket

import pytest

from tests.service.security.wires import Wire, serving

pytestmark = pytest.mark.anyio

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\n%b\r\n"
CHUNKED = POST % b"Transfer-Encoding: chunked\r\n"
MARKER = b"mark-7f3a"


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}  # what the service runs on: its transports differ from asyncio's


def declaring(length: int, *more: bytes) -> bytes:
    return POST % b"".join([b"Content-Length: %d\r\n" % length, *more])


async def flood(wire: Wire) -> None:
    while True:
        await wire.send(b"a" * 100_000)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def head_of(size: int) -> bytes:
    """Return a request whose headers have so many bytes, counted as the limit counts them."""
    empty = b"GET /a HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n"
    counted = len(b"/a") + len(b"Hostx") + 4 + len(b"X") + 4
    return empty.replace(b"X: ", b"X: " + b"a" * (size - counted))


async def test_requests_are_answered_whole_and_byte_by_byte_and_the_connection_lives_on() -> None:
    async with serving() as served:
        wire = await served.connect()
        for request in (GET, declaring(2) + b"{}", CHUNKED + chunk(b"{}") + b"0\r\n\r\n"):
            await wire.send(request)
            assert (await wire.answer()).status == 200
            for byte in request:
                await wire.send(bytes([byte]))
            assert (await wire.answer()).status == 200
        assert [body for _, body in served.requests] == [b"", b"", b"{}", b"{}", b"{}", b"{}"]
        assert served.ended == {}


@pytest.mark.parametrize("pieces", [1, 7])
async def test_headers_up_to_the_limit_are_read_and_one_byte_more_is_refused(pieces: int) -> None:
    async with serving(header_bytes=10_000) as served:
        for size, status in ((10_000, 200), (10_001, 431)):
            wire, request = await served.connect(), head_of(size)
            step = len(request) // pieces + 1
            for start in range(0, len(request), step):
                await wire.send(request[start : start + step])
                await served.turn(2)
            answer = await wire.answer()
            assert answer.status == status
        assert answer.problem == "headers-too-large"
        assert await wire.end() == b""
        assert served.ended == {"headers_too_large": 1}


async def test_headers_without_an_end_are_not_read_any_further() -> None:
    async with serving(header_bytes=10_000) as served:
        wire = await served.connect()
        wire.writer.write(b"GET /a HTTP/1.1\r\n" + b"X: aaaa\r\n" * 100_000)
        answer = await wire.last_answer()
        assert (answer.status, answer.headers["connection"]) == (431, "close")


async def test_many_small_headers_are_refused() -> None:
    async with serving(header_count=20) as served:
        for count, status in ((20, 200), (21, 431)):
            wire = await served.connect()
            await wire.send(b"GET /a HTTP/1.1\r\n" + b"X: a\r\n" * count + b"\r\n")
            assert (await wire.answer()).status == status


async def test_requests_sent_ahead_are_no_large_headers() -> None:
    async with serving(header_bytes=4_096) as served:
        wire, request = await served.connect(), head_of(1_500)
        await wire.send(request * 4 + request[:-2])
        for _ in range(4):
            assert (await wire.answer()).status == 200
        await wire.send(request[-2:])
        assert (await wire.answer()).status == 200


async def test_a_few_requests_sent_ahead_are_answered_and_after_more_the_connection_ends() -> None:
    async with serving() as served:
        served.gate.clear()
        few, many = await served.connect(), await served.connect()
        await few.send(GET * 5)
        await many.send(GET * 1_000)
        await served.turn()
        served.gate.set()
        assert [(await few.answer()).status for _ in range(5)] == [200] * 5
        await few.send(GET)
        assert (await few.answer()).status == 200
        assert [(await many.answer()).status for _ in range(5)] == [200] * 5
        assert await many.end() == b""


BROKEN = {
    "no method": MARKER + b" / HTTP/1.1\r\n\r\n",
    "no HTTP": MARKER + b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + MARKER,
    "bare line feeds": b"GET /" + MARKER + b" HTTP/1.1\nHost: x\n\n",
    "two lengths": declaring(1, b"Content-Length: 2\r\n"),
    "length and chunks": declaring(1, b"Transfer-Encoding: chunked\r\n"),
    "no length": POST % b"Content-Length: -1\r\n",
    "chunks not last": POST % b"Transfer-Encoding: chunked, identity\r\n",
    "a chunk without a size": CHUNKED + MARKER + b"\r\n",
    "a chunk that is longer": CHUNKED + b"1\r\n" + MARKER + b"\r\n",
    "blank before a colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "folded": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n " + MARKER + b"\r\n\r\n",
    "NUL": b"GET / HTTP/1.1\r\nHost: x\r\nX: \x00" + MARKER + b"\r\n\r\n",
    "a tunnel": b"CONNECT " + MARKER + b":443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "not ASCII": b"GET /\xff" + MARKER + b" HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_no_request_gets_a_problem_that_repeats_nothing_of_it(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as served:
        wire = await served.connect()
        await wire.send(BROKEN[name])
        answer = await wire.last_answer()
        assert (answer.status, answer.problem, answer.rest) == (400, "malformed-request", b"")
        assert MARKER not in answer.body
        assert served.ended == {"malformed": 1}
        assert MARKER.decode() not in caplog.text
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_came_before_something_broken_is_answered_and_nothing_else() -> None:
    async with serving() as served:
        served.gate.clear()
        wire = await served.connect()
        await wire.send(GET + GET + MARKER + b"\r\n\r\n" + GET)
        await served.turn()
        served.gate.set()
        assert [(await wire.answer()).status for _ in range(2)] == [200, 200]
        assert await wire.end() == b""


async def test_a_body_that_breaks_behind_another_request_is_never_answered() -> None:
    async with serving() as served:
        served.gate.clear()
        wire = await served.connect()
        await wire.send(GET + CHUNKED + MARKER + b"\r\n" + GET)
        await served.turn()
        served.gate.set()
        assert (await wire.last_answer()).rest == b""
        assert len(served.requests) == 1


async def test_headers_that_do_not_come_in_time_are_given_up() -> None:
    async with serving(header_timeout_s=5) as served:
        silent, slow, later = [await served.connect() for _ in range(3)]
        await slow.send(GET[:20])
        await later.send(GET)
        await later.answer()
        await later.send(GET[:20])
        await served.pass_time(4)
        for wire in (slow, later):
            await wire.send(b"a")
        await served.pass_time(2)
        for wire in (slow, later):
            assert (await wire.last_answer()).problem == "slow-request"
        assert await silent.end() == b""
        assert served.ended == {"headers_too_slow": 3}


async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with serving(keep_alive_s=30) as served:
        wire = await served.connect()
        await wire.send(GET)
        await wire.answer()
        await served.pass_time(29)
        await wire.send(GET)
        assert (await wire.answer()).status == 200
        await served.pass_time(29)
        await served.pass_time(2)
        assert await wire.end() == b""
        assert served.ended == {}


@pytest.mark.parametrize("head", [declaring(100_000), CHUNKED], ids=["declared", "chunked"])
async def test_a_body_that_comes_too_slowly_is_given_up(head: bytes) -> None:
    async with serving(body_bytes_per_s=1_000, body_timeout_s=20) as served:
        wire = await served.connect()
        await wire.send(head + chunk(b"a" * 2_000))
        for _ in range(6):  # five seconds, and one for every thousand bytes
            await served.pass_time(1)
        assert served.ended == {}
        await served.pass_time(2)
        answer = await wire.last_answer()
        assert (answer.status, answer.problem) == (408, "slow-request")
        assert served.ended == {"body_too_slow": 1}
        assert served.requests[0][1] is None  # the application was told that its client is gone


async def test_a_body_that_keeps_the_pace_is_given_up_only_in_the_end() -> None:
    async with serving(body_bytes_per_s=100, body_timeout_s=20) as served:
        wire = await served.connect()
        await wire.send(declaring(100_000))
        for _ in range(19):
            await wire.send(b"a" * 1_000)
            await served.pass_time(1)
        assert served.ended == {}
        await served.pass_time(2)
        assert (await wire.last_answer()).status == 408


async def test_a_client_that_reads_nothing_is_left_alone() -> None:
    async with serving(answer_timeout_s=10) as served:
        served.answer = b"a" * 3_000_000
        wire = await served.connect(limit=1_000)
        await wire.send(GET)
        await served.turn(100)
        await served.pass_time(9)
        assert served.ended == {}
        await served.pass_time(2)
        assert served.ended == {"answer_not_read": 1}
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await wire.answer()


async def test_a_client_that_reads_slowly_is_waited_for() -> None:
    async with serving(answer_timeout_s=10) as served:
        served.answer = b"a" * 3_000_000
        wire = await served.connect(limit=100_000)
        await wire.send(GET)
        read = 0
        while read < 3_000_000:
            read += len(await wire.reader.read(2_000_000))
            await served.pass_time(2)
        assert served.ended == {}


async def test_an_early_answer_does_not_wait_for_the_rest_of_a_body() -> None:
    async with serving(max_body_bytes=2_000) as served:
        served.reads = False
        for head in (CHUNKED, declaring(2_001), declaring(1_000_000_000)):
            wire = await served.connect()
            await wire.send(head + chunk(b"a" * 1_000))
            answer = await wire.last_answer()
            assert (answer.status, answer.rest) == (200, b"")
            await wire.send(b"a" * 100_000)  # and who still sends is not told off by a reset
            await served.turn()
            assert not wire.writer.transport.is_closing()


async def test_a_client_that_goes_on_sending_after_its_answer_is_not_read_and_cut_off_in_the_end() -> None:
    async with serving() as served:
        served.reads = False
        wire = await served.connect()
        await wire.send(CHUNKED)
        await wire.last_answer()
        flooding = asyncio.create_task(flood(wire))
        await served.turn(200)
        assert next(iter(served.patrol._connections)).flow.held
        await served.pass_time(2)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(flooding, 10)


async def test_clients_that_leave_too_much_unread_are_left_alone_sooner() -> None:
    async with serving(answer_timeout_s=10) as served:
        served.answer = b"a" * 3_000_000
        for _ in range(4):
            await (await served.connect(limit=1_000)).send(GET)
        await served.turn(100)
        await served.pass_time(2)
        assert served.ended == {"answer_not_read": 4}


async def test_a_client_that_does_not_close_after_its_answer_is_closed() -> None:
    async with serving() as served:
        served.reads = False
        wire = await served.connect()
        await wire.send(CHUNKED)
        await wire.last_answer()
        assert len(served.patrol._connections) == 1
        await served.pass_time(2)
        assert len(served.patrol._connections) == 0


async def test_a_short_rest_is_dropped_and_the_connection_lives_on() -> None:
    async with serving() as served:
        served.reads = False
        wire = await served.connect()
        await wire.send(declaring(50_000) + b"a" * 1_000)
        assert (await wire.answer()).status == 200
        await wire.send(b"a" * 49_000 + GET)
        assert (await wire.answer()).status == 200


async def test_nothing_is_kept_of_a_body_that_was_declared_too_large() -> None:
    async with serving(max_body_bytes=10_000) as served:
        served.reads = False
        served.gate.clear()
        wire = await served.connect()
        wire.writer.write(declaring(1_000_000_000) + b"a" * 1_000_000)
        await served.turn()
        [connection] = served.patrol._connections
        assert connection.cycle.body == b""  # type: ignore[attr-defined]
        assert connection.flow.held
        served.gate.set()
        assert (await wire.answer()).status == 200


async def test_a_body_of_nothing_but_framing_comes_to_an_end() -> None:
    async with serving(max_body_bytes=2_000) as served:
        wire = await served.connect()
        wire.writer.write(CHUNKED + (b"1;" + b"x" * 1_000 + b"\r\na\r\n") * 1_000)
        answer = await wire.last_answer()
        assert (answer.status, answer.problem) == (413, "body-too-large")
        assert served.ended == {"body_too_large": 1}


async def test_who_waits_to_be_asked_for_a_body_is_asked() -> None:
    async with serving() as served:
        wire = await served.connect()
        await wire.send(declaring(2, b"Expect: 100-continue\r\n"))
        async with asyncio.timeout(5):
            assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(b"{}" + GET)
        assert [(await wire.answer()).status for _ in range(2)] == [200, 200]


async def test_who_is_refused_is_not_asked_and_its_next_request_is_not_taken_for_the_body() -> None:
    async with serving() as served:
        served.reads = False
        wire = await served.connect()
        await wire.send(declaring(28, b"Expect: 100-continue\r\n"))
        answer = await wire.last_answer()
        assert (answer.status, answer.rest) == (200, b"")


async def test_what_follows_a_body_is_no_header() -> None:
    async with serving() as served:
        served.gate.clear()
        wire = await served.connect()
        await wire.send(CHUNKED + chunk(b"{}") + b"0\r\nX-Client-Key: me\r\n\r\n")
        await served.turn()
        [(scope, _)] = served.requests
        assert [name for name, _ in scope["headers"]] == [b"host", b"transfer-encoding"]


async def test_another_protocol_is_not_spoken() -> None:
    async with serving() as served:
        wire = await served.connect()
        await wire.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n") + GET)
        answer = await wire.last_answer()
        assert (answer.status, answer.headers["connection"], answer.rest) == (200, "close", b"")


async def test_a_connection_too_many_is_told_so_and_closed() -> None:
    async with serving(connections=8) as served:
        wires = [await served.connect() for _ in range(8)]
        answer = await (await served.connect()).last_answer()
        assert (answer.status, answer.problem, answer.headers["retry-after"]) == (429, "too-many-connections", "1")
        wires.pop().writer.close()
        await served.turn()
        wire = await served.connect()
        await wire.send(GET)
        assert (await wire.answer()).status == 200
        assert served.ended == {"too_many": 1}


async def test_idle_connections_go_sooner_when_there_are_many() -> None:
    async with serving(connections=8) as served:
        wires = [await served.connect() for _ in range(7)]
        for wire in wires:
            await wire.send(GET)
            await wire.answer()
        await served.pass_time(1.5)
        assert [await wire.end() for wire in wires] == [b""] * 7
        assert len(served.patrol._connections) == 0


async def test_an_address_has_its_own_share() -> None:
    async with serving(connections_per_address=2) as served:
        for source in ("127.0.0.1", "127.0.0.2"):
            wires = [await served.connect(local_addr=(source, 0)) for _ in range(3)]
            assert (await wires[2].last_answer()).status == 429
            wires[0].writer.close()
            await served.turn()
            wire = await served.connect(local_addr=(source, 0))
            await wire.send(GET)
            assert (await wire.answer()).status == 200
        assert served.ended == {"too_many_of_address": 2}


async def test_a_client_that_leaves_what_it_sent_ahead_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as served:
        served.gate.clear()
        wire = await served.connect()
        await wire.send(GET * 3)
        await served.turn()
        wire.writer.transport.abort()
        await served.turn()
        served.gate.set()
        await served.turn()
        assert len(served.requests) == 1
        assert not caplog.records


async def test_a_client_that_resets_is_forgotten() -> None:
    async with serving() as served:
        wire = await served.connect()
        await wire.send(declaring(100_000) + b"a" * 50_000)
        await served.turn()
        wire.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wire.writer.transport.abort()
        await served.turn()
        assert len(served.patrol._connections) == 0
        assert served.patrol.bodies.held_bytes == 0
