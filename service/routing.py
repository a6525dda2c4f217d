"""Finds the version that answers a request, and what the request is to an experiment."""

from collections.abc import Callable
from random import random
from time import perf_counter
from typing import NamedTuple

from service.errors import NotReadyError, UnknownModelError
from service.experiments.live import Live, Part
from service.model import Model
from service.registry import Registry
from service.traffic import assign
from service.versions.answering import Named


class Taking(NamedTuple):
    """A request that takes part in an experiment.

    Attributes:
        live: the experiment as it was when the request came.
        part: which arm answers, and why.
        client: the client's key; None if there was none.
    """

    live: Live
    part: Part
    client: str | None


class Routed(NamedTuple):
    """Who answers a request.

    Attributes:
        model: the version.
        taking: what the request is to an experiment; None if nothing.
        started: when that was decided, in seconds of `perf_counter`.
    """

    model: Model
    taking: Taking | None
    started: float

    @property
    def part(self) -> Part | None:
        """Which arm answers, and why; None if the request is none of an experiment's business."""
        return self.taking.part if self.taking else None


class Router:
    """Asks the traffic rules who answers, and the registry for that version.

    Args:
        registry: the versions that are served.
        default_model: what answers when a request names none and no experiment wants it.
        live: tells which experiment runs now.
    """

    def __init__(self, registry: Registry, default_model: str, live: Callable[[], Live | None]) -> None:
        self._registry = registry
        self._default_model = default_model
        self._live = live

    def route(self, model: str | None, version: Named, client: str | None) -> Routed:
        """Return who answers. An arm that is not ready leaves its requests to the default model, uncounted.

        Args:
            model: as the caller named it, or None.
            version: as the caller named it, or None; only beside a model.
            client: the key by which an experiment keeps a client at an arm; None leaves it to chance.

        Raises:
            UnknownModelError, NotReadyError: if nothing that may answer is ready.
        """
        started = perf_counter()
        live = self._live()
        chosen = assign(model, version, self._default_model, live, client or random())
        if live is None or chosen.part is None:
            named = model is not None
            return Routed(self._registry.get(*chosen[:2]) if named else self._default(), None, started)
        try:
            return Routed(self._registry.get(*chosen[:2]), Taking(live, chosen.part, client), started)
        except (UnknownModelError, NotReadyError):
            return Routed(self._default(), None, started)

    def _default(self) -> Model:
        try:
            return self._registry.get(self._default_model, None)
        except UnknownModelError as error:
            raise NotReadyError("the default model is not served; GET /models says why") from error
