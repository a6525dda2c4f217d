"""Which versions are to be served, all things considered: the policy, aliases, experiments, administrators."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager
from typing import NamedTuple

from model_store.layout import VersionRef
from service.registry import Registry, State
from service.versions.orders_file import OrdersFile
from service.versions.policy import Known, Policies, aspired

Pins = Callable[[], Iterable[VersionRef]]
"""Tells which versions experiments need."""


class Wanted(NamedTuple):
    """What is to be served.

    Attributes:
        serve: those that are not ready are to be loaded.
        keep: those that, if they are ready, are to stay so.
    """

    serve: frozenset[VersionRef]
    keep: frozenset[VersionRef]


class Wishes:
    """Adds up what is wanted of the versions of a registry. It belongs to the event loop.

    Args:
        policies: what the settings say.
        orders: what administrators decided.
        registry: what became of the versions.
        pins: what experiments need.
    """

    def __init__(self, policies: Policies, orders: OrdersFile, registry: Registry, pins: Pins) -> None:
        self._policies = policies
        self._orders = orders
        self._registry = registry
        self._pins = pins
        self._held: Counter[VersionRef] = Counter()

    def wanted(self, listed: Set[VersionRef], another_chance: Set[VersionRef] = frozenset()) -> Wanted:
        """Return what is to be served.

        Args:
            listed: what is in the store.
            another_chance: versions that were refused, and may be good by now.
        """
        serve: set[VersionRef] = set()
        keep: set[VersionRef] = set()
        for name in {ref.name for ref in {*listed, *self._registry.entries}}:
            found = aspired(self._policies.of(name), self._known(name, listed, another_chance))
            serve.update(VersionRef(name, version) for version in found.serve)
            keep.update(VersionRef(name, version) for version in found.keep)
        return Wanted(frozenset(serve), frozenset(keep))

    def by_policy(self, ref: VersionRef, listed: Set[VersionRef]) -> bool:
        """Tell whether the policy alone wants a version."""
        known = self._known(ref.name, listed, frozenset({ref}))
        return ref.version in self._policies.of(ref.name).choose(known.listed - known.refused)

    def reason(self, ref: VersionRef) -> str:
        """Say why a version that is not wanted is not served."""
        if ref in self._orders.orders.unloaded:
            return "it was unloaded by an administrator"
        return f"NUNCHI_VERSIONS says {self._policies.of(ref.name)}"

    def why_kept(self, ref: VersionRef) -> str:
        """Say why a version is served although its directory is gone."""
        return f"its directory is gone; {self.pinned().get(ref, f'it stays while nothing else of {ref.name} is ready')}"

    def pinned(self) -> dict[VersionRef, str]:
        """Return the versions that must stay, and what for.

        A version that still answers for an alias, because the next is not ready, is among them.
        """
        needed = dict.fromkeys(self._held, "it is being loaded")
        needed |= dict.fromkeys(self._pins(), "a running experiment needs it")
        for (name, alias), target in self._registry.aliases.items():
            answering = (self._registry.answering(name, alias), self._registry.answering(name))
            needed |= dict.fromkeys(filter(None, answering), f"it answers for {name}")
            needed[target] = f"the alias {alias} points to it"
        return needed

    @contextmanager
    def holding(self, ref: VersionRef) -> Iterator[None]:
        """Want a version for a while, whatever else is said of it."""
        self._held[ref] += 1
        try:
            yield
        finally:
            self._held[ref] -= 1
            self._held += Counter()  # leaves out what nobody holds

    def _known(self, name: str, listed: Set[VersionRef], another_chance: Set[VersionRef]) -> Known:
        def numbers(refs: Iterable[VersionRef]) -> frozenset[int]:
            return frozenset(ref.version for ref in refs if ref.name == name)

        entries = self._registry.entries.items()
        orders = self._orders.orders
        return Known(
            listed=numbers(listed),
            refused=numbers(
                ref for ref, entry in entries if entry.state is State.REFUSED and ref not in another_chance
            ),
            ready=numbers(ref for ref, entry in entries if entry.state is State.READY),
            pinned=numbers(self.pinned()),
            loaded=numbers(orders.loaded),
            unloaded=numbers(orders.unloaded),
        )
