"""What an administrator does about versions and aliases: below /models/{model}."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from model_store.layout import VersionRef
from service.documentation import REQUEST_ID_HEADER, documented, taking
from service.errors import (
    AliasConflictError,
    AliasHeldError,
    BodyTooLargeError,
    InvalidRequestError,
    NotReadyError,
    OrdersUnavailableError,
    RefusedVersionError,
    UnknownAliasError,
    UnknownModelError,
    VersionInUseError,
)
from service.registry import Entry, Registry, State
from service.routes.bodies import Refused, reader
from service.routes.models import alias_status, version_status
from service.schemas import AliasStatus, ModelStatus, ReplayReport
from service.schemas_versions import ModelAliases, MoveAlias, MovedAlias
from service.versions.changes import Changes
from service.versions.orders import ALIAS_PATTERN, LARGEST_VERSION
from service.versions.orders_file import OrdersFile

Model = Annotated[str, Path(description="Name of a model.")]
Number = Annotated[str, Path(pattern="^[1-9][0-9]{0,8}$", description="Number of a version.")]
Alias = Annotated[str, Path(pattern=f"^{ALIAS_PATTERN.pattern}$", description="Such as `stable` or `canary`.")]
Expected = Annotated[
    int | None,
    Query(alias="from", ge=1, le=LARGEST_VERSION, description="Where it must point now, so that asking twice is safe."),
]

Show = Callable[[str, str], AliasStatus]
"""Tells where an alias of a model points."""

_ALWAYS = (UnknownModelError, InvalidRequestError, NotReadyError, OrdersUnavailableError)


def _answers(*errors: Any) -> dict[int | str, Any]:
    return {200: {"headers": REQUEST_ID_HEADER}, **documented(*_ALWAYS, *errors)}


def router(registry: Registry, orders: OrdersFile, changes: Changes, max_bytes: int, refused: Refused) -> APIRouter:
    """Return the routes that change what is served."""
    routes = APIRouter(tags=["models"])
    _add_versions(routes, registry, changes)
    _add_moves(routes, partial(alias_status, registry, orders), changes, reader(MoveAlias, max_bytes, refused))
    _add_removal(routes, registry, orders, changes)
    return routes


def _add_versions(routes: APIRouter, registry: Registry, changes: Changes) -> None:
    def status(ref: VersionRef) -> ModelStatus:
        return version_status(ref, registry.entries.get(ref, Entry(State.UNLOADED)))

    @routes.post("/models/{model}/{version}/load", responses=_answers(RefusedVersionError))
    async def load(model: Model, version: Number) -> ModelStatus:
        """Load a version, and serve it whatever NUNCHI_VERSIONS says; answered once it is ready."""
        ref = VersionRef(model, int(version))
        await changes.load(ref)
        return status(ref)

    @routes.post("/models/{model}/{version}/unload", responses=_answers(VersionInUseError))
    async def unload(model: Model, version: Number) -> ModelStatus:
        """Take a version out of service, whatever NUNCHI_VERSIONS says; answered once it has answered the last text."""
        ref = VersionRef(model, int(version))
        await changes.unload(ref)
        return status(ref)


def _add_moves(routes: APIRouter, show: Show, changes: Changes, body: Callable[..., Awaitable[MoveAlias]]) -> None:
    @routes.put(
        "/models/{model}/aliases/{alias}",
        responses=_answers(RefusedVersionError, AliasHeldError, BodyTooLargeError),
        openapi_extra=taking(MoveAlias),
    )
    async def move(model: Model, alias: Alias, wanted: Annotated[MoveAlias, Depends(body)]) -> MovedAlias:
        """Let an alias point to a version, once that is ready and was tried beside the one that answers now.

        If too many texts get another label, or it is too slow, the alias stays, unless that is forced.
        """
        report = await changes.move(alias, VersionRef(model, wanted.version), wanted.force)
        described = ReplayReport(**asdict(report)) if report else None
        return MovedAlias(**show(model, alias).model_dump(), report=described)

    @routes.post(
        "/models/{model}/aliases/{alias}/rollback",
        responses=_answers(UnknownAliasError, AliasConflictError, RefusedVersionError),
    )
    async def rollback(model: Model, alias: Alias, expected: Expected = None) -> AliasStatus:
        """Let an alias point where it pointed before; nothing is tried first."""
        await changes.roll_back(model, alias, expected)
        return show(model, alias)


def _add_removal(routes: APIRouter, registry: Registry, orders: OrdersFile, changes: Changes) -> None:
    @routes.delete("/models/{model}/aliases/{alias}", responses=_answers(UnknownAliasError))
    async def remove(model: Model, alias: Alias) -> ModelAliases:
        """Remove an alias, and what is remembered of it."""
        await changes.remove(model, alias)
        left = [key for key in sorted(orders.orders.history) if key[0] == model]
        return ModelAliases(aliases=[alias_status(registry, orders, *key) for key in left])
