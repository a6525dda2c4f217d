import signal
from pathlib import Path

import pytest
import uvicorn

from service.errors import NotReadyError
from service.metrics import Metrics
from service.readiness import Readiness
from service.registry import Registry
from service.server import Server


def test_the_signal_to_stop_ends_readiness_at_once() -> None:
    def never(ref: object) -> None:
        raise AssertionError

    readiness = Readiness(Registry(never, Metrics()), "gru")  # type: ignore[arg-type]
    server = Server(uvicorn.Config(Path), readiness)
    server.handle_exit(signal.SIGTERM, None)
    assert server.should_exit
    with pytest.raises(NotReadyError, match="stopping"):
        readiness.check()
