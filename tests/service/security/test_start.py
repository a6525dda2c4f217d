from pathlib import Path

import pytest

from service.errors import MisdirectedError, StartError, UnauthorizedError
from service.heads import Head
from service.metrics import Metrics
from service.security.callers import ANYONE
from service.security.start import build_access, is_loopback
from service.settings import Settings
from tests.service.security.keyfiles import entry, write

PREDICT = {"method": "POST", "path": "/predict", "http_version": "1.1"}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return write(tmp_path / "keys.json", entry())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "192.168.1.2"])
def test_a_port_for_others_is_not_opened_unless_keys_are_asked_for_or_somebody_said_off(host: str, keys: Path) -> None:
    with pytest.raises(StartError, match=r"NUNCHI_HOST=.*NUNCHI_API_KEYS_FILE.*NUNCHI_AUTH=off"):
        build_access(Settings(host=host), Metrics(), None)
    build_access(Settings(host=host, api_keys_file=keys), Metrics(), None)
    build_access(Settings(host=host, auth="off"), Metrics(), None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_on_this_machine_alone_nobody_is_asked(host: str) -> None:
    access = build_access(Settings(host=host), Metrics(), None)
    assert access.admit(PREDICT, Head(host=b"localhost")) is ANYONE


def test_a_file_of_keys_is_asked_for_on_this_machine_too(keys: Path) -> None:
    with pytest.raises(UnauthorizedError):
        build_access(Settings(api_keys_file=keys), Metrics(), None).admit(PREDICT, Head(host=b"localhost"))


def test_off_and_a_file_contradict_each_other(keys: Path) -> None:
    with pytest.raises(StartError, match="contradict"):
        build_access(Settings(auth="off", api_keys_file=keys), Metrics(), None)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="keys create"):
        build_access(Settings(api_keys_file=tmp_path / "keys.json"), Metrics(), None)


def test_names_are_restricted_where_no_key_is_asked_for_or_the_operator_says_so(keys: Path) -> None:
    head = Head(host=b"sentiment.example")
    for settings in (Settings(), Settings(auth="off"), Settings(api_keys_file=keys, allowed_hosts="other.example")):
        with pytest.raises(MisdirectedError):
            build_access(settings, Metrics(), None).admit(PREDICT, head)
    named = Settings(allowed_hosts="other.example, sentiment.example")
    assert build_access(named, Metrics(), None).admit(PREDICT, head) is ANYONE
    with pytest.raises(UnauthorizedError):  # and not for its name
        build_access(Settings(api_keys_file=keys), Metrics(), None).admit(PREDICT, head)


def test_what_leads_nowhere_is_not_this_machine() -> None:
    assert not is_loopback("nowhere.invalid")


def test_a_broken_file_is_shown(keys: Path) -> None:
    metrics = Metrics()
    access = build_access(Settings(api_keys_file=keys), metrics, None)
    assert metrics.registry.get_sample_value("sentiment_access_file_broken") == 0
    assert access._keys is not None
    access._keys.broken = "no JSON"
    assert metrics.registry.get_sample_value("sentiment_access_file_broken") == 1
