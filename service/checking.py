"""Proves every version of the store, as it would be before being served, and prints what came of it."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, TextIO

from model_store.errors import StoreError, VersionRefusedError
from model_store.layout import Trust, VersionRef, list_versions
from service.engines.choice import EngineChoice
from service.errors import EngineError, StartError
from service.listing import aligned
from service.proving import prove
from service.security.trust import trust_of
from service.settings import Settings


class Verdict(NamedTuple):
    """One line of the table; `worst` is the largest difference of a golden probability."""

    version: VersionRef
    engine: str
    worst: str
    seconds: float
    reason: str

    @property
    def refused(self) -> bool:
        """Whether there is a reason not to serve it."""
        return bool(self.reason)


def check_models(settings: Settings, out: TextIO) -> int:
    """Check every version and print a table; return 1 if one is refused or there is none, else 0.

    Raises:
        StartError: if the store or an engine that the settings ask for is not there.
    """
    engines = EngineChoice.of(settings)
    engines.prepare()
    try:
        versions = list_versions(settings.model_store)
    except StoreError as error:
        raise StartError(f"NUNCHI_MODEL_STORE: {error}") from error
    trust = trust_of(settings)
    verdicts = [_judge(settings.model_store, ref, engines, trust) for ref in versions]
    refused = sum(verdict.refused for verdict in verdicts)
    print(_table(verdicts), file=out)
    print(f"{len(verdicts)} versions in {settings.model_store}, {refused} refused", file=out)
    return 1 if refused or not verdicts else 0


def _judge(store: Path, ref: VersionRef, engines: EngineChoice, trust: Trust | None) -> Verdict:
    started = perf_counter()
    try:
        proven = prove(store, ref, engines, trust)
    except VersionRefusedError as error:
        return Verdict(ref, "-", "-", perf_counter() - started, error.reason)
    except (StoreError, EngineError) as error:
        return Verdict(ref, "-", "-", perf_counter() - started, str(error))
    engine = f"{proven.engine.name} on {proven.engine.device}"
    return Verdict(ref, engine, f"{proven.worst:.1e}", perf_counter() - started, "")


def _table(verdicts: Sequence[Verdict]) -> str:
    rows = [("version", "engine", "worst difference", "seconds", "verdict")]
    for verdict in verdicts:
        result = f"refused: {verdict.reason}" if verdict.refused else "good"
        rows.append((str(verdict.version), verdict.engine, verdict.worst, f"{verdict.seconds:.2f}", result))
    return aligned(rows)
