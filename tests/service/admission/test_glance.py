import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.admission import glance as module
from service.admission.glance import Glance, glance

BODY = b'{"text": "x"}'


def request(
    *lines: bytes, start: bytes = b"POST /predict HTTP/1.1", body: bytes = BODY, length: bytes | None = None
) -> bytes:
    declared = length if length is not None else b"Content-Length: %d" % len(body)
    return b"\r\n".join((start, b"Host: a", *lines, declared, b"", b"")) + body


def test_a_plain_request_is_read_as_far_as_it_takes() -> None:
    seen = glance(request(b"X-Request-ID: order-7", b"Accept: */*", b"x-request-timeout:0.5"))
    assert seen is not None
    assert seen.path == "/predict"
    assert (seen.head.request_id, seen.head.request_timeout) == (b"order-7", b"0.5")
    assert seen.head.content_length == b"%d" % len(BODY)


def test_a_batch_is_read_too() -> None:
    seen = glance(request(start=b"POST /predict/batch HTTP/1.1", body=b"x" * 100_000))
    assert seen is not None
    assert (seen.path, seen.head.content_length, seen.size) == ("/predict/batch", b"100000", 100_000)


SPECIAL = {
    "nothing": b"",
    "the beginning of one": request()[:-1],
    "more than one": request() * 2,
    "another path": request(start=b"POST /compare HTTP/1.1"),
    "a query": request(start=b"POST /predict?a=1 HTTP/1.1"),
    "another method": request(start=b"GET /predict HTTP/1.1"),
    "an old version": request(start=b"POST /predict HTTP/1.0"),
    "no length": request(length=b"a: b"),
    "another length": request(length=b"Content-Length: 5"),
    "no number as length": request(length=b"Content-Length: +13"),
    "more digits than there are numbers": request(length=b"Content-Length: " + b"9" * 5000),
    "a zero before a length": request(length=b"Content-Length: 013"),
    "two lengths": request(b"Content-Length: 13"),
    "two different lengths": request(b"Content-Length: 5"),
    "two names": request(b"X-Request-ID: a", b"X-Request-ID: b"),
    "a body in parts": request(b"Transfer-Encoding: chunked"),
    "the last on its connection": request(b"Connection: close"),
    "an upgrade": request(b"Upgrade: h2c"),
    "one that waits to be asked": request(b"Expect: 100-continue"),
    "a blank before a colon": request(b"Transfer-Encoding : chunked"),
    "a folded line": request(b"a: b", b" Transfer-Encoding: chunked"),
    "lines that end otherwise": request(b"a: b\nTransfer-Encoding: chunked"),
    "a control character": request(b"a: \x00"),
    "a character beyond ASCII": request(b"a: \xff"),
}


@pytest.mark.parametrize("data", SPECIAL.values(), ids=SPECIAL)
def test_what_is_special_is_left_to_those_who_read_it_whole(data: bytes) -> None:
    assert glance(data) is None


class Parsed:
    """What the parser of HTTP makes of bytes."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.messages = 0
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        self.method = parser.get_method()
        self.keep_alive = parser.should_keep_alive()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages += 1


PARTS = st.sampled_from(
    b"\r\n|\n|\r|:| |\t|Content-Length: 5\r\n|Transfer-Encoding: chunked\r\n|0\r\n\r\n|Connection: close\r\n"
    b"|  \r\n|X-Request-ID: a\r\n|\x00|HTTP/1.1|POST /predict HTTP/1.1\r\n|1".split(b"|")
)


@given(st.lists(st.tuples(st.integers(0, 120), PARTS | st.binary(max_size=4)), max_size=4))
def test_whatever_is_taken_for_a_request_is_that_one_request_to_the_parser_too(
    insertions: list[tuple[int, bytes]],
) -> None:
    data = request(b"X-Request-ID: order-7", b"Accept: */*")
    for place, part in insertions:
        data = data[:place] + part + data[place:]
    seen = glance(data)
    if seen is None:
        return
    parsed = Parsed(data)
    assert (parsed.messages, parsed.method, parsed.url) == (1, b"POST", seen.path.encode())
    assert b"%d" % len(parsed.body) == seen.head.content_length
    assert parsed.keep_alive
    assert dict(parsed.headers).get(b"x-request-id") == seen.head.request_id
    assert (list(seen.headers), data[len(data) - seen.size :]) == (parsed.headers, parsed.body)


@pytest.mark.parametrize("value", [b"a", b" a", b"  a", b" a ", b"", b" ", b"a:b", b" A, b"])
def test_values_are_those_of_the_parser(value: bytes) -> None:
    data = request(b"X-Request-ID:" + value)
    seen = glance(data)
    assert seen is not None
    assert list(seen.headers) == Parsed(data).headers
    assert seen.head.request_id == dict(seen.headers)[b"x-request-id"]


def test_the_control_is_that_an_unchanged_request_is_taken() -> None:
    assert isinstance(glance(request(b"X-Request-ID: order-7")), Glance)


def test_a_head_that_comes_again_is_known_but_for_its_name_and_length() -> None:
    again = [glance(request(b"Accept: */*", body=b"x" * size, length=b"Content-Length: 13")) for size in (13, 14, 13)]
    assert [seen is not None for seen in again] == [True, False, True]
    named = [glance(request(b"X-Request-ID: order-%d" % number)) for number in (1, 2)]
    assert [seen and seen.head.request_id for seen in named] == [b"order-1", b"order-2"]


def test_only_so_many_heads_are_kept() -> None:
    for number in range(1000):
        assert glance(request(b"X-Number: %d" % number)) is not None
    assert len(module._kept) <= 256
