"""The bodies of POST /compare."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.schemas import Request, Text

MAX_MODELS = 16
"""Models that one request may name."""


class CompareRequest(Request):
    """One text, and who shall score it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "배우들 연기가 정말 좋았어요", "models": ["gru", "lstm"]}]}
    )

    text: Text
    models: Annotated[
        list[str] | None,
        Field(
            min_length=1,
            max_length=MAX_MODELS,
            description="Names of served models, or versions such as `gru/2`, all with the same labels; absent or "
            "null: the latest version of every served model that has the labels of the default model.",
        ),
    ] = None


class ComparedModel(BaseModel):
    """What one of the models says of the text."""

    model_config = ConfigDict(extra="forbid")

    model: str
    version: int
    label: Annotated[str, Field(description="The most probable label.")]
    score: Annotated[float, Field(ge=0, le=1, description="Probability of `label`, to six decimals.")]
    scores: Annotated[dict[str, float], Field(description="Probability of every label, in the order of the model.")]
    time_ms: Annotated[float, Field(ge=0, description="From the text to its probabilities, waiting included.")]
    truncated: Annotated[bool, Field(description="Whether the model saw only the beginning of the text.")]
    uncertain: Annotated[bool, Field(description="Whether the probability of `label` is too low to rely on.")]
    tokens: Annotated[int, Field(description="How many units the model saw.")]
    unknown_tokens: Annotated[int, Field(description="How many of them it does not know.")]


class Agreement(BaseModel):
    """Whether the models say the same."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, Field(description="What most models say; of equals, what they give the higher probability.")]
    share: Annotated[float, Field(ge=0, le=1, description="Of the models, how many say so.")]
    unanimous: bool


class Comparison(BaseModel):
    """One text, seen by several models."""

    model_config = ConfigDict(extra="forbid")

    models: Annotated[list[ComparedModel], Field(description="In the order asked for, else by name.")]
    agreement: Agreement
