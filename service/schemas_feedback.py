"""The bodies of POST /feedback and POST /feedback/batch."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.experiments.observation import LabelSource
from service.schemas import Request

MAX_ITEMS = 1_000
"""Labels of one batch."""

_EXAMPLE: dict[str, Any] = {
    "prediction_id": "01975f2e-8a4c-7b31-9d52-6f0c1e2a3b4d-c3a1f0b97e245d68",
    "label": "negative",
    "source": "audit",
}


class FeedbackRequest(Request):
    """What somebody says the text of a prediction truly is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    prediction_id: Annotated[str, Field(description="As `POST /predict` gave it.")]
    label: Annotated[str, Field(description="One of the labels of a model that is served.")]
    source: Annotated[
        LabelSource,
        Field(
            description="Who says so: `audit`, people who label a random sample; `gold`, an authority, which outweighs "
            "it; `user`, whoever volunteers, which is shown and never decides."
        ),
    ] = "user"


class FeedbackBatchRequest(Request):
    """Several labels, each judged on its own."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_EXAMPLE]}]})

    items: Annotated[list[FeedbackRequest], Field(min_length=1, max_length=MAX_ITEMS)]


class FeedbackAnswer(BaseModel):
    """What became of a label."""

    model_config = ConfigDict(extra="forbid")

    result: Annotated[
        Literal["accepted", "same"], Field(description="`accepted`: it is in force, and kept; `same`: it was already.")
    ]


class FeedbackStatus(BaseModel):
    """What became of one label of several: as if it had come alone."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[int, Field(description="The status that `POST /feedback` would have answered.")]
    type: Annotated[str | None, Field(description="Kind of the problem, a URN; null if there is none.")] = None
    detail: Annotated[str | None, Field(description="What the problem is; null if there is none.")] = None


class FeedbackBatchAnswer(BaseModel):
    """One status for each label, in their order."""

    model_config = ConfigDict(extra="forbid")

    items: list[FeedbackStatus]
