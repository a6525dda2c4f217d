"""What is wrong with who asks, or from where: these are told before the body is read."""

from collections.abc import Collection
from http import HTTPStatus

from service.errors.answer import AccessReason, ServiceError

_CHALLENGES = (b'Basic realm="nunchi", charset="UTF-8"', b'Bearer realm="nunchi"')
"""A line each: of several challenges in one, Chromium reads the first only, and asks nobody for a password."""


class UnauthorizedError(ServiceError):
    """No key, or none that is good: which of these is not for the caller to know."""

    status = HTTPStatus.UNAUTHORIZED
    title = "A key is needed"
    slug = "unauthorized"
    headers = tuple((b"www-authenticate", challenge) for challenge in _CHALLENGES)

    def __init__(self, turned_away: AccessReason) -> None:
        super().__init__("this needs a valid API key, as in Authorization: Bearer KEY")
        self.turned_away = turned_away


class ForbiddenError(ServiceError):
    """A good key that may not do this."""

    status = HTTPStatus.FORBIDDEN
    title = "The key may not do this"
    slug = "forbidden"
    turned_away = "scope"

    def __init__(self, needed: Collection[str]) -> None:
        super().__init__(f"this needs a key with the scope {' or '.join(sorted(needed))}")


class CrossSiteError(ServiceError):
    """A page of another site sent this through somebody's browser."""

    status = HTTPStatus.FORBIDDEN
    title = "Sent by another site"
    slug = "cross-site"
    turned_away = "cross_site"

    def __init__(self) -> None:
        super().__init__("a page of another site may not send this")


class MisdirectedError(ServiceError):
    """A name in the header Host that is not this service's."""

    status = HTTPStatus.MISDIRECTED_REQUEST
    title = "Not the name of this service"
    slug = "misdirected"
    turned_away = "host"

    def __init__(self) -> None:
        super().__init__("the name in the header Host is not one of NUNCHI_ALLOWED_HOSTS")


class LimitExceededError(ServiceError):
    """A key has asked for more texts than it may."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many texts with this key"
    slug = "limit-exceeded"
    turned_away = "limit"

    def __init__(self, limit: str, retry_after_s: int) -> None:
        super().__init__(f"this key may have {limit} scored")
        self.retry_after_s = retry_after_s
