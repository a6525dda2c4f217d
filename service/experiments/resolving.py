"""Finds the versions that answer for the arms of an experiment, or says why it cannot run."""

from collections.abc import Callable, Collection, Mapping
from typing import Literal, NamedTuple

from model_store.layout import VersionRef
from service.experiments.declaration import Arm, Experiment
from service.registry import Entry, State

Answering = Callable[[str, str], VersionRef | None]


class Obstacle(NamedTuple):
    """Why an experiment does not run: `waiting` may pass by itself, `refused` needs a person."""

    state: Literal["waiting", "refused"]
    reason: str


def resolve(
    experiment: Experiment,
    entries: Mapping[VersionRef, Entry],
    serving: Collection[VersionRef],
    answering: Answering,
) -> tuple[VersionRef, ...] | Obstacle:
    """Return the version of each arm, all ready and with the same labels, or what stands against it.

    Args:
        experiment: as declared.
        entries: what the registry knows.
        serving: the versions that answer for arms now. While a newer one is loading they go on, and nothing else may
            begin: else every start would open phases with whatever happens to be loaded first.
        answering: tells which version answers for an alias of a model; None if none does.
    """
    refs: list[VersionRef] = []
    for arm in experiment.arms:
        found = _found(arm, entries, serving, answering)
        if isinstance(found, Obstacle):
            return found
        refs.append(found)
    return _different_labels(experiment, [_labels(entries[ref]) for ref in refs]) or tuple(refs)


def _found(
    arm: Arm, entries: Mapping[VersionRef, Entry], serving: Collection[VersionRef], answering: Answering
) -> VersionRef | Obstacle:
    if arm.version is None:
        return _latest(arm, entries, serving)
    if isinstance(arm.version, int):
        return _named(VersionRef(arm.model, arm.version), entries)
    found = answering(arm.model, arm.version)
    return found or Obstacle("waiting", f"no version answers for {arm.model}/{arm.version}")


def _named(ref: VersionRef, entries: Mapping[VersionRef, Entry]) -> VersionRef | Obstacle:
    entry = entries.get(ref)
    if entry is None:
        return Obstacle("waiting", f"{ref} is not in the model store")
    if entry.state is State.READY:
        return ref
    return Obstacle("waiting", f"{ref} is {entry.state}" + (f": {entry.reason}" if entry.reason else ""))


def _latest(arm: Arm, entries: Mapping[VersionRef, Entry], serving: Collection[VersionRef]) -> VersionRef | Obstacle:
    states = {ref: entry.state for ref, entry in entries.items() if ref.name == arm.model}
    coming = [ref for ref, state in states.items() if state in {State.READY, State.LOADING}]
    if not coming:
        return Obstacle("waiting", f"no version of {arm.model} is ready")
    newest = max(coming)
    if states[newest] is State.READY:
        return newest
    going_on = [ref for ref in coming if ref in serving and states[ref] is State.READY]
    return max(going_on) if going_on else Obstacle("waiting", f"{newest} is loading")


def _labels(entry: Entry) -> tuple[str, ...]:
    return entry.manifest.labels if entry.manifest else ()


def _different_labels(experiment: Experiment, labels: list[tuple[str, ...]]) -> Obstacle | None:
    """Tell whether the arms can be compared; `check` of the command line asks the same of what is stored."""
    reason = label_difference([arm.name for arm in experiment.arms], labels)
    return Obstacle("refused", reason) if reason else None


def label_difference(arms: list[str], labels: list[tuple[str, ...]]) -> str | None:
    """Say which arm has other labels than the first one, or the same in another order; None if none has."""
    for arm, its_labels in zip(arms, labels, strict=True):
        if its_labels != labels[0]:
            return (
                f"arm {arm} has the labels {', '.join(its_labels)}, arm {arms[0]} has {', '.join(labels[0])}; "
                "they must be the same, in the same order"
            )
    return None
