"""Which engine runs a version: what the settings ask for, what the version has, what is installed."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from model_store.layout import StoredVersion
from service.engines import Engine, EngineName, Runtime
from service.engines.onnx import OnnxRuntime
from service.errors import EngineError, StartError
from service.logs import log_event
from service.processors import usable_processors

if TYPE_CHECKING:
    from service.settings import Settings

TENSORFLOW_MISSING = "TensorFlow is not installed (pip install 'nunchi[tensorflow]')"


class EngineChoice:
    """Opens every version with the engine that fits it.

    Args:
        wanted: one engine for all, or `auto`: the fused graph where there is one, TensorFlow where not.
        device: where TensorFlow runs.
        threads: of one call; 0 for one, and never more than this process' part of the processors.
        workers: processes that share the processors with this one, itself included.
    """

    def __init__(
        self,
        wanted: Literal["auto", "onnx", "tensorflow"],
        device: Literal["auto", "cpu", "gpu"],
        threads: int,
        workers: int = 1,
    ) -> None:
        if device == "gpu" and wanted == "onnx":
            raise StartError("NUNCHI_DEVICE=gpu needs NUNCHI_ENGINE=tensorflow: the fused graph runs on the CPU")
        self._wanted = "tensorflow" if device == "gpu" else wanted
        self._device = device
        self._threads = min(threads or 1, max(1, usable_processors() // workers))
        self._runtimes: dict[EngineName, Runtime] = {}

    @classmethod
    def of(cls, settings: "Settings") -> "EngineChoice":
        """Take the choice from the settings."""
        return cls(settings.engine, settings.device, settings.threads, settings.workers)

    def prepare(self) -> None:
        """Prove that what was asked for by name is there; slow when that is TensorFlow.

        Raises:
            StartError: if it is not; with what to do about it.
        """
        if self._wanted != "tensorflow":
            return
        if not find_spec("tensorflow"):
            raise StartError(f"NUNCHI_ENGINE=tensorflow: {TENSORFLOW_MISSING}")
        self._runtime("tensorflow")

    def open(self, stored: StoredVersion) -> Engine:
        """Open a version, and say in the log with what and why.

        Raises:
            EngineError: if the engine that must be used cannot run it.
        """
        name, why = self._name_for(stored)
        engine = self._runtime(name).open(stored)
        log_event("engine_chosen", version=str(stored.ref), engine=name, device=engine.device, why=why)
        return engine

    def _name_for(self, stored: StoredVersion) -> tuple[EngineName, str]:
        if self._wanted != "auto":
            return self._wanted, "as the settings say"
        if stored.manifest.fused_graph:
            return "onnx", "it has a fused graph"
        if not find_spec("tensorflow"):
            raise EngineError(f"it has no fused graph ({stored.manifest.fused_reason}), and {TENSORFLOW_MISSING}")
        return "tensorflow", f"it has no fused graph: {stored.manifest.fused_reason}"

    def _runtime(self, name: EngineName) -> Runtime:
        if name not in self._runtimes:
            self._runtimes[name] = self._start_tensorflow() if name == "tensorflow" else OnnxRuntime(self._threads)
        return self._runtimes[name]

    def _start_tensorflow(self) -> Runtime:
        from service.engines.tensorflow import TensorFlowRuntime  # noqa: PLC0415 - costs seconds and half a gigabyte

        return TensorFlowRuntime(self._device, self._threads)
