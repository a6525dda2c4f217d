"""Says on standard error how far a run is: a bar on a terminal, elsewhere a line now and then."""

import time
from collections.abc import Callable
from typing import TextIO

_BAR = 24
_TERMINAL_S, _LOG_S = 0.2, 10.0


class Progress:
    """How far a run is.

    Args:
        out: a terminal or a file; None for silence.
        clock: returns seconds.
    """

    def __init__(self, out: TextIO | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._terminal = bool(out and out.isatty())
        self._clock = clock
        self._started = self._shown = clock()
        self._first_share: float | None = None
        self._rows = 0

    def start(self) -> None:
        """Count time from now on."""
        self._started = self._shown = self._clock()

    def update(self, rows: int, share: float | None) -> None:
        """Count rows of a chunk.

        Args:
            rows: how many.
            share: how much of the input is done, 0 to 1; None if that is not known.
        """
        self._rows += rows
        self._first_share = share if self._first_share is None else self._first_share
        now = self._clock()
        if self._out and now - self._shown >= (_TERMINAL_S if self._terminal else _LOG_S):
            self._shown = now
            line = self._line(now - self._started, share)
            self._out.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
            self._out.flush()

    def end(self, line: str) -> None:
        """Put a last line in the place of the bar."""
        if self._out:
            self._out.write(f"\r\x1b[K{line}\n" if self._terminal else f"{line}\n")
            self._out.flush()

    @property
    def rate(self) -> float:
        """Rows per second so far."""
        return self._rows / max(self._clock() - self._started, 1e-9)

    def _line(self, elapsed_s: float, share: float | None) -> str:
        line = f"{self._rows:,} texts, {self._rows / max(elapsed_s, 1e-9):,.0f} texts/s"
        if share is None or self._first_share is None:
            return line
        done = share - self._first_share
        left = _clock_time(elapsed_s * (1 - share) / done) if done > 0 else "?"
        filled = int(share * _BAR)
        return f"[{'#' * filled}{'.' * (_BAR - filled)}] {share:4.0%}  {line}, {left} left"


def _clock_time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
