"""The service, as the tour asks it: started for the occasion, spoken to over HTTP like by anybody else."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import ServiceError

_BATCH = 1_024
"""Texts of one request, at most."""

_READY_S = 120


class Service:
    """A service that runs.

    Args:
        url: where it answers.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def explain(self, text: str, models: Sequence[str], *, units: bool = False) -> list[dict[str, Any]]:
        """Return why each of the models says what it says, in their order (`POST /explain`)."""
        answer = self._ask("/explain", {"text": text, "models": list(models), "units": units})
        explained: list[dict[str, Any]] = answer["models"]
        return explained

    def probabilities(self, texts: Sequence[str], model: str) -> NDArray[np.float64]:
        """Return the probability of the second label for each text (`POST /predict/batch`)."""
        found: list[float] = []
        for start in range(0, len(texts), _BATCH):
            answer = self._ask("/predict/batch", {"texts": texts[start : start + _BATCH], "model": model})
            found += [list(item["scores"].values())[1] for item in answer["predictions"]]
        return np.array(found)

    def models(self) -> list[dict[str, Any]]:
        """Return every version and its state (`GET /models`)."""
        models: list[dict[str, Any]] = self._ask("/models", None)["models"]
        return models

    def wait(self, process: "subprocess.Popen[bytes]", seconds: float = _READY_S) -> None:
        """Wait until no version is loading any more.

        Raises:
            ServiceError: if that takes too long, or the service ends.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None:
            try:
                if all(model["state"] != "loading" for model in self.models()):
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise ServiceError("the service does not start; python -m service serve says why")

    def _ask(self, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data)  # noqa: S310 - an address of this machine
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - likewise
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def started() -> Iterator[Service]:
    """Serve the model store that the settings name on a free port of this machine, until the block ends.

    Raises:
        ServiceError: if it does not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as state:
        own = {
            "NUNCHI_HOST": "127.0.0.1",
            "NUNCHI_PORT": str(port),
            "NUNCHI_SECRET_FILE": str(Path(state, "secret")),
            "NUNCHI_STORE": f"sqlite:///{state}/nunchi.db",
            "NUNCHI_LOG_LEVEL": "error",
        }
        process = subprocess.Popen([sys.executable, "-m", "service", "serve"], env={**os.environ, **own})
        try:
            service = Service(f"http://127.0.0.1:{port}")
            service.wait(process)
            yield service
        finally:
            process.terminate()
            process.wait()
