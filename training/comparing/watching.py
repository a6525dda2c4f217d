"""The progress bars of what takes a while: one line for each step; they keep still where nobody watches."""

from collections.abc import Callable
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Watching:
    """Shows how far the steps of one command are."""

    def __init__(self) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._bars = Progress(TextColumn("{task.description}"), *columns)

    def __enter__(self) -> "Watching":
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def step(self, name: str, total: int) -> Callable[[int, int], None]:
        """Begin a step; return what is to be told how much of it is done, and of how much."""
        task = self._bars.add_task(name, total=total)
        return lambda done, of: self._bars.update(task, completed=done, total=of)
