"""Who answers for a version, an alias or the name of a model. Pure."""

from collections.abc import Mapping

from model_store.layout import VersionRef
from service.model import Model
from service.versions.orders import LATEST, STABLE, Aliases

Named = int | str | None
"""How a version is named: its number, an alias, or not at all."""

Answering = Mapping[tuple[str, Named], Model]
"""Who answers, by the name of the model and how its version is named."""


def answering(models: Mapping[VersionRef, Model], aliases: Aliases, before: Answering) -> Answering:
    """Return who answers now.

    An alias whose version is not ready is left with the one that answered for it until now; `stable`, which answers for
    the name of its model too, with the one that answered for the name.

    Args:
        models: those that may be given requests, in the order of their numbers.
        aliases: where they are to point.
        before: who answered until now.
    """
    now: dict[tuple[str, Named], Model] = {}
    for ref, model in models.items():
        now[ref.name, ref.version] = now[ref.name, LATEST] = now[ref.name, None] = model

    def going_on(name: str, version: Named) -> Model | None:
        model = before.get((name, version))
        return model if model and models.get(model.ref) is model else None

    for (name, alias), target in aliases.items():
        answers: dict[Named, Model | None] = {alias: models.get(target) or going_on(name, alias)}
        if alias == STABLE:
            answers[None] = answers[STABLE] or going_on(name, None)
        for version, answer in answers.items():
            now.pop((name, version), None)
            if answer:
                now[name, version] = answer
    return now
