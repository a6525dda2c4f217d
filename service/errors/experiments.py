"""What is wrong with an experiment, a label, or the store that keeps them."""

from collections.abc import Iterable
from http import HTTPStatus

from service.errors.answer import ServiceError
from service.errors.requests import InvalidRequestError


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


class UnknownLabelError(InvalidRequestError):
    """A label that none of the models served here can give."""

    title = "Unknown label"
    slug = "unknown-label"

    def __init__(self, labels: Iterable[str]) -> None:
        super().__init__(f"no model served here has this label; their labels: {', '.join(labels)}", "invalid_field")


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


class StoreUnavailableError(ServiceError):
    """The database did not take in time what must not be lost; asking again does no harm."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The store is unavailable"
    slug = "store-unavailable"

    def __init__(self, detail: str, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
