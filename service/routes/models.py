"""GET /models."""

from fastapi import APIRouter

from model_store.layout import VersionRef
from model_store.manifest import Manifest, is_finite_number
from service.registry import Entry, Registry
from service.schemas import AliasStatus, ModelList, ModelStatus
from service.versions.orders_file import OrdersFile


def router(registry: Registry, orders: OrdersFile, default_model: str) -> APIRouter:
    """Return the routes that show what is served."""
    routes = APIRouter(tags=["models"])

    @routes.get("/models")
    async def models() -> ModelList:
        """List every version in the store with its state, engine, labels and figures, and where aliases point."""
        return listed(registry, orders, default_model)

    return routes


def listed(registry: Registry, orders: OrdersFile, default_model: str) -> ModelList:
    """Return what `GET /models` says."""
    return ModelList(
        default=default_model,
        models=[version_status(*item) for item in registry.entries.items()],
        aliases=[alias_status(registry, orders, *key) for key in sorted(orders.orders.history)],
        broken=orders.broken,
    )


def version_status(ref: VersionRef, entry: Entry) -> ModelStatus:
    """Return what `GET /models` says of a version."""
    manifest, engine = entry.manifest, entry.model.engine if entry.model else None
    return ModelStatus(
        model=ref.name,
        version=ref.version,
        state=entry.state,
        reason=entry.reason,
        engine=engine.name if engine else None,
        device=engine.device if engine else None,
        labels=list(manifest.labels) if manifest else [],
        certain_from=manifest.certain_from or None if manifest else None,
        digest=entry.digest,
        metrics=_figures(manifest) if manifest else {},
    )


def alias_status(registry: Registry, orders: OrdersFile, model: str, alias: str) -> AliasStatus:
    """Return what `GET /models` says of an alias."""
    steps = orders.orders.history[model, alias]
    answering = registry.answering(model, alias)
    return AliasStatus(
        model=model,
        alias=alias,
        version=steps[-1].version,
        answering=answering.version if answering else None,
        previous=steps[-2].version if len(steps) > 1 else None,
        since=steps[-1].since,
    )


def _figures(manifest: Manifest) -> dict[str, float]:
    """Leave out what is no figure, lest one crooked entry hide all the others."""
    return {name: value for name, value in manifest.metrics.items() if is_finite_number(value)}
