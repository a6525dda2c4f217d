"""The bodies of requests and answers, as the documentation shows them."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from service.versions.orders import ALIAS_PATTERN

MAX_CHARACTERS = 5_000
"""Code points of one text, as received."""

MAX_TEXTS = 1_024
"""Texts of one batch."""


class _Told:
    """Tells in one way what is wrong with a value that may be of several types.

    Args:
        kind: of the error, as `service.parsing` knows it.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Put one error in the place of all."""
        return core_schema.custom_error_schema(handler(source), self._kind, custom_error_message="is not allowed")


Text = Annotated[str, Field(max_length=MAX_CHARACTERS, description="Counted in code points, as received.")]
Alias = Annotated[str, Field(pattern=f"^{ALIAS_PATTERN.pattern}$")]
ModelName = Annotated[str | None, Field(description="Name of a served model; absent or null: the default model.")]
Version = Annotated[
    int | Alias | None,
    _Told("version_type"),
    Field(description="Number of a version of `model`, or an alias; absent or null: `stable`, else the latest."),
]


class Request(BaseModel):
    """A body that holds nothing but what is documented, each of it of its type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _TargetedRequest(Request):
    model: ModelName = None
    version: Version = None

    @model_validator(mode="after")
    def _version_needs_model(self) -> Self:
        if self.version is not None and self.model is None:
            raise PydanticCustomError("version_without_model", "version needs model")
        return self


class PredictRequest(_TargetedRequest):
    """One text to score."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "배우들 연기가 정말 좋았어요", "model": "gru"}]})

    text: Text


class PredictBatchRequest(_TargetedRequest):
    """Several texts to score with the same model."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"texts": ["재밌어요", "시간이 아까웠다"]}]})

    texts: Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)]


class ExperimentTag(BaseModel):
    """Which experiment chose the model, and why."""

    name: str
    phase: int
    arm: str
    reason: str


class Prediction(BaseModel):
    """What a model says of a text."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "prediction_id": "01975f2e-8a4c-7b31-9d52-6f0c1e2a3b4d-c3a1f0b97e245d68",
                    "label": "positive",
                    "score": 0.93,
                    "scores": {"negative": 0.07, "positive": 0.93},
                    "model": "gru",
                    "version": 2,
                    "truncated": False,
                    "uncertain": False,
                    "experiment": None,
                }
            ]
        },
    )

    prediction_id: Annotated[str, Field(description="Opaque; later labels refer to it.")]
    label: Annotated[str, Field(description="The most probable label.")]
    score: Annotated[float, Field(ge=0, le=1, description="Probability of `label`, to six decimals.")]
    scores: Annotated[dict[str, float], Field(description="Probability of every label, in the order of the model.")]
    model: str
    version: int
    truncated: Annotated[bool, Field(description="Whether the model saw only the beginning of the text.")]
    uncertain: Annotated[
        bool, Field(description="Whether the probability of `label` is too low to rely on: below `certain_from`.")
    ]
    experiment: ExperimentTag | None


class PredictionBatch(BaseModel):
    """One prediction for each text, in their order."""

    model_config = ConfigDict(extra="forbid")

    predictions: list[Prediction]


class AliasStatus(BaseModel):
    """Where an alias points."""

    model: str
    alias: str
    version: Annotated[int, Field(description="Where it points.")]
    answering: Annotated[int | None, Field(description="Which version answers; another while that one is loading.")]
    previous: Annotated[int | None, Field(description="Where it goes if it is rolled back; null: nowhere.")]
    since: Annotated[str, Field(description="When it was pointed there, UTC.")]


class ReplayReport(BaseModel):
    """What came of trying two versions on the same texts."""

    texts: Annotated[int, Field(description="How many: golden texts of both, and texts of experiments if kept.")]
    flips: Annotated[int, Field(description="How many of them get another label.")]
    agreement: Annotated[float, Field(description="The share of those that get the same.")]
    kappa: Annotated[float | None, Field(description="Agreement beyond chance (Cohen); null: chance explains all.")]
    largest_difference: Annotated[float, Field(description="Of a probability.")]
    latency_ratio: Annotated[float, Field(description="How many times as long the new one takes for a text.")]


class ModelStatus(BaseModel):
    """One version in the store and what became of it."""

    model: str
    version: int
    state: Annotated[str, Field(json_schema_extra={"enum": ["loading", "ready", "draining", "refused", "unloaded"]})]
    reason: Annotated[str | None, Field(description="Why it is refused or not loaded, or loaded without a directory.")]
    engine: Annotated[str | None, Field(description="`onnx` or `tensorflow`; null when it is not loaded.")]
    device: Annotated[str | None, Field(description="`cpu` or `gpu`; null when it is not loaded.")]
    labels: list[str]
    certain_from: Annotated[
        float | None,
        Field(ge=0, le=1, description="Answers of a lower probability are `uncertain`; null: no answer ever is."),
    ]
    digest: Annotated[str | None, Field(description="SHA-256 of its manifest, and thereby of all its files.")]
    metrics: Annotated[dict[str, float], Field(description="Figures of its evaluation.")]


class ModelList(BaseModel):
    """Every version in the store, and every alias; `default` answers when a request names no model."""

    default: str
    models: list[ModelStatus]
    aliases: list[AliasStatus]
    broken: Annotated[
        str | None, Field(description="Why the file of the aliases as it is now is not in force; null if it is.")
    ]


class Health(BaseModel):
    """The state of the process."""

    status: str


class Problem(BaseModel):
    """An error (RFC 9457); served as `application/problem+json`."""

    type: Annotated[str, Field(description="Name of the kind of problem, a URN.")]
    title: str
    status: int
    detail: str
    request_id: Annotated[str, Field(description="That of the header X-Request-ID.")]
    index: Annotated[int | None, Field(description="Which of several texts; present only then.")] = None
    report: Annotated[ReplayReport | None, Field(description="What holds an alias back; present only then.")] = None
