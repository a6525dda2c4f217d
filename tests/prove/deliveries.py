"""Labels as they really arrive: twice, in conflict, for predictions of others, too late; and what must be left."""

import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from service.identifiers import uuid7
from service.secrets import Secret

LABELS = ("negative", "positive")
SOURCES = ("audit", "gold", "user")

Key = tuple[str, str]
"""Prediction and source: what one label is in force for."""


class Delivery(NamedTuple):
    """One request to be made.

    Attributes:
        prediction_id: what it is about.
        label: what it says.
        source: who says so.
        insists: whether it is sent again until it is answered; else it is sent once.
    """

    prediction_id: str
    label: str
    source: str
    insists: bool

    @property
    def key(self) -> Key:
        """What it is in force for, if it is accepted."""
        return self.prediction_id, self.source


class Answered(NamedTuple):
    """A delivery and the status of its answer; None if the process died before it came."""

    delivery: Delivery
    status: int | None


class Stored(NamedTuple):
    """What the tables hold: labels in force, each row of them, and revisions."""

    labels: Sequence[tuple[Key, str]]
    revisions: frozenset[tuple[Key, str]]


def deliveries(count: int, predictions: Sequence[str], secret: Secret, seed: int) -> list[Delivery]:
    """Return `count` deliveries in an order that chance decides.

    Of ten, six are first labels (one of twelve of them for a prediction that the store never saw), two say the same
    again, one says something else, and one is forged or for a prediction that is too old.

    Args:
        count: how many.
        predictions: ids that were answered, at least 55 for every 100 deliveries.
        secret: what ids are made under.
        seed: of all choices.
    """
    drawn = random.Random(seed)
    now = time.time()
    unseen = [made_id(secret, now - drawn.uniform(0, 3600), drawn) for _ in range(count // 20)]
    known = [*predictions[: count * 6 // 10 - len(unseen)], *unseen]
    firsts = [Delivery(name, drawn.choice(LABELS), drawn.choice(SOURCES), drawn.random() < 0.5) for name in known]
    again = drawn.choices(firsts, k=count * 2 // 10)
    others = [
        first._replace(label=LABELS[1 - LABELS.index(first.label)]) for first in drawn.choices(firsts, k=count // 10)
    ]
    wrong = [*drawn.choices(firsts, k=count // 20)]
    forged = [each._replace(prediction_id=f"{each.prediction_id[:-16]}{drawn.getrandbits(64):016x}") for each in wrong]
    rest = count - len(firsts) - len(again) - len(others) - len(forged)
    late = [Delivery(made_id(secret, now - 40 * 86_400, drawn), "negative", "audit", True) for _ in range(rest)]
    everything = [*firsts, *again, *others, *forged, *late]
    drawn.shuffle(everything)
    return everything


def made_id(secret: Secret, at: float, drawn: random.Random) -> str:
    """Return the id of a prediction as the service would have given it then."""
    name = uuid7(round(at * 1e9), drawn.getrandbits(62))
    return f"{name}-{secret.mac('prediction').hex(name.encode())[:16]}"


def faults(answers: Iterable[Answered], stored: Stored) -> list[str]:
    """Return what is not as it was answered; nothing if exactly the acknowledged labels are there, each once.

    A label whose answer never came may be there or not: whoever sent it was told nothing.
    """
    found: list[str] = []
    in_force = dict(stored.labels)
    if len(in_force) != len(stored.labels):
        found.append(f"{len(stored.labels) - len(in_force)} labels are there twice")
    may_be_there: set[tuple[Key, str]] = set()
    accepted: Counter[Key] = Counter()
    for delivery, status in answers:
        key, label = delivery.key, delivery.label
        accepted[key] += status == 202
        if status in {202, 200, None}:
            may_be_there.add((key, label))
        if (fault := _fault(delivery, status, in_force, stored.revisions)) is not None:
            found.append(f"{fault}: answered {status}")
    found += [f"accepted {times} times" for times in accepted.values() if times > 1]
    found += ["there, and nobody was told so" for each in in_force.items() if each not in may_be_there]
    return found


def _fault(
    delivery: Delivery, status: int | None, in_force: Mapping[Key, str], revisions: frozenset[tuple[Key, str]]
) -> str | None:
    there = in_force.get(delivery.key)
    if status in {202, 200}:
        return None if there == delivery.label else "acknowledged and not in force"
    if status == 409:
        kept = there not in {None, delivery.label} and (delivery.key, delivery.label) in revisions
        return None if kept else "in conflict and not kept"
    if status in {404, 410}:
        return None if there is None else "refused and there"
    return None if status is None else "not expected"
