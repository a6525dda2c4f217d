"""From the bytes of a body to a request: parsed and validated once, and told what is wrong without an echo."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from service.errors import InvalidRequestError, RejectedReason
from service.schemas import MAX_CHARACTERS, MAX_TEXTS

Body = TypeVar("Body")

_MESSAGES: Mapping[str, str] = {
    "missing": "is missing",
    "string_type": "must be a string",
    "string_too_long": f"has more than {MAX_CHARACTERS} characters",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "too_short": "must hold at least one text",
    "too_long": f"holds more than {MAX_TEXTS} texts",
    "model_type": "must be an object",
    "version_without_model": "names a version without a model",
}
_REASONS: Mapping[str, RejectedReason] = {"json_invalid": "invalid_json", "string_too_long": "too_long"}


def parse(adapter: TypeAdapter[Body], raw: bytes) -> Body:
    """Return the request that `raw` holds.

    Raises:
        InvalidRequestError: if it is no JSON in UTF-8, or not what the schema asks for.
    """
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _translated(first) from None


def _translated(error: ErrorDetails) -> InvalidRequestError:
    """Say what is wrong in words that hold nothing of what the caller sent, not even the name of a field."""
    kind, location = error["type"], error["loc"]
    index = next((step for step in location if isinstance(step, int)), None)
    if kind == "json_invalid":
        detail = f"the body is not JSON in UTF-8: {error['ctx']['error']}"
    elif kind == "extra_forbidden":
        detail = "the body has a field that is not documented"
    else:
        detail = f"{_where(location)} {_MESSAGES.get(kind, 'is not allowed')}"
    return InvalidRequestError(detail, _REASONS.get(kind, "invalid_field"), index)


def _where(location: Sequence[int | str]) -> str:
    """Name the place: `text`, `texts[3]`, or the body itself."""
    return "".join(f"[{step}]" if isinstance(step, int) else step for step in location) or "the body"
