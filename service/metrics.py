"""Every Prometheus metric of the service, declared once, on a registry of its own.

A gauge says at its declaration how those of several workers become one; everything else only grows and is added up.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from typing import get_args

from prometheus_client import CollectorRegistry

from model_store.encoder import Encoded
from model_store.layout import VersionRef
from service import __version__
from service.errors import FailureType, RejectedReason
from service.exposition import Exposition
from service.ledger import Kept, Ledger, PrivateLedger
from service.place import RECYCLES, WORKER_RESTARTS
from service.resources import Resources
from service.tallies import Combine, Counter, CounterFamily, Declared, GaugeFamily, Histogram, HistogramFamily
from service.telemetry.observes import Observes

SERVED = "served"
"""The role of a version whose answer the client gets."""

SHADOW = "shadow"
"""The role of a version that scores beside the one that answers."""

STAGES = ("parse", "encode", "queue", "serialize")
"""What a request goes through beside the call of the model, which has a histogram of its own."""

LATENCY_S = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2.5)
"""Bounds of the histograms of latency; an experiment can watch the share of answers above one of them."""

_HTTP_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1, 5)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_TOKENS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_CONFIDENCE = (0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)

_VERSION = ("model", "version")
_ROLE = (*_VERSION, "role")


@dataclass(frozen=True, slots=True)
class ShadowMetrics:
    """What is counted of a version while it scores beside the one that answers; written by the observer's thread."""

    predictions: Sequence[Counter]
    inference: Histogram
    failures: dict[FailureType, Counter]


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """The counters and histograms of one version, looked up once when it is loaded.

    `predictions` stands in the order of the version's labels.
    """

    requests: Counter
    queue_s: Histogram
    predictions: Sequence[Counter]
    inference: Histogram
    batch_size: Histogram
    confidence: Histogram
    tokens: Histogram
    unknown_tokens: Counter
    truncated: Counter
    failures: dict[FailureType, Counter]
    shadow: ShadowMetrics

    def record(self, label: int, confidence: float, encoded: Encoded) -> None:
        """Count one answered text: the index of its label, its probability (0 to 1), and what the model saw."""
        self.predictions[label].add()
        self.confidence.observe(confidence)
        self.tokens.observe(len(encoded.ids))
        self.unknown_tokens.add(encoded.unknown)
        if encoded.truncated:
            self.truncated.add()


class Metrics:
    """The catalogue. Label values come from closed sets only: never from what a caller sent.

    Args:
        ledger: where numbers are written down; in the memory of this process if None.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._ledger = ledger or PrivateLedger()
        self.exposition = Exposition(self._ledger)
        Resources(self._ledger, self.exposition)
        self._declare_process()
        self._declare_http()
        self._declare_answers()
        self._declare_inputs()
        self._declare_models()
        self.registry = CollectorRegistry()
        self.registry.register(self.exposition)

    def _declare_process(self) -> None:
        self.counter(WORKER_RESTARTS, "Workers that died and were replaced.", ()).labels()
        recycles = self.counter(RECYCLES, "Workers that had grown, replaced or with no room to be.", ("result",))
        for result in ("replaced", "postponed"):
            recycles.labels(result)
        self.gauge(
            "sentiment_build_info",
            "Always 1; what is running.",
            ("version", "python", "onnxruntime", "tensorflow"),
            "max",
        ).labels(__version__, platform.python_version(), *map(installed, ("onnxruntime", "tensorflow"))).set(1)

    def _declare_http(self) -> None:
        self.active_requests = self.gauge(
            "http_server_active_requests", "Requests being answered.", ("http_request_method",), "sum"
        )
        self.http_duration = self.histogram(
            "http_server_request_duration_seconds",
            "Time from the request's headers to the answer's last byte.",
            ("http_request_method", "http_route", "http_response_status_code"),
            _HTTP_S,
        )
        stages = self.histogram(
            "sentiment_stage_duration_seconds", "Time in each stage of POST /predict.", ("stage",), LATENCY_S
        )
        parse_s, encode_s, self.queue_s, serialize_s = map(stages.labels, STAGES)
        self.parse_s: Observes = parse_s
        self.encode_s: Observes = encode_s
        self.serialize_s: Observes = serialize_s

    def _declare_answers(self) -> None:
        self._requests = self.counter("sentiment_requests_total", "Requests that this version took on.", _VERSION)
        self._predictions = self.counter(
            "sentiment_predictions_total", "Texts by the label they got.", (*_ROLE, "label")
        )
        self._inference = self.histogram(
            "sentiment_inference_duration_seconds", "Time of one call of the model, for one batch.", _ROLE, LATENCY_S
        )
        self._batch_size = self.histogram("sentiment_batch_size", "Texts in one call of the model.", _VERSION, _ROWS)
        self._confidence = self.histogram(
            "sentiment_confidence", "Probability of the label that was given.", _VERSION, _CONFIDENCE
        )
        self._failures = self.counter(
            "sentiment_inference_failures_total", "Texts that the model failed on.", (*_ROLE, "error_type")
        )
        self.pending_requests = self.gauge(
            "sentiment_pending_requests", "Texts waiting for this version or being scored by it.", _VERSION, "sum"
        )

    def _declare_inputs(self) -> None:
        # A counter sentiment_input_tokens_total would be the histogram's _sum under a name that collides with it.
        self._tokens = self.histogram("sentiment_input_tokens", "Tokens of a text.", _VERSION, _TOKENS)
        self._unknown = self.counter(
            "sentiment_input_oov_tokens_total", "Tokens that the version's encoder does not know.", _VERSION
        )
        self._truncated = self.counter(
            "sentiment_input_truncated_total", "Texts of which the version saw only the beginning.", _VERSION
        )
        rejected = self.counter("sentiment_input_rejected_total", "Requests refused for their body.", ("reason",))
        self.rejected: dict[RejectedReason, Counter] = {
            reason: rejected.labels(reason) for reason in get_args(RejectedReason)
        }

    def _declare_models(self) -> None:
        self.model_loaded = self.gauge(
            "sentiment_model_loaded", "1 while the version can be served, by every worker.", _VERSION, "every"
        )
        self.model_refused = self.gauge(
            "sentiment_model_refused", "1 if the version was refused; GET /models says why.", _VERSION, "max"
        )
        self.model_load_duration = self.gauge(
            "sentiment_model_load_duration_seconds", "Time it took to verify, load, prove and warm it.", _VERSION, "max"
        )
        self.model_info = self.gauge(
            "sentiment_model_info",
            "Always 1; what is served, and how.",
            (*_VERSION, "digest", "engine", "device"),
            "max",
        )
        self.tensorflow_traces = self.gauge(
            "sentiment_tensorflow_traces", "Graphs traced by TensorFlow so far; constant once ready.", (), "sum"
        ).labels()

    def for_model(self, ref: VersionRef, labels: Sequence[str]) -> ModelMetrics:
        """Create every series of a version, at zero, so that ratios over them are never absent."""
        model = (ref.name, str(ref.version))
        served, shadow = (*model, SERVED), (*model, SHADOW)
        return ModelMetrics(
            requests=self._requests.labels(*model),
            queue_s=self.queue_s,
            predictions=[self._predictions.labels(*served, label) for label in labels],
            inference=self._inference.labels(*served),
            batch_size=self._batch_size.labels(*model),
            confidence=self._confidence.labels(*model),
            tokens=self._tokens.labels(*model),
            unknown_tokens=self._unknown.labels(*model),
            truncated=self._truncated.labels(*model),
            failures={kind: self._failures.labels(*served, kind) for kind in get_args(FailureType)},
            shadow=ShadowMetrics(
                predictions=[self._predictions.labels(*shadow, label) for label in labels],
                inference=self._inference.labels(*shadow),
                failures={kind: self._failures.labels(*shadow, kind) for kind in get_args(FailureType)},
            ),
        )

    def reject(self, reason: RejectedReason) -> None:
        """Count a body that was not taken."""
        self.rejected[reason].add()

    def forget(self, ref: VersionRef) -> None:
        """Show the series of a version no longer; if it comes back, they go on where they were."""
        for family in self.exposition.families:
            if family.label_names[:2] == _VERSION:
                family.remove(ref.name, str(ref.version))

    def counter(self, name: str, documentation: str, labels: Sequence[str]) -> CounterFamily:
        """Declare a counter; its name ends in `_total`."""
        declared = Declared(name, documentation, labels)
        return self.exposition.add(CounterFamily(self._ledger, declared, _kept(labels)))

    def histogram(
        self, name: str, documentation: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> HistogramFamily:
        """Declare a histogram with these upper bounds, ascending."""
        declared = Declared(name, documentation, labels)
        return self.exposition.add(HistogramFamily(self._ledger, declared, bounds, _kept(labels)))

    def gauge(self, name: str, documentation: str, labels: Sequence[str], combine: Combine) -> GaugeFamily:
        """Declare a gauge, and how those of several workers become one."""
        return self.exposition.add(GaugeFamily(self._ledger, Declared(name, documentation, labels), combine))


def _kept(labels: Sequence[str]) -> Kept:
    """Say that what was counted for a version is shown for as long as somebody serves it."""
    return "while_served" if tuple(labels[:2]) == _VERSION else "always"


def installed(package: str) -> str:
    """Return the version of a package without importing it; empty if it is not installed."""
    names = (package, f"{package}-cpu")
    for name in names:
        try:
            return package_version(name)
        except PackageNotFoundError:
            continue
    return ""
