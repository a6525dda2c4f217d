"""The detail of an observation, all that no query asks for: 50 bytes, where its JSON would take 400.

    1 byte    1, the form that this is
    1 byte    number of outcomes n
    4 bytes   term of [served arm, reason]
    n x 4     term of each outcome: [arm, model, version, label, error, number of probabilities]
    8 bytes   when it was created, seconds since 1970 (float64)
    4 bytes   tokens
    then, of each outcome with a label: 4 bytes of latency in microseconds, 4 for each probability (float32)

Numbers are little-endian. What stands before the time is the same in many rows: it is put together, and taken apart,
once for each kind. Details that were written before there were terms are JSON objects, and begin with `{`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from typing import Any, NamedTuple

from service.experiments.observation import Kind, Outcome, Reason

_FORM, _JSON = 1, ord("{")
_HEAD = Struct("<BBI")


class Detail(NamedTuple):
    """What is in the detail of an observation."""

    created_at: float
    tokens: int
    served_arm: str
    reason: Reason
    outcomes: tuple[Outcome, ...]


class DetailForm(NamedTuple):
    """How the details of a kind are written: `head + pack(created_at, tokens, *numbers)`.

    Attributes:
        head: what they begin with; a bytearray, since drivers take bytes only after a look at what they could be.
        pack: makes the rest of a `Recorded`; it raises `struct.error` if a number does not fit.
    """

    head: bytearray
    pack: Callable[..., bytes]


def detail_form(kind: Kind, number: Callable[..., int]) -> DetailForm:
    """Return how the details of a kind are written; `number` gives the number of a term."""
    said = [(each.arm, each.model, each.version, each.label, each.error, each.probabilities) for each in kind.answers]
    terms = [number(*each) for each in said]
    head = _HEAD.pack(_FORM, len(terms), number(kind.served_arm, kind.reason)) + _terms(terms).pack(*terms)
    return DetailForm(bytearray(head), _numbers(said).pack)


class DetailReader:
    """Reads details.

    Args:
        terms: all that there are, by their numbers.
    """

    def __init__(self, terms: Mapping[int, Any]) -> None:
        self._terms = terms
        self._forms: dict[bytes, tuple[str, Reason, list[list[Any]], Struct]] = {}

    def read(self, detail: bytes) -> Detail:
        """Return what is in a detail.

        Raises:
            ValueError, LookupError, struct.error: if it is none.
        """
        if detail[0] == _JSON:
            return _from_json(detail)
        end = _HEAD.size + 4 * detail[1]
        head = detail[:end]
        served_arm, reason, said, numbers = self._forms.get(head) or self._learn(head)
        created_at, tokens, *values = numbers.unpack_from(detail, end)
        outcomes: list[Outcome] = []
        place = 0
        for arm, model, version, label, error, count in said:
            if label is None:
                outcomes.append(Outcome(arm, model, version, None, (), None, error))
                continue
            following = place + 1 + count
            answer = (arm, model, version, label, values[place + 1 : following], values[place], error)
            outcomes.append(_new(Outcome, answer))
            place = following
        return Detail(created_at, tokens, served_arm, reason, tuple(outcomes))

    def _learn(self, head: bytes) -> tuple[str, Reason, list[list[Any]], Struct]:
        _, count, served = _HEAD.unpack_from(head)
        served_arm, reason = self._terms[served]
        said = [self._terms[number] for number in _terms(range(count)).unpack_from(head, _HEAD.size)]
        form = self._forms[head] = served_arm, reason, said, _numbers(said)
        return form


def _from_json(detail: bytes) -> Detail:
    fields = json.loads(detail)
    outcomes = tuple([Outcome(**outcome) for outcome in fields.pop("outcomes")])
    return Detail(**fields, outcomes=outcomes)


def _terms(of: Iterable[object]) -> Struct:
    return Struct(f"<{len([*of])}I")


def _numbers(said: Iterable[tuple[Any, ...] | list[Any]]) -> Struct:
    """Return the layout of what follows the terms."""
    return Struct("<dI" + "".join("" if label is None else f"I{count}f" for _, _, _, label, _, count in said))


_new = tuple.__new__
"""Makes a named tuple in half the time that its class takes."""
