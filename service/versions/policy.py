"""Which versions of a model are served: the setting NUNCHI_VERSIONS, and what follows from it. Pure."""

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

from model_store.layout import NAME_PATTERN

DEFAULT = "latest(2)"
"""The newest version and the one before it, so that going back costs nothing."""

_FORMS = "latest(n), all or specific(n,…)"
_FORM = re.compile(r"(all)|latest\(([1-9][0-9]{0,8})\)|specific\(([1-9][0-9]{0,8}(?:\s*,\s*[1-9][0-9]{0,8})*)\)")


@dataclass(frozen=True, slots=True)
class Policy:
    """Which of the good versions of a model are served.

    Attributes:
        latest: the newest so many; None: any number.
        only: none but these; None: any.
    """

    latest: int | None = None
    only: frozenset[int] | None = None

    def choose(self, versions: Iterable[int]) -> frozenset[int]:
        """Return those of `versions` that are wanted."""
        if self.only is not None:
            return self.only & frozenset(versions)
        return frozenset(sorted(versions, reverse=True)[: self.latest])

    def __str__(self) -> str:
        if self.only is not None:
            return f"specific({','.join(map(str, sorted(self.only)))})"
        return "all" if self.latest is None else f"latest({self.latest})"


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy of every model.

    Attributes:
        default: of those that have none of their own.
        own: by the name of the model.
    """

    default: Policy
    own: Mapping[str, Policy]

    def of(self, model: str) -> Policy:
        """Return the policy of a model."""
        return self.own.get(model, self.default)


class Known(NamedTuple):
    """What is known of the versions of one model, each by its number.

    Attributes:
        listed: those in the store.
        refused: those that cannot be served.
        ready: those that are.
        pinned: those that an alias or a running experiment names.
        loaded: those that an administrator wants beside the policy.
        unloaded: those that an administrator does not want; being pinned outweighs it.
    """

    listed: Set[int]
    refused: Set[int] = frozenset()
    ready: Set[int] = frozenset()
    pinned: Set[int] = frozenset()
    loaded: Set[int] = frozenset()
    unloaded: Set[int] = frozenset()


class Aspired(NamedTuple):
    """What follows.

    Attributes:
        serve: the versions to be served; those that are not ready are to be loaded.
        keep: the versions that, if they are ready, stay so.
    """

    serve: frozenset[int]
    keep: frozenset[int]


def aspired(policy: Policy, known: Known) -> Aspired:
    """Return which versions of a model are to be served, and which may not be dropped yet.

    A refused version counts for nothing, so a bad one that is published never leaves fewer good ones. Until a new one
    is ready, those stay that the policy would want without it. The last good version stays although its directory is
    gone: only an administrator's word drops it.
    """
    good = known.listed - known.refused - known.unloaded
    asked = (known.pinned | known.loaded) & (known.listed - known.refused)
    serve = policy.choose(good) | asked
    keep = serve | known.pinned | policy.choose(good & known.ready)
    left = known.ready - known.unloaded
    if left and not keep & known.ready:
        keep |= {max(left)}
    return Aspired(frozenset(serve), frozenset(keep))


def parse(text: str) -> Policies:
    """Return what the setting says: policies with `;` between them, those of single models as `model=policy`.

    Raises:
        ValueError: if it is not of that form; the message is meant for a person.
    """
    own: dict[str, Policy] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        model, separator, form = part.rpartition("=")
        name = model.strip()
        if separator and not NAME_PATTERN.fullmatch(name):
            raise ValueError(f"{part!r} names no model; it must be like gru={DEFAULT}")
        if name in own:
            raise ValueError(f"there are two policies {f'of {name}' if name else 'without the name of a model'}")
        own[name] = _policy(form.strip())
    return Policies(own.pop("", _policy(DEFAULT)), own)


def _policy(form: str) -> Policy:
    found = _FORM.fullmatch(form)
    if not found:
        raise ValueError(f"{form!r} is no policy; there are {_FORMS}, and numbers begin at 1")
    _, latest, only = found.groups()
    if only:
        return Policy(only=frozenset(map(int, only.split(","))))
    return Policy(int(latest)) if latest else Policy()
