"""What is wrong with how a request is sent."""

from http import HTTPStatus

from service.errors.answer import ServiceError


class SlowRequestError(ServiceError):
    """The headers or the body did not come in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    title = "The request came too slowly"
    slug = "slow-request"

    def __init__(self, part: str) -> None:
        super().__init__(f"the {part} did not come in time")


class HeadersTooLargeError(ServiceError):
    """The headers have more bytes, or are more, than the service reads."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    title = "Headers too large"
    slug = "headers-too-large"


class TooManyConnectionsError(ServiceError):
    """As many connections are open as may be, in all or from one address."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many connections"
    slug = "too-many-connections"
    retry_after_s = 1
