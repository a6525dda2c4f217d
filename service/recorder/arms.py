"""The arms of a running experiment, as the process that records has them."""

from collections.abc import Mapping
from functools import lru_cache

from model_store.layout import VersionRef
from service.engines.choice import EngineChoice
from service.experiments.observation import Answer
from service.logs import log_event, log_exception
from service.proving import Proven, prove
from service.recorder.frames import Declared, DeclaredArm
from service.security.trust import trust_of
from service.settings import Settings

_MOST = 2
"""Experiments that are kept: the one that runs, and the one before it, whose last texts are still coming."""

_MOST_ERRORS = 64


class Arm:
    """What an arm can say.

    Args:
        declared: how it was declared.
        version: what stands for it; None if it reads nothing but what it serves.

    Attributes:
        given: its answer for each label.
    """

    def __init__(self, declared: DeclaredArm, version: Proven | None) -> None:
        self.name, self.version = declared.name, version
        self._is = declared.name, declared.model, declared.version
        self.given = [Answer(*self._is, label, None, len(declared.labels)) for label in declared.labels]
        self.missing = lru_cache(_MOST_ERRORS)(self._missing)
        """Returns what stands for an answer that did not come, by the reason."""

    def _missing(self, error: str) -> Answer:
        return Answer(*self._is, None, error, 0)


class Trial:
    """A running experiment.

    Args:
        declared: how it was declared.
        versions: what stands for its arms.
    """

    def __init__(self, declared: Declared, versions: Mapping[DeclaredArm, Proven]) -> None:
        self.declared = declared
        self.arms = {arm.name: Arm(arm, versions.get(arm)) for arm in declared.arms}


class Trials:
    """Loads what the newest experiments need, and lets go of the rest.

    Args:
        settings: where the versions are, and what runs them.
    """

    def __init__(self, settings: Settings) -> None:
        self._store = settings.model_store
        self._engines, self._trust = EngineChoice.of(settings), trust_of(settings)
        self._loaded: dict[tuple[str, int, str], Proven] = {}
        self._trials: dict[int, Trial] = {}

    def get(self, number: int) -> Trial:
        """Return an experiment by its number.

        Raises:
            LookupError: if it is none of the newest.
        """
        return self._trials[number]

    def declare(self, declared: Declared) -> None:
        """Make an experiment ready; of split traffic no arm reads what another answered."""
        arms = declared.arms if declared.mode != "split" else ()
        versions = {arm: version for arm in arms if (version := self._version(arm)) is not None}
        self._trials[declared.number] = Trial(declared, versions)
        for number in sorted(self._trials)[:-_MOST]:
            del self._trials[number]
        needed = {_version_of(arm) for trial in self._trials.values() for arm in trial.declared.arms}
        self._loaded = {key: version for key, version in self._loaded.items() if key in needed}

    def _version(self, arm: DeclaredArm) -> Proven | None:
        """Return the version of an arm; without it, texts are written down all the same, which the report shows."""
        key, ref = _version_of(arm), VersionRef(arm.model, arm.version)
        if key not in self._loaded:
            try:
                version = prove(self._store, ref, self._engines, self._trust)
            except Exception as error:
                log_exception("arm_not_loaded", error, version=str(ref))
                return None
            if version.stored.digest != arm.digest:
                log_event("arm_replaced", version=str(ref))
                return None
            self._loaded[key] = version
        return self._loaded[key]


def _version_of(arm: DeclaredArm) -> tuple[str, int, str]:
    return arm.model, arm.version, arm.digest
