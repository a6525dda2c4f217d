import threading

from service.store.database import Database
from service.store.phases import open_phase, read_phases


def test_same_fingerprint_keeps_the_phase_and_another_opens_the_next(database: Database) -> None:
    numbers = [open_phase(database, "e", fingerprint, {}, 1.0) for fingerprint in ("a", "a", "b", "b", "a")]
    assert numbers == [1, 1, 2, 2, 3]


def test_experiments_are_numbered_apart(database: Database) -> None:
    open_phase(database, "e", "a", {}, 1.0)
    open_phase(database, "e", "b", {}, 1.0)
    assert open_phase(database, "f", "b", {}, 1.0) == 1


def test_phases_are_read_as_they_were_opened(database: Database) -> None:
    open_phase(database, "e", "a", {"이름": [1, 0.5]}, 1.0)
    open_phase(database, "e", "b", {}, 2.0)
    open_phase(database, "e", "b", {"ignored": True}, 3.0)
    assert [tuple(phase) for phase in read_phases(database, "e")] == [
        (1, "a", {"이름": [1, 0.5]}, 1.0),
        (2, "b", {}, 2.0),
    ]
    assert read_phases(database, "f") == []


def test_all_who_open_a_phase_at_once_get_the_same_number(database: Database) -> None:
    together = threading.Barrier(4)
    numbers: list[int] = []

    def open_it(fingerprint: str) -> None:
        together.wait()
        numbers.append(open_phase(database, "e", fingerprint, {}, 1.0))

    for round_number in range(5):
        threads = [threading.Thread(target=open_it, args=(f"round-{round_number}",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(numbers) == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4
