"""What every answer other than 200 has in common."""

from http import HTTPStatus
from typing import ClassVar, Literal

RejectedReason = Literal["invalid_json", "invalid_field", "empty", "too_long", "too_large"]
"""Why a body was not taken: the closed set of the label of `sentiment_input_rejected_total`."""

FailureType = Literal["model_error", "bad_output"]
"""How an engine failed: the closed set of the label of `sentiment_inference_failures_total`."""


class ServiceError(Exception):
    """An answer other than 200. The message is its `detail` and never holds what the caller sent.

    Attributes:
        status: the HTTP status.
        title: the kind of the error in a few words, the same for every occurrence.
        slug: its name in the problem's `type`.
        retry_after_s: when it makes sense to ask again; None if it does not.
        reason: under which name it is counted among the rejected inputs; None if it is not one.
        index: which of several texts it is about; None for all else.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    title: ClassVar[str] = "Internal error"
    slug: ClassVar[str] = "internal-error"
    retry_after_s: int | None = None
    reason: RejectedReason | None = None
    index: int | None = None
