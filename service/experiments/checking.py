"""Checks declared experiments against the models that are stored, without loading any of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from model_store.errors import ManifestError, StoreError
from model_store.layout import VersionRef, list_versions, read_manifest
from model_store.manifest import Manifest
from service.errors import StartError
from service.experiments.declaration import Arm, Experiment
from service.experiments.resolving import label_difference
from service.settings import nearest_or_all

Stored = Mapping[VersionRef, Manifest]
"""The versions whose manifest can be read."""


class Verdict(NamedTuple):
    """What was found out about an experiment: the versions of its arms, or the reason why it could not run."""

    experiment: Experiment
    refs: tuple[VersionRef, ...]
    reason: str = ""

    @property
    def refused(self) -> bool:
        """Whether it should run and cannot; what is stopped does no harm."""
        return bool(self.reason) and self.experiment.state == "running"


def check(experiments: Sequence[Experiment], store: Path) -> list[Verdict]:
    """Judge experiments by the manifests of a store; whether a version is whole, `check-models` finds out.

    Raises:
        StartError: if there is no store.
    """
    stored = _stored(store)
    return [_judge(experiment, stored) for experiment in experiments]


def _stored(store: Path) -> Stored:
    try:
        refs = list_versions(store)
    except StoreError as error:
        raise StartError(f"NUNCHI_MODEL_STORE: {error}") from error
    manifests = {ref: _manifest(store / ref.name / str(ref.version)) for ref in refs}
    return {ref: manifest for ref, manifest in manifests.items() if manifest}


def _manifest(version: Path) -> Manifest | None:
    try:
        return Manifest.from_json(read_manifest(version).decode())
    except (OSError, UnicodeDecodeError, ManifestError):
        return None


def _judge(experiment: Experiment, stored: Stored) -> Verdict:
    refs: list[VersionRef] = []
    for arm in experiment.arms:
        # Where an alias points, only a running service knows; here the newest version stands for it.
        numbered = isinstance(arm.version, int)
        fits = [ref for ref in stored if ref.name == arm.model and (not numbered or ref.version == arm.version)]
        found = max(fits, default=None)
        if found is None:
            return Verdict(experiment, (), _missing(arm, stored))
        refs.append(found)
    names = [arm.name for arm in experiment.arms]
    return Verdict(experiment, tuple(refs), label_difference(names, [stored[ref].labels for ref in refs]) or "")


def _missing(arm: Arm, stored: Stored) -> str:
    versions = [str(ref) for ref in stored if ref.name == arm.model]
    if versions:
        return f"arm {arm.name}: there is no {arm.model}/{arm.version}; there are {', '.join(versions)}"
    models = {ref.name for ref in stored}
    return f"arm {arm.name}: there is no model {arm.model}; {nearest_or_all(arm.model, models)}"
