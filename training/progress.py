"""The progress bar of training: where it is, loss, accuracy, time left. It keeps still where nobody watches."""

from types import TracebackType
from typing import Any

import keras
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TrainingProgress(keras.callbacks.Callback):
    """Shows one bar for the whole run; a line for each finished epoch stays above it.

    Args:
        epochs: epochs of the run.
        batches: batches of an epoch.
        done: epochs done before, by an interrupted run.
    """

    def __init__(self, epochs: int, batches: int, done: int = 0) -> None:
        super().__init__()
        self.async_safe = True  # a bar that lags a step behind need not hold up a GPU
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:.4f}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._task = self._bar.add_task(
            "",
            total=epochs * batches,
            completed=done * batches,
            epoch=min(done + 1, epochs),
            epochs=epochs,
            loss=0.0,
            accuracy=0.0,
        )

    def __enter__(self) -> "TrainingProgress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002  Keras' signature
        """Show the number of the epoch."""
        self._bar.update(self._task, epoch=epoch + 1)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002  as above
        """Show the loss and accuracy of the epoch so far."""
        logs = logs or {}
        self._bar.update(self._task, advance=1, loss=logs.get("loss", 0.0), accuracy=logs.get("accuracy", 0.0))

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(line, highlight=False, soft_wrap=True)
