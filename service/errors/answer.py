"""What every answer other than 200 has in common."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar, Literal

RejectedReason = Literal["invalid_json", "invalid_field", "empty", "too_long", "too_large"]
"""Why a body was not taken: the closed set of the label of `sentiment_input_rejected_total`."""

AccessReason = Literal["no_key", "bad_key", "expired_key", "scope", "limit", "host", "cross_site"]
"""Why a caller was turned away: the closed set of the label of `sentiment_access_refused_total`."""

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
        turned_away: under which name it is counted among the callers that were turned away; None if it is not one.
        index: which of several texts it is about; None for all else.
        headers: further ones of the answer, with names in lower case.
        report: what was measured and led to it; None for all else.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    title: ClassVar[str] = "Internal error"
    slug: ClassVar[str] = "internal-error"
    retry_after_s: int | None = None
    reason: RejectedReason | None = None
    turned_away: AccessReason | None = None
    index: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    report: Mapping[str, object] | None = None
