import time
from pathlib import Path
from typing import Any

import pytest

from deploy.traffic.connection import Connection, bearer
from deploy.traffic.errors import TrafficError
from tests.deploy.traffic.stand_in import Answer, answering
from tests.system.server import free_port


def test_a_request_and_its_answer_are_json() -> None:
    with answering(lambda method, path, body: (200, [method, path, body])) as url:
        connection = Connection(url)
        assert connection.ask("POST", "/predict", {"text": "좋아요"}).body == ["POST", "/predict", {"text": "좋아요"}]
        assert connection.ask("GET", "/models").body == ["GET", "/models", None]
        connection.close()


@pytest.mark.parametrize(("busy", "status"), [(3, 200), (99, 429)])
def test_who_is_told_to_come_again_does_so_but_not_for_ever(busy: int, status: int) -> None:
    asked = []

    def ask(method: str, path: str, body: Any) -> Answer:
        asked.append(path)
        return (429 if len(asked) <= busy else 200), {}

    with answering(ask) as url:
        connection = Connection(url)
        assert connection.ask("POST", "/predict", {}).status == status
        connection.close()
    assert len(asked) == min(busy + 1, 6)


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    with answering(lambda *_: (200, "here"), closes=True) as url:
        connection = Connection(url)
        for _ in range(3):
            assert connection.ask("GET", "/experiments").body == "here"
            time.sleep(0.02)
        connection.close()


def test_the_key_of_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(lambda *_: (200, "here"), key="secret") as url:
        for value, status in (("", 401), ("other", 401), ("secret\n", 200)):
            monkeypatch.setenv("NUNCHI_BEARER", value)
            connection = Connection(url)
            assert connection.ask("GET", "/experiments").status == status
            connection.close()


def test_the_key_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n")
    monkeypatch.setenv("NUNCHI_BEARER_FILE", str(tmp_path / "key"))
    assert bearer() == {"Authorization": "Bearer secret"}
    monkeypatch.setenv("NUNCHI_BEARER_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(TrafficError, match=r"NUNCHI_BEARER_FILE: .* cannot be read"):
        bearer()


def test_nobody_at_the_address_is_said_in_plain_words() -> None:
    with pytest.raises(TrafficError, match="is the service running"):
        Connection(f"http://127.0.0.1:{free_port()}").ask("GET", "/experiments")


def test_another_server_at_the_address_is_said_in_plain_words() -> None:
    with answering(lambda *_: (200, b"<html>")) as url:
        connection = Connection(url)
        with pytest.raises(TrafficError, match="does not speak JSON"):
            connection.ask("GET", "/experiments")
        connection.close()


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "https://127.0.0.1", "http://"])
def test_what_is_no_address_of_a_service_is_refused(url: str) -> None:
    with pytest.raises(TrafficError, match="is no address of a service"):
        Connection(url)
