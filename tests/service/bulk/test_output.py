import json
from contextlib import closing
from pathlib import Path

import pytest

from service.bulk.checkpoint import Checkpoint, read_checkpoint
from service.bulk.output import FileOutput, Names, begin
from service.bulk.rows import Position
from service.bulk.scorer import Result
from service.errors import StartError

IDENTITY = {"input": (5, 7), "model": ["gru/1", "abc"]}
RESULTS = [Result(b"%d\n" % number, b"bad %d\n" % number, 1, {"empty": 1}) for number in range(3)]
ENDS = [Position(10 * (number + 1), number + 2) for number in range(3)]


@pytest.fixture
def names(tmp_path: Path) -> Names:
    return Names(tmp_path / "out.tsv", tmp_path / "out.tsv.rejected.jsonl")


def opened(names: Names, *, resume: bool = False, overwrite: bool = False) -> FileOutput:
    return FileOutput(names, begin(names, IDENTITY, resume=resume, overwrite=overwrite), b"head\n")


def files(names: Names) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in names.out.parent.iterdir()}


COMPLETE = {"out.tsv": b"head\n0\n1\n2\n", "out.tsv.rejected.jsonl": b"bad 0\nbad 1\nbad 2\n"}


def run(names: Names, count: int = 3, *, resume: bool = False, publish: bool = True) -> None:
    """Take the first `count` results, behind those that were taken before."""
    with closing(opened(names, resume=resume)) as output:
        taken = output.state.scored
        for result, end in zip(RESULTS[taken:count], ENDS[taken:count], strict=True):
            output.append(result, end)
        if count == 3:
            output.complete()
            if publish:
                output.publish(output=True)


def test_nothing_but_the_complete_files_is_left(names: Names) -> None:
    run(names)
    assert files(names) == COMPLETE


def test_the_output_has_its_name_only_when_it_is_complete(names: Names) -> None:
    run(names, 2)
    assert not names.out.exists()
    assert names.partial.read_bytes().startswith(b"head\n0\n")


def test_an_interrupted_run_goes_on_behind_the_last_checkpoint(names: Names) -> None:
    run(names, 2)
    checkpoint = read_checkpoint(names.checkpoint, IDENTITY)
    assert checkpoint is not None
    assert (checkpoint.position, checkpoint.scored, checkpoint.reasons) == (ENDS[0], 1, {"empty": 1})
    names.partial.write_bytes(names.partial.read_bytes() + b"half a row that was written before the cra")
    run(names, resume=True)
    assert files(names) == COMPLETE


def test_a_run_that_was_interrupted_while_its_files_appeared_ends_well(names: Names) -> None:
    run(names, publish=False)
    names.partial_rejected.replace(names.rejected)
    run(names, resume=True)
    assert files(names) == COMPLETE

    run_again = Names(names.out.with_name("again.tsv"), names.out.with_name("again.rejected"))
    run(run_again, publish=False)
    run_again.partial_rejected.replace(run_again.rejected)
    run_again.partial.replace(run_again.out)
    run(run_again, resume=True)
    assert not run_again.checkpoint.exists()
    assert run_again.out.read_bytes() == COMPLETE["out.tsv"]


def test_without_rejected_rows_there_is_no_file_of_them(names: Names) -> None:
    names.rejected.write_bytes(b"of an earlier run")
    with closing(opened(names)) as output:
        output.append(Result(b"0\n", b"", 1, {}), ENDS[0])
        output.complete()
        output.publish(output=True)
    assert files(names) == {"out.tsv": b"head\n0\n"}


def test_an_output_that_is_kept_back_appears_when_it_is_wanted(names: Names) -> None:
    run(names, publish=False)
    with closing(opened(names, resume=True)) as output:
        output.publish(output=False)
    assert names.rejected.exists()
    assert not names.out.exists()
    run(names, resume=True)
    assert files(names) == COMPLETE


def test_what_parts_become_is_made_at_the_end(names: Names) -> None:
    def doubled(parts: Path, out: Path) -> None:
        out.write_bytes(parts.read_bytes() * 2)

    with closing(FileOutput(names, begin(names, IDENTITY, resume=False, overwrite=False), b"x", doubled)) as output:
        output.complete()
        output.publish(output=True)
    assert files(names) == {"out.tsv": b"xx"}


def test_what_is_there_is_not_replaced_without_being_told(names: Names) -> None:
    names.out.write_bytes(b"precious")
    for resume in (False, True):
        with pytest.raises(StartError, match=r"out\.tsv exists; --overwrite replaces it"):
            opened(names, resume=resume)
    with closing(opened(names, overwrite=True)) as output:
        assert names.out.read_bytes() == b"precious"
        output.complete()
        output.publish(output=True)
    assert names.out.read_bytes() == b"head\n"


def test_an_interrupted_run_is_not_begun_anew_without_being_told(names: Names) -> None:
    run(names, 2)
    with pytest.raises(StartError, match="--resume goes on, --overwrite begins anew"):
        opened(names)
    with closing(opened(names, overwrite=True)) as output:
        assert output.state.position is None
    assert files(names) == {}


def test_a_run_that_never_came_to_its_first_rows_leaves_nothing(names: Names) -> None:
    opened(names).close()
    assert files(names) == {}


def test_a_run_about_something_else_does_not_go_on(names: Names) -> None:
    run(names, 2)
    with pytest.raises(StartError, match="cannot go on: model changed since"):
        begin(names, {**IDENTITY, "model": ["gru/1", "abd"]}, resume=True, overwrite=False)


def test_a_checkpoint_that_is_damaged_is_said(names: Names) -> None:
    for damaged in ("", "[]", json.dumps({"position": None})):
        names.checkpoint.write_text(damaged)
        with pytest.raises(StartError, match="cannot be read; begin anew with --overwrite"):
            opened(names, resume=True)


def test_an_output_that_lost_its_end_does_not_go_on(names: Names) -> None:
    run(names, 2)
    names.partial.write_bytes(b"")
    with pytest.raises(StartError, match="is shorter than it was"):
        opened(names, resume=True)
    names.partial.unlink()
    with pytest.raises(StartError, match="is gone; begin anew"):
        opened(names, resume=True)


def test_two_runs_never_write_the_same_file(names: Names) -> None:
    with closing(opened(names)), pytest.raises(StartError, match="another run writes"):
        opened(names)


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    names = Names(tmp_path / "nowhere" / "out", tmp_path / "rejected")
    with pytest.raises(StartError, match="cannot be written: No such file"):
        FileOutput(names, Checkpoint({}), b"")
