"""What the duration of a stage is told."""

from typing import Protocol


class Observes(Protocol):
    """A histogram of seconds, or what stands before one."""

    def observe(self, value: float) -> None:
        """Count a duration that ends now."""
