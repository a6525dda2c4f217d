"""Whether this process should be given requests."""

from math import inf

from service.errors import NotReadyError
from service.registry import Registry, State


class Readiness:
    """Ready means: the default model is loaded, warmed and proven, and the process is not about to stop.

    Args:
        registry: the versions that are served.
        default_model: the name that must have a version that is ready.
    """

    def __init__(self, registry: Registry, default_model: str) -> None:
        self._registry = registry
        self._default_model = default_model
        self.stopping = False
        """Set once, when the process was told to stop: not ready at once, while what was accepted is answered."""
        self.ends_at = inf
        """When a process that stops must have come to its end, in seconds of `time.monotonic`."""

    @property
    def settled(self) -> bool:
        """Whether the start is over: every version was loaded, or refused."""
        entries = self._registry.entries.values()
        return bool(entries) and all(entry.state is not State.LOADING for entry in entries)

    def check(self) -> None:
        """Return if ready.

        Raises:
            NotReadyError: if not, with the reason.
        """
        if self.stopping:
            raise NotReadyError("the process is stopping")
        if self._registry.answering(self._default_model) is None:
            raise NotReadyError(self._reason())

    def _reason(self) -> str:
        """Say what became of the versions of the default model."""
        name = self._default_model
        states = {ref: entry for ref, entry in self._registry.entries.items() if ref.name == name}
        if not states:
            return f"the default model {name} is not in the store"
        newest, entry = list(states.items())[-1]
        if any(entry.state is State.LOADING for entry in states.values()):
            return f"the default model {name} is loading"
        return f"the default model {newest} is {entry.state}" + (f": {entry.reason}" if entry.reason else "")
