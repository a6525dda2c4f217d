import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service import recycling as module
from service.growth import resident_bytes
from service.ledger import SUPERVISOR, SharedLedger
from service.place import RECYCLES, Place
from service.recycling import Recycling, supervised
from service.settings import Settings
from service.slots import Slot, Worker


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, False),
        ({"workers": 2}, True),
        ({"workers": 2, "recycle_memory_mb": 0}, True),
        ({"engine": "onnx"}, False),
        ({"engine": "tensorflow"}, True),
        ({"device": "gpu"}, True),
        ({"engine": "tensorflow", "recycle_memory_mb": 0}, False),
    ],
)
def test_workers_answer_where_there_are_several_or_one_that_will_grow(chosen: dict[str, Any], expected: bool) -> None:
    assert supervised(Settings(**chosen)) is expected


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-c", "kept = b'x' * 2**25; print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


def worker(process: "subprocess.Popen[bytes]", cell: int = 0) -> Worker:
    return Worker(Place("3", 4, 5, "", cell, 1, 0), process, -1)


def counted(ledger: SharedLedger) -> dict[str, float]:
    [page] = ledger.read()
    return {entry.series.labels[0]: entry.cells[1] for entry in page.entries if entry.series.name == RECYCLES}


def test_it_waits_for_room_for_what_a_new_one_takes_and_counts_that_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process: "subprocess.Popen[bytes]"
) -> None:
    ledger = SharedLedger(tmp_path, SUPERVISOR)
    allowed_mb = 10
    recycling, grown = Recycling(ledger, allowed_mb), worker(process)
    new = resident_bytes(process.pid) - allowed_mb * 2**20
    free: int | None = new - 5 * 2**20
    monkeypatch.setattr(module, "free_bytes", lambda: free)
    assert not recycling.may_begin(grown)
    assert not recycling.may_begin(grown)
    assert counted(ledger) == {"replaced": 0, "postponed": 1}
    free = new + 5 * 2**20
    assert recycling.may_begin(grown)
    free = None  # nobody knows
    assert recycling.may_begin(grown)
    recycling.ended(grown)
    assert counted(ledger) == {"replaced": 1, "postponed": 1}


def test_two_of_one_slot_never_tell_their_connections_in_the_same_cell(process: "subprocess.Popen[bytes]") -> None:
    slot = Slot(1)
    assert slot.cell(3) == 1
    slot.worker = worker(process, 1)
    assert slot.cell(3) == 4
    slot.worker = worker(process, 4)
    assert slot.cell(3) == 1


def test_a_place_goes_to_the_heir(process: "subprocess.Popen[bytes]") -> None:
    first, second = worker(process, 0), worker(process, 1)
    slot = Slot(0, first, second)
    assert slot.workers == [first, second]
    slot.vacate(first)
    assert slot.workers == [second]
    assert slot.worker is second
    slot = Slot(0, first, second)
    slot.vacate(second)
    assert slot.workers == [first]
    assert slot.worker is first
