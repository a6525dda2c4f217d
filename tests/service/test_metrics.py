from prometheus_client import generate_latest
from prometheus_client.exposition import choose_encoder

from model_store.encoder import Encoded
from model_store.layout import VersionRef
from service.metrics import Metrics

GRU = VersionRef("gru", 2)


def samples(metrics: Metrics) -> dict[str, float]:
    lines = generate_latest(metrics.registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_every_series_of_a_version_is_there_before_its_first_request() -> None:
    metrics = Metrics()
    metrics.for_model(GRU, ["negative", "positive"])
    found = samples(metrics)
    assert found['sentiment_requests_total{model="gru",version="2"}'] == 0
    for label in ("negative", "positive"):
        assert found[f'sentiment_predictions_total{{label="{label}",model="gru",role="served",version="2"}}'] == 0
    for kind in ("model_error", "bad_output"):
        name = f'sentiment_inference_failures_total{{error_type="{kind}",model="gru",role="served",version="2"}}'
        assert found[name] == 0
    for reason in ("invalid_json", "invalid_field", "empty", "too_long", "too_large"):
        assert found[f'sentiment_input_rejected_total{{reason="{reason}"}}'] == 0


def test_one_text_counts_once_everywhere() -> None:
    metrics = Metrics()
    metrics.for_model(GRU, ["negative", "positive"]).record(1, 0.93, Encoded([5, 1, 1, 9], 2, True))
    found = samples(metrics)
    assert found['sentiment_predictions_total{label="positive",model="gru",role="served",version="2"}'] == 1
    assert found['sentiment_confidence_sum{model="gru",version="2"}'] == 0.93
    assert found['sentiment_input_tokens_sum{model="gru",version="2"}'] == 4
    assert found['sentiment_input_oov_tokens_total{model="gru",version="2"}'] == 2
    assert found['sentiment_input_truncated_total{model="gru",version="2"}'] == 1


def test_a_version_that_is_forgotten_leaves_no_series() -> None:
    metrics = Metrics()
    metrics.for_model(GRU, ["negative", "positive"])
    metrics.for_model(VersionRef("gru", 3), ["negative", "positive"])
    metrics.model_loaded.labels("gru", "2").set(1)
    metrics.model_info.labels("gru", "2", "digest", "onnx", "cpu").set(1)
    metrics.forget(GRU)
    found = samples(metrics)
    assert not [name for name in found if 'version="2"' in name]
    assert [name for name in found if 'version="3"' in name]


def test_two_applications_in_one_process_do_not_share_metrics() -> None:
    one, other = Metrics(), Metrics()
    one.for_model(GRU, ["negative", "positive"]).requests.add()
    assert 'sentiment_requests_total{model="gru",version="2"}' not in samples(other)


def test_there_is_no_created_series_in_either_format() -> None:
    metrics = Metrics()
    metrics.for_model(GRU, ["negative", "positive"])
    assert b"_created" not in generate_latest(metrics.registry)
    generate_openmetrics, _ = choose_encoder("application/openmetrics-text")
    assert b"_created" not in generate_openmetrics(metrics.registry)


def test_three_versions_stay_within_the_budget_of_series() -> None:
    metrics = Metrics()
    for number in range(3):
        metrics.for_model(VersionRef("gru", number + 1), ["negative", "positive"])
    assert len(samples(metrics)) < 500
