import pytest

from service.errors import CrossSiteError, MalformedRequestError, MisdirectedError
from service.heads import Head
from service.security.browsers import ANY_NAME, Hosts, refuse_other_sites

ALWAYS = ["localhost", "localhost:8000", "LOCALHOST", "api.localhost", "127.0.0.1:8000", "10.1.2.3", "[::1]:8000"]
REBOUND = ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "nunchi", "1e100"]


@pytest.mark.parametrize("host", ALWAYS)
def test_addresses_and_localhost_are_always_good(host: str) -> None:
    hosts = Hosts([])
    assert host.encode() not in hosts
    hosts.judge(host.encode())
    assert host.encode() in hosts


@pytest.mark.parametrize("host", REBOUND)
def test_a_name_that_was_not_allowed_may_be_rebound_to_this_machine(host: str) -> None:
    with pytest.raises(MisdirectedError):
        Hosts(["sentiment.example"]).judge(host.encode())


@pytest.mark.parametrize("host", ["sentiment.example", "Sentiment.Example:443", "sentiment.example.:8000"])
def test_a_name_that_was_allowed_is_good_whatever_its_port_and_case(host: str) -> None:
    Hosts([" sentiment.example "]).judge(host.encode())


def test_all_names_can_be_allowed() -> None:
    Hosts([ANY_NAME]).judge(b"evil.example")


@pytest.mark.parametrize("host", [None, b""])
def test_a_request_without_a_host_is_malformed(host: bytes | None) -> None:
    with pytest.raises(MalformedRequestError):
        Hosts([ANY_NAME]).judge(host)


def test_it_does_not_remember_more_and_more_names() -> None:
    hosts = Hosts([ANY_NAME])
    for number in range(1_000):
        hosts.judge(b"%d.example" % number)
    assert sum(b"%d.example" % number in hosts for number in range(1_000)) == 256


@pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"", b"anything"])
def test_what_another_site_sends_is_refused_as_the_browser_tells(site: bytes) -> None:
    with pytest.raises(CrossSiteError):
        refuse_other_sites(Head(host=b"localhost", fetch_site=site))


@pytest.mark.parametrize("origin", [b"http://evil.example", b"null", b"http://localhost:9000", b""])
def test_without_sec_fetch_site_the_origin_tells(origin: bytes) -> None:
    with pytest.raises(CrossSiteError):
        refuse_other_sites(Head(host=b"localhost:8000", origin=origin))


@pytest.mark.parametrize(
    "head",
    [
        Head(host=b"localhost:8000"),
        Head(host=b"localhost:8000", origin=b"http://localhost:8000"),
        Head(host=b"localhost:8000", fetch_site=b"same-origin"),
        Head(host=b"localhost:8000", fetch_site=b"none"),
        Head(host=b"inside:8000", origin=b"https://outside.example", fetch_site=b"same-origin"),
    ],
    ids=["no browser", "old browser", "own page", "typed by a person", "behind a proxy that changes the host"],
)
def test_everybody_else_is_let_through(head: Head) -> None:
    refuse_other_sites(head)
