"""Shows in metrics what becomes of versions, and which of them answer for aliases."""

from collections.abc import Callable

from model_store.layout import VersionRef
from service.metrics import Metrics
from service.model import Model
from service.versions.answering import Answering


class VersionGauges:
    """The gauges of the versions of a registry.

    Args:
        metrics: where they are declared; those of aliases here.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._alias = metrics.gauge(
            "sentiment_model_alias",
            "Always 1; which version answers for an alias.",
            ("model", "alias", "version"),
            "max",
        )

    def ready(self, model: Model, seconds: float) -> None:
        """Show a version that took so many seconds until it was ready."""
        metrics, labels = self._metrics, _labels(model.ref)
        metrics.model_loaded.labels(*labels).set(1)
        metrics.model_refused.labels(*labels).set(0)
        metrics.model_load_duration.labels(*labels).set(seconds)
        metrics.model_info.labels(*labels, model.stored.digest, model.engine.name, model.engine.device).set(1)
        metrics.pending_requests.labels(*labels).set_function(lambda: model.batcher.pending)

    def refused(self, ref: VersionRef) -> None:
        """Show that a version was refused."""
        self._metrics.model_refused.labels(*_labels(ref)).set(1)
        self._metrics.model_loaded.labels(*_labels(ref)).set(0)

    def unloaded(self, ref: VersionRef) -> None:
        """Show of a version no more than that it is not loaded."""
        self._metrics.forget(ref)
        self._metrics.model_loaded.labels(*_labels(ref)).set(0)

    def forgotten(self, ref: VersionRef) -> None:
        """Show nothing of a version."""
        self._metrics.forget(ref)

    def answering(self, before: Answering, now: Answering) -> None:
        """Show who answers for each alias, where that has changed."""
        for name, alias in {**before, **now}:
            if isinstance(alias, str) and before.get((name, alias)) is not (model := now.get((name, alias))):
                self._alias.remove(name, alias)
                if model:
                    self._alias.labels(name, alias, str(model.ref.version)).set(1)


def show_file(metrics: Metrics, broken: Callable[[], bool]) -> None:
    """Show whether the file of the aliases can be used."""
    gauge = metrics.gauge("sentiment_versions_file_broken", "1 while NUNCHI_VERSIONS_FILE cannot be used.", (), "max")
    gauge.labels().set_function(lambda: float(broken()))


def _labels(ref: VersionRef) -> tuple[str, str]:
    return ref.name, str(ref.version)
