"""The use case of comparing: one text, scored by several models, one after the other, so that each time is its own."""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import groupby
from time import perf_counter
from typing import NamedTuple

from model_store.encoder import Encoded
from service.errors import EmptyTextError, InvalidRequestError, NotReadyError, UnknownModelError
from service.model import Model
from service.registry import Registry, State
from service.schemas_comparison import CompareRequest
from service.scoring import Probabilities
from service.security.callers import ANYONE, Caller
from service.versions.answering import Named


class Compared(NamedTuple):
    """What one model says of a text.

    Attributes:
        model: the version that says so.
        label: the most probable label.
        probabilities: one for each label, in the order of the model's labels.
        encoded: what the model saw of the text.
        seconds: from the text to its probabilities, waiting for other requests included.
    """

    model: Model
    label: str
    probabilities: Probabilities
    encoded: Encoded
    seconds: float

    @property
    def uncertain(self) -> bool:
        """Whether the probability of the label is too low to rely on, as the version has it."""
        return max(self.probabilities) < self.model.stored.manifest.certain_from


class Consensus(NamedTuple):
    """What most models say, and the share of them that does."""

    label: str
    share: float


class Comparer:
    """Compares the models of a registry. Nothing of it is stored or counted as an answer of a model.

    Args:
        registry: the versions that are served.
        default_model: whose labels a model must have to be compared without being named.
    """

    def __init__(self, registry: Registry, default_model: str) -> None:
        self._registry = registry
        self._default_model = default_model

    async def compare(self, request: CompareRequest, caller: Caller = ANYONE) -> list[Compared]:
        """Score the text with each model, in the order of the request or else of their names.

        Args:
            request: the text, and who shall score it.
            caller: who asks; the text is counted once for each model.

        Raises:
            LimitExceededError: if these are more than the caller may have.
            EmptyTextError: if there is nothing to score.
            UnknownModelError: if a name is not that of a served model or version.
            InvalidRequestError: if a version is named twice, or not all have the same labels.
            NotReadyError, QueueFullError, InferenceError: if any of the models cannot answer.
        """
        return await self.score(self.choose(request.models), request.text, caller)

    def choose(self, names: Sequence[str] | None) -> list[Model]:
        """Return the models of these names, or all that stand beside the default model.

        Raises:
            UnknownModelError, InvalidRequestError, NotReadyError: as `compare`.
        """
        return self._comparable() if names is None else self._named(names)

    async def score(self, models: Sequence[Model], text: str, caller: Caller = ANYONE) -> list[Compared]:
        """Score the text with each of the models, in their order.

        Raises:
            LimitExceededError, EmptyTextError, QueueFullError, InferenceError: as `compare`.
        """
        caller.take(len(models))
        with ExitStack() as admissions:
            for model in models:  # all of them before the first await: from here on, a swap waits for us
                admissions.enter_context(model.batcher.admit(1))
            return [await _score(model, text) for model in models]

    def _comparable(self) -> list[Model]:
        try:
            labels = self._registry.get(self._default_model, None).stored.manifest.labels
        except UnknownModelError as error:
            raise NotReadyError("the default model is not served; GET /models says why") from error
        ready = [ref for ref, entry in self._registry.entries.items() if entry.state is State.READY]
        latest = [self._registry.get(name, None) for name, _ in groupby(ref.name for ref in ready)]
        return [model for model in latest if model.stored.manifest.labels == labels]

    def _named(self, names: Sequence[str]) -> list[Model]:
        models = [self._registry.get(*_parsed(name)) for name in names]
        if len({model.ref for model in models}) < len(models):
            raise InvalidRequestError("models names the same version twice", "invalid_field")
        if len({model.stored.manifest.labels for model in models}) > 1:
            raise InvalidRequestError("models names some that do not have the same labels", "invalid_field")
        return models


def consensus(compared: Sequence[Compared]) -> Consensus:
    """Return what most of the models say; of labels with as many, the one with the higher probability in sum."""
    labels = compared[0].model.stored.manifest.labels
    sums = [sum(column) for column in zip(*(item.probabilities for item in compared), strict=True)]
    votes = [sum(item.label == label for item in compared) for label in labels]
    best = max(range(len(labels)), key=lambda place: (votes[place], sums[place]))
    return Consensus(labels[best], votes[best] / len(compared))


async def _score(model: Model, text: str) -> Compared:
    started = perf_counter()
    encoded = model.encode(text)
    if not encoded.ids:
        raise EmptyTextError
    [probabilities] = await model.batcher.submit([encoded.ids])
    seconds = perf_counter() - started
    label = model.stored.manifest.labels[probabilities.index(max(probabilities))]
    return Compared(model, label, probabilities, encoded, seconds)


def _parsed(name: str) -> tuple[str, Named]:
    """Split `gru/2` and `gru/canary`; of a version that is none, the registry knows nothing."""
    model, separator, version = name.partition("/")
    if version.isascii() and version.isdigit() and len(version) < 10 and version[0] != "0":
        return model, int(version)
    return model, version if separator else None
