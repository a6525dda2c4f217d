"""Registries with a bug, to see that it would be found."""

from model_store.layout import VersionRef
from service.model import Model
from service.registry import Entry, Registry, State
from service.versions.orders import Aliases


class Hasty(Registry):
    """Closes a version without waiting for what it has taken on."""

    async def _drain(self, ref: VersionRef, model: Model) -> bool:
        model.batcher._executor.shutdown(wait=False)
        self._replace({ref: Entry(State.UNLOADED)})
        return True


class Forgetful(Registry):
    """Does not remember that a version is being loaded."""

    async def load(self, ref: VersionRef) -> bool:
        self._loads.pop(ref, None)
        return await self._load_whole(ref)


class Optimist(Registry):
    """Takes a refused version for one that can answer."""

    def _refuse(self, ref: VersionRef, error: Exception) -> None:
        self._replace({ref: Entry(State.READY)})


class Careless(Registry):
    """Lets an alias go before the version to which it points is ready."""

    def point(self, aliases: Aliases) -> None:
        self._ready = {key: model for key, model in self._ready.items() if key not in aliases}
        super().point(aliases)


BROKEN: tuple[type[Registry], ...] = (Hasty, Forgetful, Optimist, Careless)
