"""GET /models."""

from fastapi import APIRouter

from model_store.layout import VersionRef
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
        metrics=dict(manifest.metrics) if manifest else {},
    )
