"""More is asked for than can be answered, or than can be answered in time."""

from http import HTTPStatus
from math import ceil
from typing import ClassVar, Literal

from service.errors.answer import ServiceError

RefusalReason = Literal["queue_full", "overload", "deadline"]
"""Why a request was refused before anything was done for it: the label of `sentiment_refused_requests_total`."""

_LATEST_S = 60
"""The longest time after which a client is asked to come back; what is predicted beyond a minute is worth little."""


class CapacityError(ServiceError):
    """A request that is refused at once, because answering it would make it or others late.

    Args:
        retry_after_s: seconds until it would be let in, as predicted; rounded up to whole ones.
    """

    status = HTTPStatus.TOO_MANY_REQUESTS
    refusal: ClassVar[RefusalReason]
    detail: ClassVar[str]

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(self.detail)
        self.retry_after_s = min(max(1, ceil(retry_after_s)), _LATEST_S)


class QueueFullError(CapacityError):
    """More texts wait for this version than it may hold."""

    title = "Too many texts are waiting"
    slug = "queue-full"
    refusal = "queue_full"
    detail = "as many texts are waiting for this model as may (NUNCHI_QUEUE_ROWS)"


class OverloadError(CapacityError):
    """It would have to wait longer than a request may."""

    title = "Too many requests are waiting"
    slug = "overload"
    refusal = "overload"
    detail = "it would have to wait for longer than requests may (NUNCHI_LONGEST_WAIT_S)"


class DeadlineTooNearError(CapacityError):
    """It would be answered only after its deadline."""

    title = "The deadline is too near"
    slug = "deadline-too-near"
    refusal = "deadline"
    detail = "with what is waiting already it would be answered only after its deadline"


class DeadlineError(ServiceError):
    """Its deadline passed before it was answered; nothing more is done for it."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    title = "The deadline has passed"
    slug = "deadline-passed"

    def __init__(self) -> None:
        super().__init__("it was not answered within its time (X-Request-Timeout or NUNCHI_REQUEST_TIMEOUT_S)")
