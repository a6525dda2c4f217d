"""The use cases of an administrator: load and unload a version, move an alias, roll it back, remove it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import NamedTuple

from model_store.errors import StoreError
from model_store.layout import VersionRef, list_versions
from service.errors import (
    AliasConflictError,
    AliasHeldError,
    InvalidRequestError,
    NotReadyError,
    RefusedVersionError,
    ServiceError,
    UnknownAliasError,
    UnknownModelError,
    VersionInUseError,
)
from service.logs import log_event
from service.model import Model
from service.registry import Registry, State
from service.settings import Settings
from service.versions.orders import LATEST, STABLE, Orders, Step
from service.versions.orders_file import OrdersFile
from service.versions.replay import MOST_TEXTS, Limits, Report, golden_texts, replay
from service.versions.wishes import Wishes

RecentTexts = Callable[[int], Awaitable[Sequence[str]]]
"""Gives the texts of users that were kept last, at most so many."""


class Help(NamedTuple):
    """What a change needs beside the versions.

    Attributes:
        recent_texts: gives texts of users, if the service keeps them.
        forget_proof: lets a version be proven again that was refused.
    """

    recent_texts: RecentTexts
    forget_proof: Callable[[VersionRef], None]


class Changes:
    """Changes what is served, here at once and in the other workers within seconds. It belongs to the event loop.

    Args:
        registry: what is served.
        orders: where decisions are kept.
        wishes: what else is wanted.
        settings: name the store, the default model, and how far versions may be apart.
        help: what a change needs besides.
    """

    def __init__(self, registry: Registry, orders: OrdersFile, wishes: Wishes, settings: Settings, help: Help) -> None:
        self._registry = registry
        self._orders = orders
        self._wishes = wishes
        self._settings = settings
        self._limits = Limits(settings.alias_agreement, settings.alias_slowdown)
        self._help = help
        self._unloading = asyncio.Lock()

    async def load(self, ref: VersionRef) -> None:
        """Load a version, and serve it whatever the policy says; one that was refused is tried again.

        Raises:
            UnknownModelError: if it is not in the store.
            RefusedVersionError: if it cannot be served.
            OrdersUnavailableError: if this cannot be kept.
        """
        listed = await self._require_known(ref)
        if self._state(ref) is State.REFUSED:
            await asyncio.to_thread(self._help.forget_proof, ref)
        with self._wishes.holding(ref):
            await self._make_ready(ref)
            beside_policy = not self._wishes.by_policy(ref, listed)
            await self._orders.change(lambda orders: orders.about(listed).with_loaded(ref, beside_policy))

    async def unload(self, ref: VersionRef) -> None:
        """Take a version out of service once it has answered what it took on, whatever the policy says.

        Raises:
            UnknownModelError: if it is not in the store.
            VersionInUseError: if an alias or an experiment needs it, or nothing else is left of the default model.
            OrdersUnavailableError: if this cannot be kept.
        """
        listed = await self._require_known(ref)
        async with self._unloading:  # of two that are unloaded at the same time, the second is the last of its model
            if need := self._need(ref):
                raise VersionInUseError(f"{ref} stays: {need}")
            await self._orders.change(lambda orders: orders.about(listed).with_unloaded(ref))
            reason = self._wishes.reason(ref)
            if self._state(ref) is State.READY:
                await self._registry.unload(ref, reason)
            elif self._registry.idle(ref):
                self._registry.leave_out({ref: reason})

    async def move(self, alias: str, ref: VersionRef, force: bool) -> Report | None:
        """Let an alias point to a version, or make it, once the version is ready and was tried beside the old one.

        Returns:
            What came of the trial; None if there was nothing to try it against.

        Raises:
            InvalidRequestError: if no alias may be called so.
            UnknownModelError, RefusedVersionError, OrdersUnavailableError: as `load`.
            AliasHeldError: if the two differ too much, unless that is forced.
        """
        if alias == LATEST:
            raise InvalidRequestError(f"alias: {LATEST} always means the newest version", "invalid_field")
        await self._require_known(ref)
        if self._registry.aliases.get((ref.name, alias)) == ref:
            return None
        with self._wishes.holding(ref):
            await self._make_ready(ref)
            report = await self._try(alias, ref, force)
            step = Step(ref.version, datetime.now(UTC).isoformat(timespec="seconds"))
            await self._point(lambda orders: orders.pointed(ref.name, alias, step))
        log_event("alias_moved", alias=f"{ref.name}/{alias}", version=ref.version, forced=force)
        return report

    async def roll_back(self, name: str, alias: str, expected: int | None) -> None:
        """Let an alias point where it pointed before; nothing is tried, for it is urgent.

        Args:
            name: of the model.
            alias: its alias.
            expected: the version to which it points, so that asking twice does not go back twice; None for any.

        Raises:
            UnknownModelError, UnknownAliasError: if there is no such alias.
            AliasConflictError: if it points to another version than expected, or never pointed elsewhere.
            RefusedVersionError: if the version before cannot be served.
            OrdersUnavailableError: if this cannot be kept.
        """
        ref = _before(self._orders.orders, name, alias, self._unknown(name), expected)
        with self._wishes.holding(ref):
            await self._make_ready(ref)

            def rolled_back(orders: Orders) -> Orders:
                if _before(orders, name, alias, self._unknown(name), expected) != ref:
                    raise AliasConflictError("somebody else moved it at the same time")
                return orders.rolled_back(name, alias)

            await self._point(rolled_back)
        log_event("alias_rolled_back", alias=f"{name}/{alias}", version=ref.version)

    async def remove(self, name: str, alias: str) -> None:
        """Remove an alias, and what is remembered of it.

        Raises:
            UnknownModelError, UnknownAliasError: if there is no such alias.
            OrdersUnavailableError: if this cannot be kept.
        """

        def without(orders: Orders) -> Orders:
            if (name, alias) not in orders.history:
                raise self._unknown(name)
            return orders.without(name, alias)

        await self._point(without)
        log_event("alias_removed", alias=f"{name}/{alias}")

    async def _point(self, change: Callable[[Orders], Orders]) -> None:
        orders = await self._orders.change(change)
        self._registry.point(orders.aliases)

    async def _require_known(self, ref: VersionRef) -> frozenset[VersionRef]:
        """Return what is in the store, if the version is in it, or still served without."""
        try:
            listed = frozenset(await asyncio.to_thread(list_versions, self._settings.model_store))
        except (StoreError, OSError) as error:
            raise NotReadyError("the model store cannot be read at the moment") from error
        if ref not in listed and self._state(ref) is not State.READY:
            raise UnknownModelError("there is no such model or version in the store", sorted(map(str, listed)))
        return listed

    async def _make_ready(self, ref: VersionRef) -> None:
        if not await self._registry.load(ref):
            entry = self._registry.entries.get(ref)
            raise RefusedVersionError(f"{ref} cannot be served: {entry.reason if entry else 'it is gone'}")

    async def _try(self, alias: str, ref: VersionRef, force: bool) -> Report | None:
        """Replay texts through the version that answers now and the new one."""
        answering = self._registry.answering(ref.name, alias)
        if answering is None and alias == STABLE:
            answering = self._registry.answering(ref.name)
        if answering is None or answering == ref:
            return None
        old, new = (self._registry.get(*version) for version in (answering, ref))
        if old.stored.manifest.labels != new.stored.manifest.labels:
            if not force:
                raise AliasHeldError([f"{ref} has other labels than {answering}"])
            return None
        report = await self._replay(old, new)
        if report and not force and (reasons := report.against(self._limits)):
            raise AliasHeldError(reasons, report.to_dict())
        return report

    async def _replay(self, old: Model, new: Model) -> Report | None:
        with ExitStack() as holds:
            for model in (old, new):
                holds.enter_context(model.batcher.hold())
            texts = [*await asyncio.to_thread(golden_texts, (old, new)), *await self._help.recent_texts(MOST_TEXTS)]
            return await asyncio.to_thread(replay, old, new, texts)

    def _need(self, ref: VersionRef) -> str | None:
        """Return what a version is needed for, or None."""
        ready = [known for known, entry in self._registry.entries.items() if entry.state is State.READY]
        of_default = [known for known in ready if known.name == self._settings.default_model]
        if of_default == [ref]:
            return "nothing else of the default model is ready"
        return self._wishes.pinned().get(ref)

    def _state(self, ref: VersionRef) -> State | None:
        entry = self._registry.entries.get(ref)
        return entry.state if entry else None

    def _unknown(self, name: str) -> ServiceError:
        """Return the error for an alias that is not there."""
        served = sorted({ref.name for ref in self._registry.entries})
        if name not in served:
            return UnknownModelError("there is no such model", served)
        return UnknownAliasError(sorted(known for model, known in self._registry.aliases if model == name))


def _before(orders: Orders, name: str, alias: str, unknown: ServiceError, expected: int | None) -> VersionRef:
    """Return where an alias pointed before."""
    steps = orders.history.get((name, alias))
    if steps is None:
        raise unknown
    if expected not in (None, steps[-1].version):
        raise AliasConflictError(f"it points to version {steps[-1].version} by now")
    if len(steps) < 2:
        raise AliasConflictError(f"it never pointed to another version than {steps[-1].version}")
    return VersionRef(name, steps[-2].version)
