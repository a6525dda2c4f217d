"""GET /models."""

from fastapi import APIRouter

from model_store.layout import VersionRef
from model_store.manifest import Manifest, is_finite_number
from service.registry import Entry, Registry
from service.schemas import ModelList, ModelStatus


def router(registry: Registry, default_model: str) -> APIRouter:
    """Return the routes that show what is served."""
    routes = APIRouter(tags=["models"])

    @routes.get("/models")
    async def models() -> ModelList:
        """List every version in the store with its state, engine, labels and figures."""
        return ModelList(default=default_model, models=[_status(*item) for item in registry.entries.items()])

    return routes


def _status(ref: VersionRef, entry: Entry) -> ModelStatus:
    manifest, engine = entry.manifest, entry.model.engine if entry.model else None
    return ModelStatus(
        model=ref.name,
        version=ref.version,
        state=entry.state,
        reason=entry.reason,
        engine=engine.name if engine else None,
        device=engine.device if engine else None,
        labels=list(manifest.labels) if manifest else [],
        digest=entry.digest,
        metrics=_figures(manifest) if manifest else {},
    )


def _figures(manifest: Manifest) -> dict[str, float]:
    """Leave out what is no figure, lest one crooked entry hide all the others."""
    return {name: value for name, value in manifest.metrics.items() if is_finite_number(value)}
