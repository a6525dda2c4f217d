"""Scores one file: the steps, in order."""

import os
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from model_store.errors import StoreError
from model_store.layout import StoredVersion, VersionRef, list_versions, verify
from service.bulk.checkpoint import Checkpoint
from service.bulk.columns import added_columns
from service.bulk.errors import RunError
from service.bulk.formats import Source, finish_of, is_packed, open_source, output_format, row_parser, row_writer
from service.bulk.options import Options
from service.bulk.output import FileOutput, Names, Output, begin
from service.bulk.pipe import PipeOutput
from service.bulk.progress import Progress
from service.bulk.rows import RowWriter
from service.bulk.scorer import Task, pack
from service.bulk.streams import PIPE, size_and_time
from service.bulk.workers import Workers
from service.errors import StartError
from service.processors import usable_processors
from service.security.trust import trust_of
from service.settings import Settings

_INTERRUPTED = 130


def score(options: Options, settings: Settings) -> int:
    """Score a file; return the exit status: 0, 1 if the run failed or is strict and rows were rejected.

    Raises:
        StartError: if it cannot begin.
    """
    _check(options)
    stored = find_version(settings, options.model or settings.default_model, options.version)
    with closing(open_source(options)) as source:
        added = added_columns(source.columns, stored.manifest.labels, stored.ref, stored.manifest.certain_from)
        writer = row_writer(options, source, added)
        task = Task(settings, stored.ref, row_parser(options, source, added), writer, is_packed(options.out))
        with closing(_open_output(options, _identity(options, stored), writer)) as output:
            return _run_to_an_end(options, source, output, task)


def _run_to_an_end(options: Options, source: Source, output: Output, task: Task) -> int:
    """Run; say in one line what ends the run before its time."""
    try:
        return _run(options, source, output, task)
    except KeyboardInterrupt:
        return _say(f"interrupted; {_how_to_go_on(options)}", _INTERRUPTED)
    except BrokenPipeError:
        return _unread()
    except (RunError, OSError) as error:
        return _say(f"{error}; {_how_to_go_on(options)}", 1)


def find_version(settings: Settings, name: str, version: int | None) -> StoredVersion:
    """Return a version of the store, the latest if none is named.

    Raises:
        StartError: if it is not there, or refused.
    """
    try:
        known = list_versions(settings.model_store)
        found = [ref for ref in known if ref.name == name and version in (None, ref.version)]
        if not found:
            asked = name if version is None else VersionRef(name, version)
            raise StartError(f"there is no {asked} in {settings.model_store}; there are {', '.join(map(str, known))}")
        return verify(settings.model_store, found[-1], trust_of(settings))
    except StoreError as error:
        raise StartError(str(error)) from error


def _run(options: Options, source: Source, output: Output, task: Task) -> int:
    """Score what is left of the input, then let the output appear."""
    progress = Progress(None if options.quiet else sys.stderr)
    if not output.state.complete:
        with Workers(task, options.workers or _worker_count(task.settings)) as workers:
            progress.start()
            for chunk, result in workers.results(source.chunks(output.state.position)):
                output.append(result, chunk.end)
                progress.update(result.scored + sum(result.reasons.values()), chunk.share)
        output.complete()
    refused = options.strict and output.state.rejected > 0
    output.publish(output=not refused)
    progress.end(_summary(options, output.state, progress.rate))
    if refused:
        accept = "" if options.out == PIPE else f"; {options.out} is kept back until --resume without --strict"
        return _say(f"--strict: {output.state.rejected} rows were rejected{accept}", 1)
    return 0


def _worker_count(settings: Settings) -> int:
    return 1 if settings.device == "gpu" else usable_processors()


def _check(options: Options) -> None:
    """Refuse what makes no sense.

    Raises:
        StartError: with what to do instead.
    """
    if options.resume and PIPE in (options.input, options.out):
        raise StartError("--resume needs files: a pipe cannot be read or written again")
    out, given = Path(options.out), Path(options.input)
    if out.is_dir():
        raise StartError(f"{out} is a directory; --out names a file")
    if out.exists() and given.exists() and out.samefile(given):
        raise StartError("the output would replace the input; choose another --out")
    if options.rejected in (out, given):
        raise StartError("--rejected needs a file of its own")


def _open_output(options: Options, identity: Mapping[str, Any], writer: RowWriter) -> Output:
    finish = finish_of(options)
    head = writer.head()
    if options.out == PIPE:
        return PipeOutput(head, options.rejected)
    out = Path(options.out)
    names = Names(out, options.rejected or out.with_name(f"{out.name}.rejected.jsonl"))
    state = begin(names, identity, resume=options.resume, overwrite=options.overwrite)
    return FileOutput(names, state, pack(head) if is_packed(options.out) and head else head, finish)


def _identity(options: Options, stored: StoredVersion) -> dict[str, Any]:
    """Describe the run: whatever of it changes, changes the output."""
    return {
        "input": size_and_time(options.input) if options.input != PIPE else None,
        "model": [str(stored.ref), stored.digest],
        "format": [options.format, output_format(options), options.quoted],
        "text column": options.text_column,
        "rejected": str(options.rejected),
    }


def _summary(options: Options, state: Checkpoint, rate: float) -> str:
    line = f"{state.scored:,} texts scored, {state.rejected:,} rows rejected"
    if state.rejected:
        where = options.rejected or ("above" if options.out == PIPE else f"{options.out}.rejected.jsonl")
        line += f" ({', '.join(f'{reason} {count:,}' for reason, count in sorted(state.reasons.items()))}; {where})"
    return f"{line}, {rate:,.0f} texts/s"


def _unread() -> int:
    """End quietly: whoever reads standard output has seen enough. Python shall not try to write the rest."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _how_to_go_on(options: Options) -> str:
    if PIPE in (options.input, options.out):
        return "the output is not complete"
    return "the same command with --resume goes on"


def _say(line: str, status: int) -> int:
    print(f"nunchi: {line}", file=sys.stderr)
    return status
