"""The bodies of the answers about experiments."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ArmStatus(_Answer):
    """One arm of an experiment."""

    name: str
    model: str
    version: Annotated[
        int | str | None, Field(description="What answers for it; until it runs an alias, or null for the latest.")
    ]
    weight: Annotated[float, Field(description="Its part of the traffic, beside the weights of the others.")]


class ExperimentStatus(_Answer):
    """An experiment as it was declared, and what became of it."""

    name: str
    state: Annotated[
        Literal["running", "waiting", "refused", "stopped"],
        Field(description="`waiting`: for its arms or the store; `refused`: its arms cannot be compared."),
    ]
    reason: Annotated[str | None, Field(description="Why it is waiting or refused.")]
    phase: Annotated[int | None, Field(description="Number of the phase while it runs; every change opens another.")]
    mode: Literal["split", "shadow", "shadow_randomized"]
    coverage: Annotated[float, Field(description="Share of the clients that take part.")]
    margin: Annotated[float, Field(description="Accuracies that differ by no more are equivalent.")]
    alpha: Annotated[float, Field(description="The risk of naming a winner when there is none.")]
    arms: list[ArmStatus]


class ExperimentList(_Answer):
    """Every experiment that is declared, in the order of the file."""

    broken: Annotated[str | None, Field(description="Why the file as it is now is not in force; null if it is.")]
    experiments: list[ExperimentStatus]


class ArmAnswer(_Answer):
    """What one arm said of a text."""

    arm: str
    label: Annotated[str | None, Field(description="null: it gave no answer.")]
    score: Annotated[float | None, Field(description="Probability of `label`.")]


class ToLabel(_Answer):
    """A text that people should label, by its prediction."""

    prediction_id: Annotated[str, Field(description="For POST /feedback.")]
    created_at: Annotated[float, Field(description="Seconds since 1970, UTC.")]
    audit: Annotated[bool, Field(description="Whether it is of the random sample; else the arms disagree on it.")]
    text: Annotated[str | None, Field(description="null unless NUNCHI_STORE_TEXT is set.")]
    answers: list[ArmAnswer]


class LabelQueue(_Answer):
    """What to label next: first the random sample, then what the arms disagree on, oldest first."""

    experiment: str
    phase: int
    items: list[ToLabel]


class Forgotten(_Answer):
    """What was deleted of a client."""

    predictions: Annotated[int, Field(description="Of how many predictions everything was deleted, labels included.")]
