"""Builds what the life cycle of versions is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from model_store.errors import VersionRefusedError
from model_store.layout import VersionRef, verify
from service import __version__
from service.engines.choice import EngineChoice
from service.loading import load
from service.metrics import Metrics, installed
from service.model import Model
from service.pauses import giving_way
from service.proving import prove_verified
from service.registry import Load, Registry
from service.security.trust import trust_of
from service.settings import Settings
from service.versions.changes import Changes, Help, RecentTexts
from service.versions.gauges import show_file
from service.versions.memory import Room, large_apart
from service.versions.orders_file import OrdersFile
from service.versions.policy import parse
from service.versions.proofs import Proofs
from service.versions.prover import Prover
from service.versions.wishes import Pins, Wishes
from service.watching import Watcher


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of one process, before anything is known of experiments.

    Attributes:
        settings: what the operator chose.
        registry: what is served.
        prover: proves what is to be served.
        orders: what administrators decided.
    """

    settings: Settings
    registry: Registry
    prover: Prover
    orders: OrdersFile

    @classmethod
    def of(cls, settings: Settings, metrics: Metrics) -> "Versions":
        """Build them.

        Raises:
            StartError: if an engine or device that the settings ask for is not there, or the file of orders cannot be
                used.
        """
        engines = EngineChoice.of(settings)
        engines.prepare()
        orders = OrdersFile(settings.versions_file)
        show_file(metrics, lambda: orders.broken is not None)
        proofs = Proofs(settings.versions_file.with_name("proofs.json"), _runtime(settings))
        prover = Prover(settings, proofs)
        return cls(settings, Registry(_loader(settings, metrics, engines, prover), metrics), prover, orders)

    async def close(self) -> None:
        """Unload everything; what is being proven or loaded is not waited for."""
        self.prover.end()
        await self.registry.close()

    def following(self, pins: Pins, recent_texts: RecentTexts) -> "Following":
        """Build what changes them.

        Args:
            pins: tells which versions experiments need.
            recent_texts: gives the texts that were kept last, if the service keeps texts.
        """
        wishes = Wishes(parse(self.settings.versions), self.orders, self.registry, pins)
        watcher = Watcher(self.registry, self.settings, self.orders, wishes)
        help = Help(recent_texts if self.settings.store_text else _none, self.prover.forget)
        return Following(self.prover, watcher, Changes(self.registry, self.orders, wishes, self.settings, help))


@dataclass(frozen=True, slots=True)
class Following:
    """What changes versions: the watcher by itself, administrators by their word."""

    prover: Prover
    watcher: Watcher
    changes: Changes

    def begin(self, listed: Iterable[VersionRef]) -> None:
        """Make known what is going to be loaded of the store, and be ready to prove what was never proven."""
        self.prover.expect(self.watcher.begin(listed))


async def _none(_: int) -> Sequence[str]:
    """Give no texts."""
    return ()


def _loader(settings: Settings, metrics: Metrics, engines: EngineChoice, prover: Prover) -> Load:
    """Return what brings a version into memory: if there is room, and it did no harm to another process."""
    room, trust = Room(settings), trust_of(settings)

    def load_version(ref: VersionRef) -> Model:
        room.require(ref)
        proven = prover.prove(ref)
        with large_apart(), giving_way():
            stored = verify(settings.model_store, ref, trust)
            if proven is not None and stored.digest != proven:
                raise VersionRefusedError(stored.path, "it was changed while it was being proven")
            return load(prove_verified(stored, engines), metrics, settings)

    return load_version


def _runtime(settings: Settings) -> str:
    """Return all on which the outcome of a proof depends, beside the version itself."""
    engine = "tensorflow" if settings.device == "gpu" else settings.engine
    return (
        f"nunchi {__version__}, onnxruntime {installed('onnxruntime')}, tensorflow {installed('tensorflow')}, {engine}"
    )
