"""The SavedModel in TensorFlow, on CPU or GPU, compiled by XLA for a closed set of shapes. Nothing else imports it.

Run step by step, a recurrence is a loop of small operators, and starting an operator costs more than its arithmetic;
XLA makes one program of the loop, three to eight times as fast, but one for each shape, half a second to compile. So
all shapes are compiled before the version is ready, and rows are padded to the next one.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_store.golden import pad
from model_store.layout import SAVED_MODEL, StoredVersion
from model_store.operators.saved_model import check_saved_model
from service.engines import DeviceName, EngineName, Rows
from service.errors import EngineError, StartError
from service.logs import log_event
from service.pauses import giving_way


class BatchSize(NamedTuple):
    """Rows of a compiled shape.

    Attributes:
        rows: of it.
        fewest: rows that are padded to it; fewer go into a smaller one.
        longest: tokens of the longest rows for which it is compiled.
    """

    rows: int
    fewest: int
    longest: float = inf


BATCHES: dict[DeviceName, list[BatchSize]] = {
    "cpu": [BatchSize(1, 1), BatchSize(16, 2), BatchSize(64, 33, 32)],
    "gpu": [BatchSize(1, 1), BatchSize(8, 2), BatchSize(64, 9)],
}
"""Ascending; more rows are scored in several calls.

On a CPU a call costs 90 microseconds beside its rows, which 16 share well enough; but a busy event loop and a call take
the interpreter from each other, and for 64 rows in one call they do so once. With 64 rows of 64 tokens and more, a step
no longer fits into every cache, and a row may cost two to three times as much (docs/decisions/0007).
"""

_SHORTEST = 16


def length_buckets(max_tokens: int) -> list[int]:
    """Return the lengths of the compiled shapes, ascending: powers of two from 16, ending with `max_tokens`."""
    lengths = []
    length = _SHORTEST
    while length < max_tokens:
        lengths.append(length)
        length *= 2
    return [*lengths, max_tokens]


class TensorFlowRuntime:
    """TensorFlow, set up once for this process.

    Args:
        device: `gpu` insists on one, `auto` takes one if there is.
        threads: of one call on the CPU.

    Raises:
        StartError: if `gpu` is asked for and there is none.
    """

    def __init__(self, device: Literal["auto", "cpu", "gpu"], threads: int) -> None:
        # Read while TensorFlow is imported. oneDNN's kernels are slower for matrices as small as these.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))
        import tensorflow  # noqa: PLC0415 - after its settings

        self._tf = tensorflow
        self.device: DeviceName = self._choose_device(device)
        self._set_threads(threads)
        # A call gives the interpreter away and asks for it back several times, from an event loop that is never idle
        # under load: at 5 ms each it would wait twenty times as long as it computes.
        self._giving_way = giving_way()
        self._giving_way.__enter__()

    def open(self, stored: StoredVersion) -> "TensorFlowEngine":
        """Load a SavedModel and compile all shapes.

        Raises:
            EngineError: if it cannot be loaded or has not the signature that was agreed on.
            OperatorError: if it could do more than arithmetic.
        """
        check_saved_model((stored.path / SAVED_MODEL).read_bytes(), SAVED_MODEL)
        try:
            loaded = self._tf.saved_model.load(str(stored.path))
            signature = loaded.signatures["serving_default"]
            ids = signature.structured_input_signature[1]["ids"]
            probabilities = signature.structured_outputs["probabilities"]
        except Exception as error:  # TensorFlow raises eight kinds of exceptions over damaged models
            raise EngineError(f"TensorFlow cannot load it: {type(error).__name__}") from error
        if ids.dtype != self._tf.int32 or probabilities.dtype != self._tf.float32:
            raise EngineError(f"its signature takes {ids.dtype.name} and gives {probabilities.dtype.name}")
        lengths = length_buckets(stored.manifest.max_tokens)
        return TensorFlowEngine(self._tf, loaded, lengths, self.device)

    def _choose_device(self, device: Literal["auto", "cpu", "gpu"]) -> DeviceName:
        config = self._tf.config
        gpus = config.list_physical_devices("GPU")
        if device == "gpu" and not gpus:
            raise StartError(
                "NUNCHI_DEVICE=gpu, but TensorFlow finds no GPU here: install the extra tensorflow-cuda, check that "
                "nvidia-smi lists the card and that the container may use it, or set NUNCHI_DEVICE=auto"
            )
        if device == "cpu" or not gpus:
            config.set_visible_devices([], "GPU")
            return "cpu"
        for gpu in gpus:
            config.experimental.set_memory_growth(gpu, True)
        return "gpu"

    def _set_threads(self, threads: int) -> None:
        threading = self._tf.config.threading
        if threading.get_intra_op_parallelism_threads() == threads:
            return
        try:
            threading.set_intra_op_parallelism_threads(threads)
            threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:
            log_event("tensorflow_already_started", threads=threading.get_intra_op_parallelism_threads())


class TensorFlowEngine:
    """A SavedModel behind a table of compiled shapes (rows, length).

    Args:
        tf: the package.
        loaded: the SavedModel; kept, because its variables live no longer than it.
        lengths: of the compiled shapes, ascending.
        device: where it runs.
    """

    name: EngineName = "tensorflow"
    inline = False

    def __init__(self, tf: Any, loaded: Any, lengths: Sequence[int], device: DeviceName) -> None:
        self._tf = tf
        self._loaded = loaded
        self._lengths = lengths
        self.device: DeviceName = device
        self._sizes = {length: [size for size in BATCHES[device] if length <= size.longest] for length in lengths}
        self._function = self._traced(compiled=True)
        try:
            self._programs = self._compile()
        except tf.errors.OpError as error:
            log_event("xla_not_possible", error=type(error).__name__)
            self._function = self._traced(compiled=False)
            self._programs = self._compile()

    @property
    def traces(self) -> int:
        """How many graphs were traced; it grows no more once the engine is made."""
        count: int = self._function.experimental_get_tracing_count()
        return count

    def call_tokens(self, rows: int, length: int) -> int:  # noqa: ARG002 - the same for all
        """Return what a call costs beside its rows: 150 microseconds; a token costs one."""
        return 128

    def score(self, rows: Rows) -> NDArray[np.float32]:
        """Return probabilities (rows, labels), every row padded to a compiled shape."""
        length = self._lengths[bisect_left(self._lengths, max(map(len, rows)))]
        parts, start = [], 0
        while start < len(rows):
            left = len(rows) - start
            size = next(each.rows for each in reversed(self._sizes[length]) if left >= each.fewest)
            parts.append(self._call(rows[start : start + size], size, length))
            start += size
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _call(self, rows: Rows, size: int, length: int) -> NDArray[np.float32]:
        ids = pad([*rows, *[()] * (size - len(rows))], length)
        probabilities: NDArray[np.float32] = self._programs[size, length](self._tf.constant(ids)).numpy()
        return probabilities[: len(rows)]

    def _traced(self, *, compiled: bool) -> Any:
        signature = self._loaded.signatures["serving_default"]

        def probabilities(ids: Any) -> Any:
            return signature(ids=ids)["probabilities"]

        return self._tf.function(probabilities, jit_compile=compiled, autograph=False)

    def _compile(self) -> dict[tuple[int, int], Callable[[Any], Any]]:
        """Trace every shape and run it twice: XLA compiles at the first call."""
        programs = {}
        for length, sizes in self._sizes.items():
            for size, *_ in sizes:
                program = self._function.get_concrete_function(self._tf.TensorSpec((size, length), self._tf.int32))
                for _ in range(2):
                    program(self._tf.ones((size, length), self._tf.int32)).numpy()
                programs[size, length] = program
        return programs
