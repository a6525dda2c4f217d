"""The errors of the service; the first tree becomes an answer, the second stops the start.

ServiceError                    an answer that is not 200: status, title, slug and evidence
├── InvalidRequestError  422    with the reason that is counted
│   ├── EmptyTextError   422
│   └── UnknownLabelError 422
├── BodyTooLargeError    413
├── UnknownModelError    404
├── UnknownExperimentError 404
├── UnknownPhaseError    404
├── UnknownPredictionError 404
├── ConflictingLabelError 409
├── ExpiredPredictionError 410
├── UnknownRouteError    404
├── WrongMethodError     405    with Allow
├── QueueFullError       429    with Retry-After
├── NotReadyError        503    with Retry-After
├── StoreUnavailableError 503   with Retry-After
└── InferenceError       500    the engine failed or answered nonsense
StartError                      the process cannot start as it was told to
EngineError                     a version cannot be loaded by the chosen engine
"""

from collections.abc import Iterable, Sequence
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


class InvalidRequestError(ServiceError):
    """The body is not what the documentation asks for."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Invalid request"
    slug = "invalid-request"

    def __init__(self, detail: str, reason: RejectedReason, index: int | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.index = index


class EmptyTextError(InvalidRequestError):
    """A text of nothing but blanks and control characters."""

    title = "Nothing to score"
    slug = "empty-text"

    def __init__(self, index: int | None = None) -> None:
        where = "text" if index is None else f"texts[{index}]"
        super().__init__(f"{where} holds nothing but blanks or control characters", "empty", index)


class UnknownLabelError(InvalidRequestError):
    """A label that none of the models served here can give."""

    title = "Unknown label"
    slug = "unknown-label"

    def __init__(self, labels: Iterable[str]) -> None:
        super().__init__(f"no model served here has this label; their labels: {', '.join(labels)}", "invalid_field")


class BodyTooLargeError(ServiceError):
    """The body has more bytes than the service reads."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "Body too large"
    slug = "body-too-large"
    reason = "too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the body is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


class UnknownModelError(ServiceError):
    """A name or version that is not served and will not be by waiting."""

    status = HTTPStatus.NOT_FOUND
    title = "Unknown model or version"
    slug = "unknown-model"

    def __init__(self, detail: str, served: Sequence[str]) -> None:
        super().__init__(f"{detail}; served: {', '.join(served) or 'none'}")
        self.served = served


class UnknownExperimentError(ServiceError):
    """A name that no experiment has."""

    status = HTTPStatus.NOT_FOUND
    title = "Unknown experiment"
    slug = "unknown-experiment"

    def __init__(self, declared: Iterable[str]) -> None:
        super().__init__(f"there is no such experiment; declared: {', '.join(declared) or 'none'}")


class UnknownPhaseError(ServiceError):
    """A phase that an experiment does not have; none at all, if it has not begun."""

    status = HTTPStatus.NOT_FOUND
    title = "Unknown phase"
    slug = "unknown-phase"


class UnknownPredictionError(ServiceError):
    """A prediction id that was not given here."""

    status = HTTPStatus.NOT_FOUND
    title = "Unknown prediction"
    slug = "unknown-prediction"

    def __init__(self) -> None:
        super().__init__("no prediction was given this id by a service with this secret")


class ConflictingLabelError(ServiceError):
    """The same source said something else before; that stays in force."""

    status = HTTPStatus.CONFLICT
    title = "Conflicting label"
    slug = "conflicting-label"

    def __init__(self) -> None:
        super().__init__("this source gave another label before, which stays in force; this one is kept beside it")


class ExpiredPredictionError(ServiceError):
    """The prediction is older than the service remembers."""

    status = HTTPStatus.GONE
    title = "Expired prediction"
    slug = "expired-prediction"

    def __init__(self, days: int) -> None:
        super().__init__(f"this prediction is older than {days} days, after which no label is taken for it")


class UnknownRouteError(ServiceError):
    """A path at which nothing is."""

    status = HTTPStatus.NOT_FOUND
    title = "Unknown route"
    slug = "unknown-route"

    def __init__(self) -> None:
        super().__init__("there is nothing at this path; the routes are listed in /docs")


class WrongMethodError(ServiceError):
    """A path that answers other methods than this one."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    title = "Method not allowed"
    slug = "wrong-method"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"this path answers {allowed}")
        self.allowed = allowed


class QueueFullError(ServiceError):
    """More texts wait for this version than it may hold."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many texts are waiting"
    slug = "queue-full"

    def __init__(self, pending_rows: int, limit_rows: int, retry_after_s: int = 1) -> None:
        super().__init__(f"{pending_rows} texts are waiting for this model, of at most {limit_rows}")
        self.pending_rows = pending_rows
        self.limit_rows = limit_rows
        self.retry_after_s = retry_after_s


class NotReadyError(ServiceError):
    """What is asked for is loading, draining, or could not be loaded."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Not ready"
    slug = "not-ready"

    def __init__(self, detail: str, retry_after_s: int = 2) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class StoreUnavailableError(ServiceError):
    """The database did not take in time what must not be lost; asking again does no harm."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The store is unavailable"
    slug = "store-unavailable"

    def __init__(self, detail: str, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class InferenceError(ServiceError):
    """An engine raised, or gave numbers that are no probabilities."""

    title = "The model failed"
    slug = "model-failed"

    def __init__(self, error_type: FailureType) -> None:
        super().__init__("the model could not score this text; the event was logged")
        self.error_type = error_type


class StartError(Exception):
    """The process cannot start: a setting is wrong, or what it asks for is not there."""


class EngineError(Exception):
    """A version cannot be loaded or run by the chosen engine; the message says why."""
