"""What is wrong with a request itself."""

from http import HTTPStatus

from service.errors.answer import RejectedReason, ServiceError


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


class MalformedRequestError(ServiceError):
    """It is not HTTP, or can be read in more than one way."""

    status = HTTPStatus.BAD_REQUEST
    title = "Malformed request"
    slug = "malformed-request"


class BodyTooLargeError(ServiceError):
    """The body has more bytes than the service reads."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "Body too large"
    slug = "body-too-large"
    reason = "too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the body is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


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
        self.headers = ((b"allow", allowed.encode()),)
