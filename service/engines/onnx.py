"""The fused graph in ONNX Runtime, on the CPU: the whole recurrence is one operator, not a loop of small ones."""

import numpy as np
from numpy.typing import NDArray

from model_store.golden import pad
from model_store.layout import FUSED_GRAPH, StoredVersion
from service.engines import DeviceName, EngineName, Rows
from service.errors import EngineError


class OnnxRuntime:
    """Opens fused graphs.

    Args:
        threads: of one call; more than one only pays for models much larger than these.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads

    def open(self, stored: StoredVersion) -> "OnnxEngine":
        """Load the fused graph of a version.

        Raises:
            EngineError: if it has none, or ONNX Runtime does not take it.
        """
        if not stored.manifest.fused_graph:
            raise EngineError(f"it has no fused graph ({stored.manifest.fused_reason})")
        return OnnxEngine(str(stored.path / FUSED_GRAPH), self._threads)


class OnnxEngine:
    """A graph `ids int32 (batch, length)` -> `probabilities float32 (batch, labels)`."""

    name: EngineName = "onnx"
    device: DeviceName = "cpu"
    inline = True
    call_tokens = 16  # 17 microseconds a call, 1 a token, with 64 units
    traces = 0

    def __init__(self, path: str, threads: int) -> None:
        # Imported here so that a service that only runs TensorFlow never loads it.
        import onnxruntime  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin between calls would take the processor from the event loop.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Every batch has another shape: plans and pools kept for each would only grow.
        options.enable_mem_pattern = False
        options.enable_cpu_mem_arena = False
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no common class of their own
            raise EngineError(f"ONNX Runtime refuses the fused graph: {type(error).__name__}") from error

    def score(self, rows: Rows) -> NDArray[np.float32]:
        """Return probabilities (rows, labels), padding to the longest row and no further."""
        ids = np.array(rows, dtype=np.int32) if len(rows) == 1 and rows[0] else pad(rows)
        [probabilities] = self._session.run(["probabilities"], {"ids": ids})
        result: NDArray[np.float32] = probabilities
        return result
