"""What stands against a change of versions or aliases."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from service.errors.answer import ServiceError


class UnknownAliasError(ServiceError):
    """An alias that the model does not have."""

    status = HTTPStatus.NOT_FOUND
    title = "Unknown alias"
    slug = "unknown-alias"

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__(f"the model has no such alias; it has: {', '.join(known) or 'none'}")


class RefusedVersionError(ServiceError):
    """A version that could not be loaded."""

    status = HTTPStatus.CONFLICT
    title = "Version refused"
    slug = "version-refused"


class VersionInUseError(ServiceError):
    """A version that something still needs."""

    status = HTTPStatus.CONFLICT
    title = "Version in use"
    slug = "version-in-use"


class AliasConflictError(ServiceError):
    """An alias that is not where the caller takes it to be, or was never anywhere else."""

    status = HTTPStatus.CONFLICT
    title = "The alias stays"
    slug = "alias-conflict"


class AliasHeldError(ServiceError):
    """An alias that is held back, because the new version differs too much from the old one."""

    status = HTTPStatus.CONFLICT
    title = "The alias is held back"
    slug = "alias-held"

    def __init__(self, reasons: Iterable[str], report: Mapping[str, object] | None = None) -> None:
        super().__init__(f'{"; ".join(reasons)}; "force": true moves it all the same')
        self.report = report


class OrdersUnavailableError(ServiceError):
    """The file in which aliases and orders are kept cannot be used, so nothing was changed."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The versions file is unavailable"
    slug = "versions-file-unavailable"

    def __init__(self, reason: str, retry_after_s: int = 5) -> None:
        super().__init__(f"the file of NUNCHI_VERSIONS_FILE cannot be used: {reason}; nothing was changed")
        self.retry_after_s = retry_after_s
