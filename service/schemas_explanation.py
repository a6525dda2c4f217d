"""The bodies of POST /explain."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas import Request, Text
from service.schemas_comparison import MAX_MODELS, Agreement

MAX_UNIT_MODELS = 3
"""Models of which one request may ask for every unit: that is a megabyte and more for a long text."""

Probability = Annotated[float, Field(ge=0, le=1)]


class ExplainRequest(Request):
    """One text, and whose answers shall be explained."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "기대를 많이 했는데 좀 지루했다", "models": ["rnn", "lstm", "gru"]}]}
    )

    text: Text
    models: Annotated[
        list[str] | None,
        Field(
            min_length=1,
            max_length=MAX_MODELS,
            description="Names of served models, or versions such as `gru/2`, all with the same labels; absent or "
            "null: the latest version of every served model that has the labels of the default model and a fused "
            "graph.",
        ),
    ] = None
    label: Annotated[
        str | None,
        Field(
            description="Whose probability is followed; absent or null: of two labels the second, of more the one "
            "that most models give."
        ),
    ] = None
    units: Annotated[
        bool, Field(description=f"Whether to show every unit of every gate; of at most {MAX_UNIT_MODELS} models.")
    ] = False


class ExplainedToken(BaseModel):
    """A token and the characters of the text that it stands for, counted in code points, the end not included.

    A mark that stands for none, such as the one before a first word that the encoder does not know, has an empty span.
    """

    model_config = ConfigDict(extra="forbid")

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    known: Annotated[bool, Field(description="Whether the encoder of the model knows it.")]


class IntegratedGradients(BaseModel):
    """What each token adds to the probability, from embeddings of zero on."""

    model_config = ConfigDict(extra="forbid")

    values: Annotated[list[float], Field(description="By token; positive if it speaks for the label.")]
    baseline: Annotated[float, Field(ge=0, le=1, description="The probability with embeddings of zero.")]
    completeness_error: Annotated[
        float, Field(ge=0, description="How far baseline and values are from adding up to the probability.")
    ]
    steps: Annotated[int, Field(description="Points at which the gradient was taken.")]


class ExplainedLayer(BaseModel):
    """One direction of a recurrent layer."""

    model_config = ConfigDict(extra="forbid")

    layer: Annotated[int, Field(ge=1, description="1 is next to the embedding.")]
    direction: Literal["forward", "backward"]
    cell: Literal["rnn", "lstm", "gru"]
    units: int
    gates: Annotated[
        dict[str, list[float]],
        Field(
            description="By token, the mean over the units: LSTM `forget`, `input`, `output`, `candidate`, `cell`, "
            "`hidden`; GRU `update` (1 keeps the state), `reset`, `candidate`, `hidden`; SimpleRNN `hidden`. Of "
            "`candidate`, `cell` and `hidden`, which may be negative, the mean of the absolute value."
        ),
    ]
    memory: Annotated[
        list[float],
        Field(description="How much its last state depends on what it read k steps before, k = 0, 1, …: a norm."),
    ]
    per_unit: Annotated[
        dict[str, list[list[float]]] | None, Field(description="The same by token and unit, signed; null if not asked.")
    ]


class ExplainedModel(BaseModel):
    """What one of the models says of the text, and why. Lists have a number for each token."""

    model_config = ConfigDict(extra="forbid")

    model: str
    version: int
    variant: Annotated[str, Field(description="What kind of network it is.")]
    answer: Annotated[str, Field(description="The most probable label.")]
    score: Annotated[float, Field(ge=0, le=1, description="Probability of `answer`, to six decimals.")]
    scores: Annotated[dict[str, float], Field(description="Probability of every label, in the order of the model.")]
    time_ms: Annotated[float, Field(ge=0, description="From the text to its probabilities, waiting included.")]
    explain_ms: Annotated[float, Field(ge=0, description="What the explanation of this model took.")]
    truncated: Annotated[bool, Field(description="Whether the model saw only the beginning of the text.")]
    uncertain: Annotated[bool, Field(description="Whether the probability of `answer` is too low to rely on.")]
    unknown_tokens: Annotated[int, Field(description="How many tokens it does not know.")]
    replay_difference: Annotated[
        float, Field(ge=0, description="Largest difference of a probability between the replay and the service.")
    ]
    tokens: list[ExplainedToken]
    trajectory: Annotated[list[Probability], Field(description="Probability of `label` after each token.")]
    occlusion: Annotated[
        list[float], Field(description="How much higher the probability of `label` is than without the token.")
    ]
    integrated_gradients: IntegratedGradients
    memory: Annotated[
        list[float],
        Field(
            description="How much the answer depends on the token k steps before the end, k = 0, 1, …: the norm of "
            "the gradient of its log-odds."
        ),
    ]
    layers: Annotated[list[ExplainedLayer], Field(description="Empty for a model without recurrence.")]


class Explanation(BaseModel):
    """One text, explained for several models."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, Field(description="Whose probability is followed.")]
    labels: Annotated[list[str], Field(description="Of all these models, in their order.")]
    agreement: Agreement
    models: Annotated[list[ExplainedModel], Field(description="In the order asked for, else by name.")]
