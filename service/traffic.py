"""Decides which model answers a request. Pure: the same request and rules always give the same model."""

import unicodedata
from bisect import bisect_right
from hashlib import sha256
from math import log
from struct import Struct
from typing import NamedTuple

from service.experiments.live import Live, Part
from service.experiments.observation import Reason

_first_64_bits = Struct(">Q").unpack_from
_STEP = 2.0**-64
"""From one number that 64 bits can draw to the next."""


class Assignment(NamedTuple):
    """Who answers.

    Attributes:
        model: the name of the model.
        version: its number or alias; None for the one that answers for the name.
        part: what the request is to the experiment; None if it is none of its business.
    """

    model: str
    version: int | str | None
    part: Part | None = None


def assign(
    model: str | None, version: int | str | None, default_model: str, live: Live | None, unit: str | float
) -> Assignment:
    """Return who answers: the model that the caller names, else an arm of the experiment, else the default model.

    Args:
        model: as the caller named it, or None.
        version: as the caller named it, or None; only beside a model.
        default_model: what answers when no model is named and the request is not drawn for an experiment.
        live: the experiment that runs, or None.
        unit: the client's key, not empty, which always gets the same arm; without one, a random number in [0, 1).
    """
    if model is not None:
        return Assignment(model, version)
    if live is None or not _takes_part(live, unit):
        return Assignment(default_model, None)
    place: int
    reason: Reason
    if live.experiment.mode == "shadow":
        place, reason = 0, "fixed"
    elif isinstance(unit, str):
        place, reason = _place_by_key(live, unit), "hash"
    else:
        place, reason = bisect_right(live.bounds, unit / live.experiment.coverage), "random"
    arm = live.arms[place]
    return Assignment(*arm.ref, live.parts[place, reason])


def unit_interval(content: bytes) -> float:
    """Return the first 64 bits of the SHA-256 of `content` as a number from 0 to 1."""
    bits: int = _first_64_bits(sha256(content).digest())[0]
    return bits * _STEP


def canonical(key: str) -> bytes:
    """Return a client's key as it is hashed: however its characters were composed (NFC), and whatever they are."""
    return unicodedata.normalize("NFC", key).encode(errors="surrogatepass")


def _takes_part(live: Live, unit: str | float) -> bool:
    """Tell whether a unit is drawn; a wider coverage keeps all whom a narrower one had."""
    coverage = live.experiment.coverage
    if coverage == 1:
        return True
    draw = unit_interval(live.coverage_salt + canonical(unit)) if isinstance(unit, str) else unit
    return draw < coverage


def _place_by_key(live: Live, key: str) -> int:
    """Return the place of a client's arm.

    Weighted rendezvous hashing: every arm draws -ln(u) / weight for the client, u from the hash of both, and the least
    wins (the same as the greatest -weight / ln(u)). So an arm wins in proportion to its weight, and when weights
    change, only those clients move who must.
    """
    unit = canonical(key)
    draws = [
        -log(unit_interval(salt + unit) or _STEP) / arm.weight  # 0 has no logarithm
        for salt, arm in zip(live.arm_salts, live.arms, strict=True)
    ]
    return draws.index(min(draws))
