"""More is asked for than can be answered."""

from http import HTTPStatus

from service.errors.answer import ServiceError


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
