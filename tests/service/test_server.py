import signal
import socket
from pathlib import Path

import pytest
import uvicorn

from service.errors import NotReadyError, StartError
from service.metrics import Metrics
from service.readiness import Readiness
from service.registry import Registry
from service.server import Server, refuse_occupied


def test_the_signal_to_stop_ends_readiness_at_once() -> None:
    def never(ref: object) -> None:
        raise AssertionError

    readiness = Readiness(Registry(never, Metrics()), "gru")  # type: ignore[arg-type]
    server = Server(uvicorn.Config(Path), readiness)
    server.handle_exit(signal.SIGTERM, None)
    assert server.should_exit
    with pytest.raises(NotReadyError, match="stopping"):
        readiness.check()


def test_a_port_that_is_taken_is_told_with_the_setting_that_helps() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=f"127.0.0.1:{port}: Address already in use; set NUNCHI_PORT"):
            refuse_occupied("127.0.0.1", port)
    refuse_occupied("127.0.0.1", port)


def test_an_address_that_is_not_of_this_machine_is_told_with_the_setting_that_helps() -> None:
    with pytest.raises(StartError, match="set NUNCHI_HOST"):
        refuse_occupied("192.0.2.1", 0)
