from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from service.errors import (
    CrossSiteError,
    ForbiddenError,
    MalformedRequestError,
    MisdirectedError,
    UnauthorizedError,
)
from service.heads import Head
from service.metrics import Metrics
from service.security.access import Access
from service.security.browsers import Hosts
from service.security.callers import ANYONE
from service.security.counters import AccessCounters
from service.security.keys import Keys
from service.security.limiting import Buckets
from tests.service.security.keyfiles import KEY, OTHER_KEY, UNKNOWN_KEY, entry, write


def bearer(key: str = KEY, scheme: str = "Bearer") -> Head:
    return Head(host=b"localhost", authorization=f"{scheme} {key}".encode())


def basic(password: str, user: str = "me") -> Head:
    return Head(host=b"localhost", authorization=b"Basic " + b64encode(f"{user}:{password}".encode()))


def asked(method: str = "POST", path: str = "/predict", version: str = "1.1") -> dict[str, Any]:
    return {"method": method, "path": path, "http_version": version}


@pytest.fixture
def counters() -> AccessCounters:
    return AccessCounters(Metrics())


@pytest.fixture
def access(tmp_path: Path, counters: AccessCounters) -> Access:
    path = write(
        tmp_path / "keys.json",
        entry(),
        entry(OTHER_KEY, scopes=("admin", "metrics"), expires="2026-01-02T00:00:00Z"),
    )
    return Access(Keys(path, Buckets(), counters.refused["limit"]), Hosts([]), counters.refused)


@pytest.fixture
def open_access(counters: AccessCounters) -> Access:
    return Access(None, Hosts([]), counters.refused)


@pytest.mark.parametrize(
    "head",
    [bearer(), bearer(scheme="bearer"), bearer(f" {KEY}"), basic(KEY), basic(KEY, ""), basic(KEY, "사용자")],
    ids=["bearer", "lower case", "two blanks", "password", "no user", "any user"],
)
def test_a_good_key_is_let_in(access: Access, head: Head) -> None:
    assert access.admit(asked(), head) is not ANYONE


WRONG = {
    "none": (Head(host=b"localhost"), "no_key"),
    "empty": (Head(host=b"localhost", authorization=b""), "bad_key"),
    "only a scheme": (Head(host=b"localhost", authorization=b"Bearer"), "bad_key"),
    "unknown": (bearer(UNKNOWN_KEY), "bad_key"),
    "without a scheme": (Head(host=b"localhost", authorization=KEY.encode()), "bad_key"),
    "another scheme": (bearer(scheme="Digest"), "bad_key"),
    "a user's name": (basic("", KEY), "bad_key"),
    "not base64": (Head(host=b"localhost", authorization=b"Basic \xff\xfe"), "bad_key"),
    "two keys": (Head.of([(b"host", b"localhost"), *[(b"authorization", b"Bearer " + KEY.encode())] * 2]), "bad_key"),
    "expired": (bearer(OTHER_KEY), "expired_key"),
}


@pytest.mark.parametrize("name", WRONG)
def test_all_others_get_the_same_answer_and_are_counted_apart(
    access: Access, counters: AccessCounters, name: str
) -> None:
    head, cause = WRONG[name]
    with pytest.raises(UnauthorizedError, match="this needs a valid API key") as refused:
        access.admit(asked(), head)
    assert refused.value.headers[0][0] == b"www-authenticate"
    assert {reason: counter.value for reason, counter in counters.refused.items() if counter.value} == {cause: 1}


def test_a_key_may_do_what_its_scopes_say_and_no_more(access: Access, counters: AccessCounters) -> None:
    access.admit(asked("GET", "/models"), bearer())
    for method, path in (("POST", "/feedback"), ("GET", "/metrics"), ("DELETE", "/clients"), ("POST", "/models/a/1/x")):
        with pytest.raises(ForbiddenError):
            access.admit(asked(method, path), bearer())
    assert counters.refused["scope"].value == 4


def test_health_needs_no_key_and_no_name(access: Access, open_access: Access) -> None:
    for guarded in (access, open_access):
        for head in (Head(), Head(host=b"probe.example"), bearer(UNKNOWN_KEY)):
            assert guarded.admit(asked("GET", "/health/ready"), head) is ANYONE


def test_what_does_not_exist_needs_a_key_as_what_exists_does(access: Access) -> None:
    with pytest.raises(UnauthorizedError):
        access.admit(asked("GET", "/nowhere"), Head(host=b"localhost"))


def test_without_keys_everybody_is_let_in_who_knows_the_name(open_access: Access) -> None:
    assert open_access.admit(asked(), Head(host=b"127.0.0.1:8000")) is ANYONE
    with pytest.raises(MisdirectedError):
        open_access.admit(asked(), Head(host=b"evil.example"))


def test_a_name_is_judged_again_and_again_until_it_is_good(open_access: Access, counters: AccessCounters) -> None:
    for _ in range(3):
        with pytest.raises(MisdirectedError):
            open_access.admit(asked("GET", "/models"), Head(host=b"evil.example"))
    assert counters.refused["host"].value == 3


def test_another_site_changes_nothing_and_may_link_here(open_access: Access) -> None:
    head = Head(host=b"localhost", fetch_site=b"cross-site", origin=b"http://evil.example")
    for method, path in (("POST", "/predict"), ("POST", "/models/gru/1/unload"), ("DELETE", "/clients")):
        with pytest.raises(CrossSiteError):
            open_access.admit(asked(method, path), head)
    open_access.admit(asked("GET", "/ui/models"), head)


def test_http_1_1_needs_one_host_and_1_0_none(open_access: Access) -> None:
    for head in (Head(), Head.of([(b"host", b"localhost"), (b"host", b"127.0.0.1")])):
        with pytest.raises(MalformedRequestError):
            open_access.admit(asked(), head)
    open_access.admit(asked(version="1.0"), Head())
