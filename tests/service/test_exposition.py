from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from model_store.layout import VersionRef
from service.exposition import Exposition
from service.ledger import SUPERVISOR, PrivateLedger, SharedLedger
from service.metrics import Metrics
from service.tallies import Combine, CounterFamily, Declared, GaugeFamily

GRU = VersionRef("gru", 1)
LABELS = {"model": "gru", "version": "1"}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    metrics.exposition.publish()
    return metrics.registry.get_sample_value(name, labels)


class Workers:
    """Metrics of several workers in one process."""

    def __init__(self, directory: Path, number: int) -> None:
        self.directory = directory
        self.supervisor = SharedLedger(directory, SUPERVISOR)
        self.started = 0
        self.alive = [self.start() for _ in range(number)]

    def start(self) -> Metrics:
        self.started += 1
        return Metrics(SharedLedger(self.directory, self.started))

    def replace_first(self) -> None:
        """Let the first worker die and another take its place at the end."""
        self.supervisor.fold(self.started - len(self.alive) + 1)
        self.alive = [*self.alive[1:], self.start()]


@pytest.fixture
def two(tmp_path: Path) -> Workers:
    return Workers(tmp_path, 2)


def test_whichever_worker_is_asked_it_shows_what_all_of_them_counted(two: Workers) -> None:
    for number, metrics in enumerate(two.alive, 1):
        version = metrics.for_model(GRU, ["negative", "positive"])
        version.requests.add(number)
        for seconds in (0.003, 0.2) * number:
            version.inference.observe(seconds)
    for metrics in two.alive:
        assert value(metrics, "sentiment_requests_total", **LABELS) == 3
        served = {**LABELS, "role": "served"}
        assert value(metrics, "sentiment_inference_duration_seconds_count", **served) == 6
        assert value(metrics, "sentiment_inference_duration_seconds_bucket", **served, le="0.005") == 3
        assert value(metrics, "sentiment_inference_duration_seconds_sum", **served) == pytest.approx(0.609)


def test_a_worker_on_its_own_page_would_show_only_its_part(two: Workers) -> None:
    one, other = two.alive
    one.http_duration.labels("POST", "/predict", "200").observe(0.1)
    alone = Metrics(PrivateLedger())
    labels = {"http_request_method": "POST", "http_route": "/predict", "http_response_status_code": "200"}
    assert value(other, "http_server_request_duration_seconds_count", **labels) == 1
    assert value(alone, "http_server_request_duration_seconds_count", **labels) is None


def test_what_dead_workers_counted_stays_through_a_hundred_deaths(two: Workers) -> None:
    counted = 0.0
    for _ in range(100):
        for metrics in two.alive:
            metrics.for_model(GRU, ["negative", "positive"]).requests.add()
            metrics.rejected["empty"].add()
        counted += 2
        two.replace_first()
        for metrics in two.alive:
            assert value(metrics, "sentiment_input_rejected_total", reason="empty") == counted
        assert value(two.alive[0], "sentiment_requests_total", **LABELS) == counted
    assert len(list(two.directory.iterdir())) == 6


def test_a_version_is_shown_for_as_long_as_one_worker_serves_it_and_never_goes_down(two: Workers) -> None:
    one, other = two.alive
    for metrics in two.alive:
        metrics.for_model(GRU, ["negative", "positive"]).requests.add(5)
    one.forget(GRU)
    assert value(one, "sentiment_requests_total", **LABELS) == 10
    other.forget(GRU)
    for metrics in two.alive:
        assert value(metrics, "sentiment_requests_total", **LABELS) is None
    other.for_model(GRU, ["negative", "positive"])
    assert value(one, "sentiment_requests_total", **LABELS) == 10


def test_of_a_version_that_nobody_serves_any_longer_a_dead_worker_leaves_nothing_to_be_seen(two: Workers) -> None:
    two.alive[0].for_model(GRU, ["negative", "positive"]).requests.add(5)
    two.replace_first()
    assert value(two.alive[0], "sentiment_requests_total", **LABELS) is None
    two.alive[1].for_model(GRU, ["negative", "positive"])
    assert value(two.alive[0], "sentiment_requests_total", **LABELS) == 5


@pytest.mark.parametrize(
    ("combine", "combined", "with_a_third_that_has_none"),
    [("sum", 5, 5), ("min", 2, 2), ("max", 3, 3), ("every", 2, 0)],
)
def test_gauges_become_one_as_they_are_declared(
    tmp_path: Path, combine: Combine, combined: float, with_a_third_that_has_none: float
) -> None:
    def shown(ledger: SharedLedger) -> float | None:
        exposition = Exposition(ledger)
        exposition.add(GaugeFamily(ledger, Declared("depth", "Depth."), combine))
        registry = CollectorRegistry()
        registry.register(exposition)
        return registry.get_sample_value("depth")

    for number, depth in ((1, 2), (2, 3)):
        ledger = SharedLedger(tmp_path, number)
        GaugeFamily(ledger, Declared("depth", "Depth."), combine).labels().set(depth)
    SharedLedger(tmp_path, SUPERVISOR)
    assert shown(ledger) == combined
    assert shown(SharedLedger(tmp_path, 3)) == with_a_third_that_has_none


def test_a_version_counts_as_loaded_once_every_worker_serves_it(two: Workers) -> None:
    one, other = two.alive
    one.model_loaded.labels("gru", "1").set(1)
    assert value(one, "sentiment_model_loaded", **LABELS) == 0
    other.model_loaded.labels("gru", "1").set(1)
    assert value(one, "sentiment_model_loaded", **LABELS) == 1


def test_what_processes_use_is_added_up(two: Workers) -> None:
    one, other = two.alive
    own = [one.exposition.publish, other.exposition.publish]
    for publish in own:
        publish()
    alone = Metrics()
    for name in ("process_resident_memory_bytes", "process_open_fds"):
        single = value(alone, name)
        assert single
        assert value(one, name) == pytest.approx(2 * single, rel=0.3)
    assert value(one, "process_start_time_seconds") == value(alone, "process_start_time_seconds")
    before = value(one, "process_cpu_seconds_total") or 0
    assert before > 0
    two.replace_first()
    assert (value(two.alive[0], "process_cpu_seconds_total") or 0) >= before


def test_a_name_can_be_taken_only_once() -> None:
    ledger = PrivateLedger()
    exposition = Exposition(ledger)
    exposition.add(CounterFamily(ledger, Declared("requests_total", "Requests.")))
    with pytest.raises(ValueError, match="Duplicated"):
        exposition.add(CounterFamily(ledger, Declared("requests_total", "Requests.")))
