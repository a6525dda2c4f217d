"""How much of unfinished bodies the process holds at once, so that many large ones cannot fill its memory."""

from collections import deque
from typing import Protocol

from uvicorn.protocols.http.flow_control import FlowControl

FREE_BYTES = 16_384
"""Of each body: so much may always come, whatever the others hold."""

MEMORY_BYTES = 2 * 1024 * 1024
"""Of all unfinished bodies together, beside the one that is favoured."""


class Flow(FlowControl):
    """Pauses and resumes what a client sends; what is held stays paused whatever the application asks for."""

    held = False

    def resume_reading(self) -> None:
        """Read on, unless it is held."""
        if not self.held:
            super().resume_reading()

    def hold(self) -> None:
        """Read nothing more until it is let go."""
        self.held = True
        self.pause_reading()

    def let_go(self) -> None:
        """Read on."""
        self.held = False
        self.resume_reading()


class Sender(Protocol):
    """Who sends a body."""

    flow: Flow


class Bodies:
    """Lets bodies come in as long as there is room, and then one after the other.

    A client whose body would take more than its share is not read until another has come to its end; TCP tells it to
    wait. One at a time may go on whatever the others hold, so that they cannot block each other.

    Args:
        memory_bytes: of all unfinished bodies together.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._sizes: dict[Sender, int] = {}
        self._waiting: deque[Sender] = deque()
        self._favoured: Sender | None = None
        self.held_bytes = 0
        """Of all of them."""

    @property
    def crowded(self) -> bool:
        """Whether anybody has to wait."""
        return bool(self._waiting)

    def grown(self, sender: Sender, size: int) -> None:
        """Take note that so much of a body has come, and hold its sender if that is too much."""
        self.held_bytes += size - self._sizes.get(sender, 0)
        self._sizes[sender] = size
        if size <= FREE_BYTES or self.held_bytes <= self._memory_bytes or sender is self._favoured:
            return
        if self._favoured is None:
            self._favoured = sender
        elif not sender.flow.held:
            sender.flow.hold()
            self._waiting.append(sender)

    def ended(self, sender: Sender) -> None:
        """Take note that a body came to its end, or never will, and let those go on for which there is room."""
        self.held_bytes -= self._sizes.pop(sender, 0)
        if sender in self._waiting:
            self._waiting.remove(sender)
            sender.flow.let_go()
        if self._favoured is sender:
            self._favoured = None
        while self._waiting and (self._favoured is None or self.held_bytes <= self._memory_bytes):
            following = self._waiting.popleft()
            if self.held_bytes > self._memory_bytes:
                self._favoured = following
            following.flow.let_go()
