"""What is wrong with the model or version that should answer."""

from collections.abc import Sequence
from http import HTTPStatus

from service.errors.answer import FailureType, ServiceError


class UnknownModelError(ServiceError):
    """A name or version that is not served and will not be by waiting."""

    status = HTTPStatus.NOT_FOUND
    title = "Unknown model or version"
    slug = "unknown-model"

    def __init__(self, detail: str, served: Sequence[str]) -> None:
        super().__init__(f"{detail}; served: {', '.join(served) or 'none'}")
        self.served = served


class NotReadyError(ServiceError):
    """What is asked for is loading, draining, or could not be loaded."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Not ready"
    slug = "not-ready"

    def __init__(self, detail: str, retry_after_s: int = 2) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class InferenceError(ServiceError):
    """An engine raised, or gave numbers that are no probabilities."""

    title = "The model failed"
    slug = "model-failed"

    def __init__(self, error_type: FailureType) -> None:
        super().__init__("the model could not score this text; the event was logged")
        self.error_type = error_type


class EngineError(Exception):
    """A version cannot be loaded or run by the chosen engine; the message says why."""


class NotProvenError(EngineError):
    """A version did what would have hurt the service, in the process that was to prove it."""


class NoRoomError(EngineError):
    """A version needs more memory than there is now; it is tried again once there is."""
