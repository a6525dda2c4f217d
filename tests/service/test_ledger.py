import json
import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.ledger import SUPERVISOR, Entry, Kept, Ledger, Page, PrivateLedger, Series, SharedLedger


def series(name: str, *labels: str, values: int = 1, kept: Kept = "always") -> Series:
    return Series(name, labels, 1 + values, kept)


def values(page: Page) -> dict[str, list[float]]:
    return {entry.series.name: entry.cells for entry in page.entries}


@pytest.fixture(params=["private", "shared"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    return PrivateLedger() if request.param == "private" else SharedLedger(tmp_path, 1)


def test_what_is_written_can_be_read_at_once(ledger: Ledger) -> None:
    cells = ledger.reserve(series("requests", "gru", "한국어"))
    assert list(cells) == [0, 0]
    cells[0], cells[1] = 1, 0.1 + 0.2
    assert ledger.read() == [Page(True, [Entry(series("requests", "gru", "한국어"), [1, 0.1 + 0.2])])]


def test_every_series_has_cells_of_its_own(ledger: Ledger) -> None:
    reserved = [ledger.reserve(series(f"s{number}", values=number % 40)) for number in range(2_000)]
    for number, cells in enumerate(reserved):
        for place in range(len(cells)):
            cells[place] = number
    [page] = ledger.read()
    assert [entry.cells for entry in page.entries] == [[n] * (1 + n % 40) for n in range(2_000)]


def test_a_process_reads_what_the_others_write(tmp_path: Path) -> None:
    one, other = SharedLedger(tmp_path, 1), SharedLedger(tmp_path, 2)
    one.reserve(series("requests"))[1] = 3
    other.reserve(series("requests"))[1] = 4
    for ledger in (one, other):
        assert [values(page) for page in ledger.read()] == [{"requests": [0, 3]}, {"requests": [0, 4]}]


WRITER = """
import os, sys
from pathlib import Path
from service.ledger import Series, SharedLedger
cells = SharedLedger(Path(sys.argv[1]), 1).reserve(Series("requests", (), 2, "always"))
for _ in range(1000):
    cells[1] += 1
os.kill(os.getpid(), 9)
"""


def test_what_a_process_wrote_survives_its_being_killed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=False, timeout=30)
    [page] = SharedLedger(tmp_path, 2).read()[:1]
    assert values(page) == {"requests": [0, 1000]}


def torn(line: bytes) -> bytes:
    return line[:-1]


def halved(line: bytes) -> bytes:
    return line[: len(line) // 2]


@pytest.mark.parametrize("damage", [torn, halved])
def test_a_key_that_was_half_written_when_its_process_was_killed_is_left_out(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    ledger = SharedLedger(tmp_path, 1)
    ledger.reserve(series("whole"))[1] = 5
    keys = tmp_path / "1.keys"
    before = keys.stat().st_size
    ledger.reserve(series("half"))
    content = keys.read_bytes()
    keys.write_bytes(content[:before] + damage(content[before:]))
    supervisor = SharedLedger(tmp_path, SUPERVISOR)
    assert [values(page) for page in supervisor.read()] == [{}, {"whole": [0, 5]}]
    supervisor.fold(1)
    assert [values(page) for page in supervisor.read()] == [{"whole": [1, 5]}]


def test_a_process_that_was_killed_before_it_wrote_anything_leaves_an_empty_page(tmp_path: Path) -> None:
    (tmp_path / "1.keys").touch()
    (tmp_path / "1.cells").touch()
    supervisor = SharedLedger(tmp_path, SUPERVISOR)
    assert [len(page.entries) for page in supervisor.read()] == [0, 0]
    supervisor.fold(1)
    supervisor.fold(2)
    assert len(supervisor.read()) == 1


def test_the_dead_are_added_up_and_leave_no_files(tmp_path: Path) -> None:
    supervisor = SharedLedger(tmp_path, SUPERVISOR)
    for number in range(1, 101):
        worker = SharedLedger(tmp_path, number)
        cells = worker.reserve(series("requests", "gru"))
        cells[0], cells[1] = 1, number
        worker.reserve(series(f"only-{number % 3}", values=3))[3] = 1
        supervisor.fold(number)
        del worker, cells
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.cells", "0.keys"]
    [page] = supervisor.read()
    assert not page.worker
    assert values(page) == {
        "requests": [1, 5050],
        "only-0": [1, 0, 0, 33],
        "only-1": [1, 0, 0, 34],
        "only-2": [1, 0, 0, 33],
    }


def test_of_the_dead_gauges_are_dropped_and_what_belongs_to_a_version_waits_until_somebody_shows_it(
    tmp_path: Path,
) -> None:
    worker = SharedLedger(tmp_path, 1)
    for kept in ("always", "while_served", "never"):
        cells = worker.reserve(Series(kept, (), 2, kept))
        cells[0], cells[1] = 1, 7
    supervisor = SharedLedger(tmp_path, SUPERVISOR)
    supervisor.fold(1)
    assert values(supervisor.read()[0]) == {"always": [1, 7], "while_served": [0, 7]}


def test_nobody_reads_in_the_middle_of_a_fold(tmp_path: Path) -> None:
    """Folding pages while another process reads: the sum is the same at every moment."""
    supervisor = SharedLedger(tmp_path, SUPERVISOR)
    for number in range(1, 201):
        SharedLedger(tmp_path, number).reserve(series("requests"))[1] = 1
    command = [sys.executable, "-c", READER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout
        sums = [reader.stdout.readline()]
        for number in range(1, 201):
            supervisor.fold(number)
            if number % 40 == 0:  # the reader is to keep up, however busy the machine is
                sums.append(reader.stdout.readline())
        output, _ = reader.communicate(timeout=30)
    assert {*sums, *output.splitlines(keepends=True)} == {"200\n"}


READER = """
import sys
from pathlib import Path
from service.ledger import SharedLedger
ledger = SharedLedger(Path(sys.argv[1]), 1000)
pages = [None] * 3
while len(pages) > 2:
    pages = ledger.read()
    print(int(sum(entry.cells[1] for page in pages for entry in page.entries)), flush=True)
"""


def test_threads_may_make_series_at_the_same_time(tmp_path: Path) -> None:
    ledger = SharedLedger(tmp_path, 1)

    def fill(thread: int) -> None:
        for number in range(300):
            ledger.reserve(series(f"{thread}-{number}", values=20))[20] = thread

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, range(1, 5)))
    assert {name: cells[20] for name, cells in values(ledger.read()[0]).items()} == {
        f"{thread}-{number}": thread for thread in range(1, 5) for number in range(300)
    }


def test_numbers_lie_where_one_store_writes_each(tmp_path: Path) -> None:
    ledger = SharedLedger(tmp_path, 1)
    for number in range(100):
        ledger.reserve(series(f"s{number}", values=number % 5))
    lines = [json.loads(line) for line in (tmp_path / "1.keys").read_bytes().splitlines()]
    assert [first for *_, first in lines] == sorted({first for *_, first in lines})
    assert (tmp_path / "1.cells").stat().st_size % mmap.ALLOCATIONGRANULARITY == 0


def test_a_full_disk_is_an_error_where_a_series_is_made_and_damages_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = SharedLedger(tmp_path, 1)
    ledger.reserve(series("before"))[1] = 1
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:5]))
        with pytest.raises(OSError, match="No space left"):
            ledger.reserve(series("full"))
    ledger.reserve(series("after"))[1] = 2
    assert values(ledger.read()[0]) == {"before": [0, 1], "after": [0, 2]}


def test_a_hidden_page_is_read_only_when_it_is_shown_and_removed_if_it_never_was(tmp_path: Path) -> None:
    supervisor = SharedLedger(tmp_path, SUPERVISOR)
    for number in (1, 2):
        SharedLedger(tmp_path, number, hidden=True).reserve(Series("asked", (), 2, "always"))[1] = 5
    assert len(supervisor.read()) == 1
    supervisor.show(1)
    supervisor.show(SUPERVISOR)  # was never hidden
    assert [entry.cells for page in supervisor.read() for entry in page.entries] == [[0, 5]]
    supervisor.fold(1)
    supervisor.fold(2)
    assert [entry.cells for page in supervisor.read() for entry in page.entries] == [[1, 5]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.cells", "0.keys"]
