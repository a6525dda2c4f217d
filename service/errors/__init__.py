"""The errors of the service; the first tree becomes an answer, the second stops the start.

ServiceError                    an answer that is not 200: status, title, slug and evidence
├── InvalidRequestError  422    with the reason that is counted
│   ├── EmptyTextError   422
│   └── UnknownLabelError 422
├── MalformedRequestError 400
├── BodyTooLargeError    413
├── SlowRequestError     408
├── HeadersTooLargeError 431
├── TooManyConnectionsError 429 with Retry-After
├── UnauthorizedError    401    with WWW-Authenticate and the reason that is counted
├── ForbiddenError       403
├── CrossSiteError       403
├── MisdirectedError     421
├── LimitExceededError   429    with Retry-After
├── UnknownModelError    404
├── UnknownExperimentError 404
├── UnknownPhaseError    404
├── UnknownPredictionError 404
├── ConflictingLabelError 409
├── ExpiredPredictionError 410
├── UnknownRouteError    404
├── WrongMethodError     405    with Allow
├── NotExplainableError  422
├── CapacityError        429    with Retry-After
│   ├── QueueFullError
│   ├── OverloadError
│   └── DeadlineTooNearError
├── ExplanationsBusyError 429   with Retry-After
├── DeadlineError        504
├── NotReadyError        503    with Retry-After
├── StoreUnavailableError 503   with Retry-After
├── ExplanationTimeoutError 504
├── UnknownAliasError    404
├── RefusedVersionError  409
├── VersionInUseError    409
├── AliasConflictError   409
├── AliasHeldError       409    with the report that holds it back
├── OrdersUnavailableError 503  with Retry-After
└── InferenceError       500    the engine failed or answered nonsense
StartError                      the process cannot start as it was told to
EngineError                     a version cannot be loaded by the chosen engine
├── NotProvenError              it did not survive being proven
└── NoRoomError                 there is not enough memory for it now
"""

from service.errors.access import (
    CrossSiteError,
    ForbiddenError,
    LimitExceededError,
    MisdirectedError,
    UnauthorizedError,
)
from service.errors.answer import AccessReason, FailureType, RejectedReason, ServiceError
from service.errors.capacity import DeadlineError, DeadlineTooNearError, OverloadError, QueueFullError
from service.errors.connections import HeadersTooLargeError, SlowRequestError, TooManyConnectionsError
from service.errors.experiments import (
    ConflictingLabelError,
    ExpiredPredictionError,
    StoreUnavailableError,
    UnknownExperimentError,
    UnknownLabelError,
    UnknownPhaseError,
    UnknownPredictionError,
)
from service.errors.explanations import ExplanationsBusyError, ExplanationTimeoutError, NotExplainableError
from service.errors.models import (
    EngineError,
    InferenceError,
    NoRoomError,
    NotProvenError,
    NotReadyError,
    UnknownModelError,
)
from service.errors.requests import (
    BodyTooLargeError,
    EmptyTextError,
    InvalidRequestError,
    MalformedRequestError,
    UnknownRouteError,
    WrongMethodError,
)
from service.errors.start import StartError
from service.errors.versions import (
    AliasConflictError,
    AliasHeldError,
    OrdersUnavailableError,
    RefusedVersionError,
    UnknownAliasError,
    VersionInUseError,
)

__all__ = [
    "AccessReason",
    "AliasConflictError",
    "AliasHeldError",
    "BodyTooLargeError",
    "ConflictingLabelError",
    "CrossSiteError",
    "DeadlineError",
    "DeadlineTooNearError",
    "EmptyTextError",
    "EngineError",
    "ExpiredPredictionError",
    "ExplanationTimeoutError",
    "ExplanationsBusyError",
    "FailureType",
    "ForbiddenError",
    "HeadersTooLargeError",
    "InferenceError",
    "InvalidRequestError",
    "LimitExceededError",
    "MalformedRequestError",
    "MisdirectedError",
    "NoRoomError",
    "NotExplainableError",
    "NotProvenError",
    "NotReadyError",
    "OrdersUnavailableError",
    "OverloadError",
    "QueueFullError",
    "RefusedVersionError",
    "RejectedReason",
    "ServiceError",
    "SlowRequestError",
    "StartError",
    "StoreUnavailableError",
    "TooManyConnectionsError",
    "UnauthorizedError",
    "UnknownAliasError",
    "UnknownExperimentError",
    "UnknownLabelError",
    "UnknownModelError",
    "UnknownPhaseError",
    "UnknownPredictionError",
    "UnknownRouteError",
    "VersionInUseError",
    "WrongMethodError",
]
