"""What the request path and the feedback route hand to the store: plain tuples, cheap to build."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Reason = Literal["hash", "random", "fixed"]
"""Why an arm answered: by the client's key, by chance, or because the mode says so."""

LabelSource = Literal["gold", "audit", "user"]
"""Who says what a text truly is. `user` labels are shown, and never decide."""

LabelResult = Literal["accepted", "same", "conflict"]
"""What became of a label: it is in force; it was already; another is, and this one is kept as a revision."""


class Outcome(NamedTuple):
    """What one arm made of a text.

    Attributes:
        arm: its name in the experiment.
        model: the model that stands for it.
        version: the version of the model.
        label: the most probable label; None if the arm gave no answer.
        probabilities: one for each label, in the order of the model's labels; empty if there is no answer.
        latency_us: microseconds from text to answer; None if there is no answer.
        error: why there is none, as a short word (`dropped`, `model_error`); None if there is one.
    """

    arm: str
    model: str
    version: int
    label: str | None
    probabilities: Sequence[float]
    latency_us: int | None
    error: str | None = None


class Observation(NamedTuple):
    """One text that an experiment saw, with what all its arms made of it.

    Attributes:
        prediction_id: begins with a UUID of version 7, so that the order of ids is the order of time.
        experiment: its name.
        phase: the number of its phase, from 1.
        unit: HMAC of the client's key, or of a name made for a batch that came without; None for a single text that
            came without, which is a unit of its own.
        text_hmac: HMAC of the normalised text.
        text: the text itself; None unless the operator asked for it.
        tokens: its length as the served arm saw it.
        served_arm: the arm whose answer the caller got.
        reason: why that one.
        audit: whether the text is in the random sample that people should label.
        created_at: seconds since 1970, UTC.
        outcomes: one for each arm that was asked; in split traffic the served arm's alone.
    """

    prediction_id: str
    experiment: str
    phase: int
    unit: str | None
    text_hmac: str
    text: str | None
    tokens: int
    served_arm: str
    reason: Reason
    audit: bool
    created_at: float
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the outcomes of many texts have in common; each is made once and known by its identity.

    Attributes:
        arm, model, version, label, error: as in `Outcome`.
        probabilities: how many it comes with; without a label none, and no latency.
    """

    arm: str
    model: str
    version: int
    label: str | None
    error: str | None
    probabilities: int


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What many observations have in common; each is made once and known by its identity.

    Attributes:
        experiment, phase, served_arm, reason: as in `Observation`.
        answers: one for each of its outcomes.
        disagree: whether two arms gave different labels; one without an answer disagrees with nobody.
    """

    experiment: str
    phase: int
    served_arm: str
    reason: Reason
    answers: tuple[Answer, ...]
    disagree: bool = field(init=False)

    def __post_init__(self) -> None:
        labels = {answer.label for answer in self.answers} - {None}
        object.__setattr__(self, "disagree", len(labels) > 1)


class Recorded(NamedTuple):
    """An observation as it is written: taken apart into what many have in common and the rest.

    Attributes:
        kind: what it has in common with others.
        prediction_id, unit, text_hmac, text, tokens, audit, created_at: as in `Observation`.
        numbers: of each answer with a label the latency in microseconds, then its probabilities.
    """

    kind: Kind
    prediction_id: str
    unit: str | None
    text_hmac: str
    text: str | None
    tokens: int
    audit: bool
    created_at: float
    numbers: Sequence[float]


class LabelGiven(NamedTuple):
    """What somebody says a text truly is.

    Attributes:
        prediction_id: of the prediction it is about; its observation may be written later, or never.
        source: who says so.
        label: one of the model's labels.
        received_at: seconds since 1970, UTC.
    """

    prediction_id: str
    source: LabelSource
    label: str
    received_at: float
