"""Builds the application: everything long-lived is made here and handed to what needs it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.types import Lifespan, Receive, Scope, Send

from model_store.errors import StoreError
from model_store.layout import VersionRef, list_versions
from service import __version__
from service.admission.entrance import Entrance
from service.admission.gate import Gate
from service.admission.lag import LoopLag
from service.comparing import Comparer
from service.documentation import DocumentedFastAPI
from service.errors import ServiceError, StartError
from service.experiments.counters import ExperimentCounters
from service.experiments.gauges import ExperimentGauges
from service.experiments.observing import Observer
from service.experiments.phases import StoredPhases
from service.experiments.refreshing import Refresher
from service.experiments.trials import Trials
from service.experiments.watching import Experiments
from service.explain.asking import ExplainingProcess
from service.explain.counters import ExplanationCounters
from service.explain.explaining import Explainer
from service.feedback import Feedback
from service.feedback_counters import FeedbackCounters
from service.forgetting import Forgetting
from service.front import Front
from service.identifiers import PredictionIds, Pseudonyms
from service.lifespan import Beside, Run, lifespan_of
from service.metrics import Metrics
from service.predictor import Predictor
from service.readiness import Readiness
from service.recorder.handle import Recorder
from service.registry import Registry
from service.reporting import ReportMaker
from service.reports import Reports
from service.routes import compare, experiments, explain, feedback, models, operations, pages, predictions
from service.routes import versions as versions_routes
from service.routing import Router
from service.secrets import Secret, read_secret
from service.security.connection_counters import ConnectionCounters
from service.security.start import build_access
from service.settings import Settings, nearest_or_all
from service.storage import Storage
from service.store.counters import StoreCounters
from service.telemetry.telling import Telling
from service.versions.assembly import Versions
from service.web.pages import Pages
from service.web.problem_page import ProblemPages

_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own, which variables of the environment could switch on, sends the messages of errors: texts of users."""


@dataclass(frozen=True, slots=True)
class Application:
    """The service, an ASGI application, and what tests and the command line need to see of it."""

    front: Front
    registry: Registry
    readiness: Readiness
    metrics: Metrics
    connections: ConnectionCounters
    gate: Gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self.front(scope, receive, send)


def create_app(settings: Settings, metrics: Metrics | None = None, shared: Path | None = None) -> Application:
    """Build the service. Versions are loaded once it runs; until then it answers that it is not ready.

    Args:
        settings: what the operator chose.
        metrics: those of one of several workers; of this process alone if None.
        shared: directory in which workers share what API keys have left; None for a process alone.

    Raises:
        StartError: if what the settings ask for is not there or cannot be used, or if everybody could ask without
            anybody having said so.
    """
    metrics = metrics or Metrics()
    access = build_access(settings, metrics, shared)
    versions = Versions.of(settings, metrics)
    registry = versions.registry
    readiness = Readiness(registry, settings.default_model)
    keeping = _Keeping.of(settings, registry, metrics)
    following = versions.following(keeping.experiments.pinned, keeping.storage.recent_texts)
    following.begin(_versions(settings))
    routing = Router(registry, settings.default_model, lambda: keeping.experiments.live)
    predictor = Predictor(routing, metrics, PredictionIds(keeping.secret), keeping.observer)
    entrance = Entrance.of(settings, metrics)
    explaining = ExplainingProcess(settings.model_store, settings.explain_queue, ExplanationCounters(metrics))
    web = Pages(settings.docs)
    plain = (
        *_plain_routes(settings, registry, metrics, keeping),
        *_explaining_routes(settings, registry, metrics, explaining),
        versions_routes.router(registry, versions.orders, following.changes, settings.max_body_bytes, metrics.reject),
        *_page_routes(settings, versions, keeping, web),
        operations.router(readiness, metrics),
    )
    beside = keeping.beside(versions.close, access.run, following.watcher.run, LoopLag(metrics).run)
    telling = Telling.of(settings, metrics)
    beside = beside._replace(ends=(explaining.end, *beside.ends, telling.close))
    behind = _build_fastapi(settings, plain, web, lifespan_of(beside, readiness))
    hot_paths = predictions.Predictions(predictor, metrics, entrance).endpoints()
    front = Front(behind, hot_paths, access, telling, settings.max_body_bytes)
    gate = Gate(entrance, settings.longest_wait_s, metrics)
    return Application(front, registry, readiness, metrics, ConnectionCounters(metrics), gate)


@dataclass(frozen=True, slots=True)
class _Keeping:
    """What experiments need, whether or not there is one; none of it costs anything until it is needed."""

    secret: Secret
    storage: Storage
    experiments: Experiments
    recorder: Recorder
    observer: Observer
    forgetting: Forgetting
    report_maker: ReportMaker
    reports: Reports
    refresher: Refresher

    @classmethod
    def of(cls, settings: Settings, registry: Registry, metrics: Metrics) -> "_Keeping":
        """Build it; the store is opened at once only if experiments are declared."""
        secret, storage = read_secret(settings.secret_file), Storage(settings.store)
        counters = ExperimentCounters(metrics)
        trials = Trials(registry, counters)
        recorder = Recorder(settings, trials.count, counters.lost.add)
        observer = Observer(trials, recorder, PredictionIds(secret))
        declared = Experiments(settings.experiments, registry, StoredPhases(storage), observer.prepare)
        if settings.experiments is not None:
            storage.open()
        StoreCounters(metrics, (storage, recorder))
        report_maker = ReportMaker(settings.store)
        reports = Reports(declared, storage, report_maker.make)
        return cls(
            secret=secret,
            storage=storage,
            experiments=declared,
            recorder=recorder,
            observer=observer,
            forgetting=Forgetting(storage, recorder.flushed, Pseudonyms(secret), settings.retention_days),
            report_maker=report_maker,
            reports=reports,
            refresher=Refresher(declared, reports.report, ExperimentGauges(metrics)),
        )

    def beside(self, close_versions: Callable[[], Awaitable[None]], *runs: Run) -> Beside:
        """Return what runs beside the requests, these among it, and how it comes to its end."""
        own = (self.experiments.run, self.forgetting.run, self.refresher.run)
        return Beside((*runs, *own), (self.report_maker.end, self.recorder.end, close_versions, self.storage.close))


def _plain_routes(settings: Settings, registry: Registry, metrics: Metrics, keeping: _Keeping) -> tuple[APIRouter, ...]:
    """Return the routes by which models are compared: on one text, by labels, and what follows from these."""
    counters = FeedbackCounters(metrics)
    ids, storage, limit = PredictionIds(keeping.secret), keeping.storage, settings.max_body_bytes
    labels = Feedback(ids, registry, storage, counters, settings.retention_days)
    comparer = Comparer(registry, settings.default_model)
    return (
        compare.router(comparer, limit, metrics.reject),
        feedback.router(labels, limit, counters.rejected["invalid"].add),
    )


def _explaining_routes(
    settings: Settings, registry: Registry, metrics: Metrics, process: ExplainingProcess
) -> tuple[APIRouter, ...]:
    """Return the route that shows why models say what they say, unless none may be asked."""
    if not settings.explain_queue:
        return ()
    explainer = Explainer(Comparer(registry, settings.default_model), process)
    return (explain.router(explainer, settings.max_body_bytes, lambda reason: metrics.rejected[reason].add()),)


def _page_routes(settings: Settings, versions: Versions, keeping: _Keeping, web: Pages) -> tuple[APIRouter, ...]:
    """Return the routes of versions and experiments, and the pages that show them to people."""
    of = (versions.registry, versions.orders, settings.default_model)
    shown = pages.router(
        web,
        versions.registry,
        lambda: models.listed(*of),
        lambda: experiments.listed(keeping.experiments),
        settings.docs,
    )
    reported = experiments.router(keeping.experiments, keeping.reports, keeping.forgetting, web)
    return (models.router(*of), reported, shown)


def _build_fastapi(settings: Settings, plain: Iterable[APIRouter], web: Pages, lifespan: Lifespan[FastAPI]) -> FastAPI:
    app = DocumentedFastAPI(
        title="nunchi",
        summary="Sentiment of Korean texts, by recurrent networks served side by side.",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    predictions.document(app)
    for router in plain:
        app.include_router(router)
    answer = ProblemPages(web).answer
    for kind in (ServiceError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer)
    return app


def _versions(settings: Settings) -> list[VersionRef]:
    """List what will be loaded. A damaged version does not stop the start; a default model that is not there does."""
    try:
        versions = list_versions(settings.model_store)
    except StoreError as error:
        raise StartError(f"NUNCHI_MODEL_STORE: {error}") from error
    names = sorted({ref.name for ref in versions})
    if not names:
        raise StartError(f"NUNCHI_MODEL_STORE: there is no model version in {settings.model_store}")
    if settings.default_model not in names:
        there = nearest_or_all(settings.default_model, names)
        raise StartError(f"NUNCHI_DEFAULT_MODEL: {settings.default_model} is not in {settings.model_store}; {there}")
    return versions
