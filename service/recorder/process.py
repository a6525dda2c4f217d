"""The process that records: `service.recorder.handle` starts it, writes to its input and reads from its output.

It reads until its input ends, which it does with the process that answers, however that ended; so what came through is
recorded, and nothing stays behind.
"""

import gc
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from typing import Any

from service.errors import StartError
from service.logs import configure, log_event
from service.recorder.arms import Trials
from service.recorder.frames import DECLARED, Declared, Frames, Note, Settled, framed
from service.recorder.recording import Recording
from service.recorder.writing import PatientWriter, orphaned
from service.secrets import read_secret
from service.settings import Settings
from service.store.database import open_database
from service.store.tallies import WriterTallies

NICENESS = 10
"""Whoever waits for an answer of a model comes first."""

_MADE_BEFORE_A_LOOK = 20_000
"""Objects that are there before the garbage collector looks for rings among them: more than texts at a time make."""

_READ_BYTES = 1 << 20
"""What is taken at a time: some thousand texts, which the arms then read together."""


def serve(input_: int, output: int) -> None:
    """Record what comes until it ends.

    Raises:
        StartError: if the store or the secret cannot be used.
    """
    recording: Recording | None = None
    tallies = WriterTallies()
    for messages in _arriving(input_):
        if recording is None:
            recording = _opened(messages.pop(0), tallies)
        for settled in _handle(recording, messages):
            _tell(output, settled._replace(tallies=tallies.take()))


def _opened(settings_json: str, tallies: WriterTallies) -> Recording:
    settings = Settings.model_validate_json(settings_json)
    configure(settings.log_level, process="recorder")
    writer = PatientWriter(open_database(settings.store), tallies, orphaned())
    return Recording(Trials(settings), writer.write, read_secret(settings.secret_file), settings)


def _tell(output: int, settled: Settled) -> None:
    rest = framed(settled.plain())
    with suppress(BrokenPipeError):  # nobody counts any more; what is left is recorded all the same
        while rest:
            rest = rest[os.write(output, rest) :]


def _arriving(input_: int) -> Iterator[list[Any]]:
    """Yield the messages that are there, at least one at a time, until there will be no more."""
    frames = Frames()
    while some := os.read(input_, _READ_BYTES):
        if messages := list(frames.take(some)):
            yield messages


def _handle(recording: Recording, messages: Iterable[tuple[Any, ...]]) -> Iterator[Settled]:
    """Do what messages say; texts of one experiment that came together are read together."""
    for (name, number), group in groupby(messages, key=lambda message: message[:2]):
        if name == DECLARED:
            yield recording.declare(Declared.of(next(group)))
        else:
            yield recording.record(number, [_new(Note, note) for _, _, notes in group for note in notes])


def main() -> int:
    """Record what comes on standard input; return the exit status."""
    os.nice(NICENESS)
    gc.set_threshold(_MADE_BEFORE_A_LOOK)
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the service, which then closes the pipe
        signal.signal(number, signal.SIG_IGN)
    output = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed must not stand among the answers
    try:
        serve(sys.stdin.fileno(), output)
    except StartError as error:
        log_event("recorder_cannot_start", reason=str(error))
        return 2
    return 0


_new = tuple.__new__
"""Makes a named tuple in half the time that its class takes."""

if __name__ == "__main__":
    sys.exit(main())
