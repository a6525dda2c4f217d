"""Builds the application: everything long-lived is made here and handed to what needs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from model_store.errors import StoreError
from model_store.layout import VersionRef, list_versions
from service import __version__
from service.documentation import DocumentedFastAPI
from service.engines.choice import EngineChoice
from service.errors import ServiceError, StartError
from service.front import Front
from service.identifiers import PredictionIds
from service.loading import load, load_order, prove
from service.logs import log_event
from service.metrics import Metrics
from service.model import Model
from service.predictor import Predictor
from service.problems import answer_error
from service.readiness import Readiness
from service.registry import Registry
from service.routes import models, operations, predictions
from service.secrets import read_secret
from service.settings import Settings, nearest_or_all

DRAIN_S = 10
"""How long the process waits for what it accepted before it stops all the same."""


@dataclass(frozen=True, slots=True)
class Application:
    """The service, an ASGI application, and what tests and the command line need to see of it."""

    front: Front
    registry: Registry
    readiness: Readiness
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self.front(scope, receive, send)


def create_app(settings: Settings, metrics: Metrics | None = None) -> Application:
    """Build the service. Versions are loaded once it runs; until then it answers that it is not ready.

    Args:
        settings: what the operator chose.
        metrics: those of one of several workers; of this process alone if None.

    Raises:
        StartError: if the store or the default model is not there, or an engine or device that the settings ask for,
            or the file of the secret cannot be used.
    """
    metrics = metrics or Metrics()
    engines = EngineChoice.of(settings)
    engines.prepare()

    def load_version(ref: VersionRef) -> Model:
        return load(prove(settings.model_store, ref, engines), metrics, settings)

    registry = Registry(load_version, metrics)
    registry.announce(_versions(settings))
    readiness = Readiness(registry, settings.default_model)
    ids = PredictionIds(read_secret(settings.secret_file))
    hot_paths = predictions.Predictions(Predictor(registry, metrics, settings.default_model, ids), metrics)
    behind = _build_fastapi(settings, registry, readiness, metrics)
    front = Front(behind, hot_paths.endpoints(), metrics, settings.max_body_bytes)
    return Application(front, registry, readiness, metrics)


def _build_fastapi(settings: Settings, registry: Registry, readiness: Readiness, metrics: Metrics) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(_load_all(registry, settings))
        yield
        readiness.stopping = True
        await _stop(loading, registry)

    app = DocumentedFastAPI(
        title="nunchi",
        summary="Sentiment of Korean texts, by recurrent networks served side by side.",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs else None,
        redoc_url=None,
        redirect_slashes=False,
    )
    predictions.document(app)
    app.include_router(models.router(registry, settings.default_model))
    app.include_router(operations.router(readiness, metrics))
    for kind in (ServiceError, HTTPException, Exception):
        app.add_exception_handler(kind, answer_error)
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


async def _load_all(registry: Registry, settings: Settings) -> None:
    """Load every version that is known."""
    ready = [await registry.load(ref) for ref in load_order(registry.entries, settings)]
    log_event("all_loaded", ready=sum(ready), refused=len(ready) - sum(ready))


async def _stop(loading: "asyncio.Task[None]", registry: Registry) -> None:
    """Answer what was accepted, for as long as that is reasonable."""
    loading.cancel()
    with suppress(asyncio.CancelledError):
        await loading
    try:
        await asyncio.wait_for(registry.close(), DRAIN_S)
    except TimeoutError:
        log_event("drain_given_up", seconds=DRAIN_S)
