"""Why a text is not explained."""

from http import HTTPStatus

from service.errors.answer import ServiceError


class NotExplainableError(ServiceError):
    """A version that has no fused graph, or one that the replay does not know all of."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Not explainable"
    slug = "not-explainable"


class ExplanationsBusyError(ServiceError):
    """More explanations are asked for than may wait."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many explanations are waiting"
    slug = "explanations-busy"

    def __init__(self, most: int, retry_after_s: int = 1) -> None:
        super().__init__(f"{most} explanations are waiting or being made, which is the most")
        self.most = most
        self.retry_after_s = retry_after_s


class ExplanationTimeoutError(ServiceError):
    """An explanation took longer than anybody should wait."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    title = "The explanation took too long"
    slug = "explanation-timeout"

    def __init__(self, deadline_s: float) -> None:
        super().__init__(f"it was not there after {deadline_s:g} seconds; fewer models or a shorter text take less")
        self.deadline_s = deadline_s
