"""Whether this process has grown by more than it may since everything was loaded that it was to load."""

import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from service.registry import Registry, State

_LEAST_AGE_S = 60.0
"""For how long after it was measured first a process is not said to have grown: replacing takes a while, too."""

_CHANGING = frozenset({State.LOADING, State.DRAINING})


def resident_bytes(process: int | None = None) -> int:
    """Return the resident memory of a process, of this one if None; 0 where nobody says (no Linux) or it has ended."""
    try:
        fields = Path(f"/proc/{process or 'self'}/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


class Growth:
    """Compares what a process has in memory with what it had when everything was loaded.

    It is measured only while nothing is being loaded or dropped: compiling takes memory that is given back.

    Args:
        registry: the versions that are to be loaded.
        allowed_bytes: by which the process may grow; 0: by any.
        resident: measures.
    """

    def __init__(self, registry: Registry, allowed_bytes: int, resident: Callable[[], int] = resident_bytes) -> None:
        self._registry = registry
        self._allowed = allowed_bytes
        self._resident = resident
        self._first: int | None = None
        self._first_at = 0.0

    @property
    def settled(self) -> bool:
        """Whether there are versions, and none of them is being loaded or dropped."""
        states = {entry.state for entry in self._registry.entries.values()}
        return State.READY in states and not states & _CHANGING

    def excessive(self) -> bool:
        """Measure; tell whether it is more than allowed."""
        if not self._allowed or not self.settled:
            return False
        if self._first is None:
            self._first, self._first_at = self._resident(), monotonic()
        return monotonic() - self._first_at >= _LEAST_AGE_S and self._resident() - self._first > self._allowed
