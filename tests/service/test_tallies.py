import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import choose_encoder

from service.exposition import Exposition
from service.ledger import PrivateLedger
from service.tallies import CounterFamily, Declared, GaugeFamily, HistogramFamily

BOUNDS = (0.1, 1, 2.5)
VALUES = (0.05, 0.1, 0.100001, 1, 2, 2.5, 3, 100)
LEDGER = PrivateLedger()
REQUESTS = Declared("requests_total", "Requests.", ("model",))


def exposed(registry: CollectorRegistry) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_created" not in line]


class Catalogue:
    """A few metrics and the registry that shows them."""

    def __init__(self) -> None:
        ledger = PrivateLedger()
        exposition = Exposition(ledger)
        self.counter = exposition.add(CounterFamily(ledger, REQUESTS))
        self.histogram = exposition.add(HistogramFamily(ledger, Declared("wait_seconds", "Waits.", ("model",)), BOUNDS))
        self.gauge = exposition.add(GaugeFamily(ledger, Declared("depth", "Depth.", ("model",)), "sum"))
        self.registry = CollectorRegistry()
        self.registry.register(exposition)


def test_they_are_exposed_exactly_as_those_of_the_library() -> None:
    ours, theirs = Catalogue(), CollectorRegistry()
    their_counter = Counter("requests_total", "Requests.", ["model"], registry=theirs)
    their_histogram = Histogram("wait_seconds", "Waits.", ["model"], registry=theirs, buckets=BOUNDS)
    their_gauge = Gauge("depth", "Depth.", ["model"], registry=theirs)
    for value in VALUES:
        ours.counter.labels("gru").add(value)
        their_counter.labels("gru").inc(value)
        ours.histogram.labels("gru").observe(value)
        their_histogram.labels("gru").observe(value)
        ours.gauge.labels("gru").set(value)
        their_gauge.labels("gru").set(value)
    assert exposed(ours.registry) == exposed(theirs)


def test_open_metrics_takes_them_too() -> None:
    ours = Catalogue()
    ours.counter.labels("gru").add()
    ours.histogram.labels("gru").observe(1)
    generate_openmetrics, _ = choose_encoder("application/openmetrics-text")
    page = generate_openmetrics(ours.registry)
    assert b'requests_total{model="gru"} 1.0' in page
    assert b'wait_seconds_bucket{le="1.0",model="gru"} 1.0' in page


def test_the_wrong_number_of_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="requests_total has the labels"):
        CounterFamily(LEDGER, REQUESTS).labels("gru", "1")


def test_series_are_dropped_by_their_first_labels_and_go_on_where_they_were() -> None:
    ours = Catalogue()
    ours.counter.labels("gru").add(3)
    ours.counter.labels("lstm").add(4)
    ours.counter.remove("gru")
    assert ours.registry.get_sample_value("requests_total", {"model": "gru"}) is None
    assert ours.registry.get_sample_value("requests_total", {"model": "lstm"}) == 4
    ours.counter.labels("gru").add()
    assert ours.registry.get_sample_value("requests_total", {"model": "gru"}) == 4


def test_a_gauge_with_a_function_is_asked_when_it_is_collected_and_forgets_it_with_its_series() -> None:
    ours = Catalogue()
    waiting = [1, 2]
    ours.gauge.labels("gru").set_function(lambda: len(waiting))
    assert ours.registry.get_sample_value("depth", {"model": "gru"}) == 2
    waiting.append(3)
    assert ours.registry.get_sample_value("depth", {"model": "gru"}) == 3
    ours.gauge.remove("gru")
    waiting.append(4)
    ours.gauge.labels("gru")
    assert ours.registry.get_sample_value("depth", {"model": "gru"}) == 3
