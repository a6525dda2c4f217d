"""Our own service, but its TensorFlow engine without XLA and without batches: what these two bring."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_store.golden import pad
from model_store.layout import StoredVersion
from service.engines import DeviceName, EngineName
from service.engines.tensorflow import TensorFlowRuntime
from service.server import serve
from service.settings import load_settings


class PlainEngine:
    """The SavedModel's signature, called for one row at a time."""

    name: EngineName = "tensorflow"
    device: DeviceName = "cpu"
    inline = False
    traces = 0

    def __init__(self, path: str) -> None:
        import tensorflow  # noqa: PLC0415 - after the runtime has set it up

        self._tensorflow = tensorflow
        self._loaded = tensorflow.saved_model.load(path)
        self._signature = self._loaded.signatures["serving_default"]

    def call_tokens(self, rows: int, length: int) -> int:  # noqa: ARG002 - rows are never padded anyway
        """Return how much padding a call is worth."""
        return 1_000

    def score(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return probabilities (rows, labels)."""
        return np.concatenate([self._score(row) for row in rows])

    def _score(self, row: Sequence[int]) -> NDArray[np.float32]:
        probabilities: NDArray[np.float32] = self._signature(ids=self._tensorflow.constant(pad([row])))[
            "probabilities"
        ].numpy()
        return probabilities


def _open(_: TensorFlowRuntime, stored: StoredVersion) -> Any:
    return PlainEngine(str(stored.path))


if __name__ == "__main__":
    TensorFlowRuntime.open = _open  # type: ignore[method-assign, assignment]  # the service has no setting for being slow
    serve(load_settings())
