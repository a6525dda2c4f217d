"""The fused graph in ONNX Runtime, on the CPU: the whole recurrence is one operator, not a loop of small ones.

Some versions have a second graph, which goes through the steps of many rows at once (training/stepping.py): that costs
3 to 7 microseconds a step, and a token 0.25 (SimpleRNN) to 0.75 (LSTM) of a microsecond instead of a whole one. A text
alone goes through what the first becomes without padding (service/engines/unpadded.py).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_store.encoder import PADDING_ID
from model_store.golden import pad
from model_store.layout import FROM_ROWS, FUSED_BATCH_GRAPH, FUSED_GRAPH, StoredVersion
from model_store.operators.fused_graph import check_fused_graph
from service.engines import DeviceName, EngineName, Rows
from service.engines.unpadded import without_padding
from service.errors import EngineError

_MANY_ROWS = 16
"""From that many on, the second graph is faster, unless it says something else of itself."""


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
            OperatorError: if it does more than arithmetic.
        """
        if not stored.manifest.fused_graph:
            raise EngineError(f"it has no fused graph ({stored.manifest.fused_reason})")
        many = stored.path / FUSED_BATCH_GRAPH if FUSED_BATCH_GRAPH in stored.manifest.files else None
        return OnnxEngine(stored.path / FUSED_GRAPH, many, self._threads)


class OnnxEngine:
    """A graph `ids int32 (batch, length)` -> `probabilities float32 (batch, labels)`.

    Args:
        few: file of the graph.
        many: file of that for many rows, if there is one.
        threads: of one call.
    """

    name: EngineName = "onnx"
    device: DeviceName = "cpu"
    inline = True
    traces = 0

    def __init__(self, few: Path, many: Path | None, threads: int) -> None:
        onnxruntime = _onnxruntime()
        raw = _read(few)
        one = without_padding(raw)
        # Sessions do not keep what they share alive.
        self._shared = {name: onnxruntime.OrtValue.ortvalue_from_numpy(each) for name, each in one.constants.items()}
        self._few = _session(raw, few.name, threads, self._shared)
        self._one = self._few if one.raw is raw else _session(one.raw, few.name, threads, self._shared)
        self._many = _session(_read(many), many.name, threads, {}) if many else None
        self._from_rows = _from_rows(self._many) if self._many else _MANY_ROWS
        self._options = onnxruntime.RunOptions()  # else every call makes its own

    def call_tokens(self, rows: int, length: int) -> int:
        """Return what a call costs beside its rows, with 64 units."""
        return 16 * length if self._many and rows >= self._from_rows else 16

    def score(self, rows: Rows) -> NDArray[np.float32]:
        """Return probabilities (rows, labels), padding to the longest row and no further."""
        if len(rows) == 1 and rows[0] and PADDING_ID not in rows[0]:
            session, ids = self._one, np.array(rows, dtype=np.int32)
        else:
            session = self._many if self._many and len(rows) >= self._from_rows else self._few
            ids = pad(rows)
        [probabilities] = session.run(["probabilities"], {"ids": ids}, self._options)
        result: NDArray[np.float32] = probabilities
        return result


def _from_rows(session: Any) -> int:
    said = session.get_modelmeta().custom_metadata_map.get(FROM_ROWS, "")
    return int(said) if said.isdecimal() else _MANY_ROWS


def _read(path: Path) -> bytes:
    raw = path.read_bytes()
    check_fused_graph(raw, path.name)
    return raw


def _onnxruntime() -> Any:
    # Else it makes an id of this machine, keeps a database in the home directory and reports to its maker.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # Imported here so that a service that only runs TensorFlow never loads it.
    import onnxruntime  # noqa: PLC0415

    return onnxruntime


def _session(raw: bytes, name: str, threads: int, shared: Mapping[str, Any]) -> Any:
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin between calls would take the processor from the event loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every batch has another shape: plans and pools kept for each would only grow.
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False
    # Bytes that are said to be ONNX are read as nothing else, and only what was looked into is loaded.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    for constant, value in shared.items():
        options.add_initializer(constant, value)
    try:
        session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common class of their own
        raise EngineError(f"ONNX Runtime refuses {name}: {type(error).__name__}") from error
    session._model_bytes = b""  # kept to load it once more for other processors, of which there are none
    return session
