from service.metrics import Metrics
from service.store.counters import StoreCounters
from service.store.tallies import DURATION_BOUNDS_S, WriterTallies


class FakeStorage:
    """A writer with three rows in hand."""

    def __init__(self) -> None:
        self.tallies = WriterTallies(written=10, failed=2)
        self.waiting = 3

    @classmethod
    def idle(cls) -> "FakeStorage":
        """Return one that has nothing to do."""
        storage = cls()
        storage.tallies, storage.waiting = WriterTallies(), 0
        return storage


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return what is exported of the store: name and values of labels -> value."""
    return {
        (sample.name.removeprefix("sentiment_store_"), *sample.labels.values()): sample.value
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if sample.name.startswith("sentiment_store_")
    }


def test_what_the_writer_counts_is_shown_as_it_is_now() -> None:
    metrics, storage = Metrics(), FakeStorage()
    StoreCounters(metrics, [storage, FakeStorage.idle()])
    first = samples(metrics)
    storage.tallies.written += 5
    storage.waiting = 0
    second = samples(metrics)
    assert [found["rows_total", result] for found in (first, second) for result in ("written", "failed")] == [
        *(10, 2),
        *(15, 2),
    ]
    assert (first["queue_length",], second["queue_length",]) == (3, 0)


def test_transactions_are_shown_by_their_duration() -> None:
    metrics, storage = Metrics(), FakeStorage()
    StoreCounters(metrics, [storage, FakeStorage.idle()])
    assert samples(metrics)["write_duration_seconds_count",] == 0
    for seconds in (0.0004, 0.003, 0.003, 60.0):
        storage.tallies.time(seconds)
    found = samples(metrics)
    buckets = [found["write_duration_seconds_bucket", str(bound)] for bound in DURATION_BOUNDS_S[:4]]
    assert buckets == [1, 1, 1, 3]
    assert found["write_duration_seconds_count",] == 4
    assert abs(found["write_duration_seconds_sum",] - 60.0064) < 1e-9


def test_all_of_it_is_there_before_anything_is_stored() -> None:
    metrics = Metrics()
    storage = FakeStorage()
    storage.tallies, storage.waiting = WriterTallies(), 0
    StoreCounters(metrics, [storage, FakeStorage.idle()])
    assert set(samples(metrics).values()) == {0}
    assert len(samples(metrics)) == 3 + len(DURATION_BOUNDS_S) + 3 + 0
