"""Decides which model answers a request. Pure: the same request and rules always give the same model."""

from typing import NamedTuple


class Assignment(NamedTuple):
    """The model that answers, and the version if the caller named one (None: the latest that is ready)."""

    model: str
    version: int | None


def assign(model: str | None, version: int | None, default_model: str) -> Assignment:
    """Return who answers: the model that the caller names, else the default one.

    Args:
        model: as the caller named it, or None.
        version: as the caller named it, or None; only beside a model.
        default_model: what answers when no model is named.
    """
    if model is None:
        return Assignment(default_model, None)
    return Assignment(model, version)
