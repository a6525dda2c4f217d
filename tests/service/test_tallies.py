import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import choose_encoder

from service.tallies import CounterFamily, HistogramFamily

BOUNDS = (0.1, 1, 2.5)
VALUES = (0.05, 0.1, 0.100001, 1, 2, 2.5, 3, 100)


def exposed(registry: CollectorRegistry) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_created" not in line]


def test_they_are_exposed_exactly_as_those_of_the_library() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counter = CounterFamily("requests_total", "Requests.", ("model",))
    histogram = HistogramFamily("wait_seconds", "Waits.", ("model",), BOUNDS)
    ours.register(counter)
    ours.register(histogram)
    their_counter = Counter("requests_total", "Requests.", ["model"], registry=theirs)
    their_histogram = Histogram("wait_seconds", "Waits.", ["model"], registry=theirs, buckets=BOUNDS)
    for value in VALUES:
        counter.labels("gru").add(value)
        their_counter.labels("gru").inc(value)
        histogram.labels("gru").observe(value)
        their_histogram.labels("gru").observe(value)
    assert exposed(ours) == exposed(theirs)


def test_open_metrics_takes_them_too() -> None:
    registry = CollectorRegistry()
    counter = CounterFamily("requests_total", "Requests.", ())
    registry.register(counter)
    counter.labels().add()
    generate_openmetrics, _ = choose_encoder("application/openmetrics-text")
    assert b"requests_total 1.0" in generate_openmetrics(registry)


def test_a_name_can_be_taken_only_once() -> None:
    registry = CollectorRegistry()
    registry.register(CounterFamily("requests_total", "Requests.", ()))
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(CounterFamily("requests_total", "Requests.", ()))


def test_the_wrong_number_of_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="requests_total has the labels"):
        CounterFamily("requests_total", "Requests.", ("model",)).labels("gru", "1")


def test_series_are_dropped_by_their_first_labels() -> None:
    family = CounterFamily("requests_total", "Requests.", ("model", "version", "label"))
    for version in ("1", "2"):
        family.labels("gru", version, "positive")
    family.remove("gru", "1")
    [metric] = family.collect()
    assert [sample.labels["version"] for sample in metric.samples] == ["2"]
