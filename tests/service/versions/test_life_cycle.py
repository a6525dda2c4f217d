"""Whatever happens to versions, in any order, what is promised of them holds; and a bug would be found."""

import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test

from model_store.layout import VersionRef
from service.model import Model
from service.registry import Entry, Registry, State
from service.versions.orders import Aliases
from tests.service.versions.life_cycle import LifeCycle

CALM = hypothesis.settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
SEARCH = hypothesis.settings(
    CALM, max_examples=400, phases=[hypothesis.Phase.generate], derandomize=True, database=None
)


def test_whatever_happens_what_is_promised_of_versions_holds() -> None:
    run_state_machine_as_test(LifeCycle, settings=CALM)


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


@pytest.mark.parametrize("broken", [Hasty, Forgetful, Optimist, Careless])
def test_a_registry_with_a_bug_is_found_out(broken: type[Registry]) -> None:
    class Machine(LifeCycle):
        registry_class = broken

    with pytest.raises(Exception) as found:  # noqa: PT011 - whichever invariant meets it first
        run_state_machine_as_test(Machine, settings=SEARCH)
    assert not isinstance(found.value, hypothesis.errors.Flaky)
