"""From the bytes of a body to a request: parsed and validated once, and told what is wrong without an echo."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from service.errors import InvalidRequestError, RejectedReason

Body = TypeVar("Body")

_MESSAGES: Mapping[str, str] = {
    "missing": "is missing",
    "string_type": "must be a string",
    "string_too_long": "has more than {max_length} characters",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "too_short": "must hold at least one item",
    "too_long": "holds more than {max_length} items",
    "literal_error": "must be {expected}",
    "model_type": "must be an object",
    "version_type": "must be a whole number or an alias",
    "version_without_model": "names a version without a model",
}
_REASONS: Mapping[str, RejectedReason] = {"json_invalid": "invalid_json", "string_too_long": "too_long"}
_NOT_JSON = "the body is not JSON in UTF-8"
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(adapter: TypeAdapter[Body], raw: bytes) -> Body:
    """Return the request that `raw` holds.

    Raises:
        InvalidRequestError: if it is no JSON in UTF-8, or not what the schema asks for.
    """
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        surrogate = _lone_surrogate(raw) if first["type"] == "json_invalid" else None
        raise (surrogate or _translated(first)) from None


def _translated(error: ErrorDetails) -> InvalidRequestError:
    """Say what is wrong in words that hold nothing of what the caller sent, not even the name of a field."""
    kind, location = error["type"], error["loc"]
    index = next((step for step in location if isinstance(step, int)), None)
    if kind == "json_invalid":
        detail = f"{_NOT_JSON}: {error['ctx']['error']}"
    elif kind == "extra_forbidden":
        detail = "the body has a field that is not documented"
    else:
        detail = f"{_where(location)} {_MESSAGES.get(kind, 'is not allowed').format(**error.get('ctx', {}))}"
    return InvalidRequestError(detail, _REASONS.get(kind, "invalid_field"), index)


def _lone_surrogate(raw: bytes) -> InvalidRequestError | None:
    """Look for half a character in a body that was refused; other parsers than pydantic's let it through."""
    if not _SURROGATE_ESCAPE.search(raw):
        return None
    try:
        document = json.loads(raw.decode())
        if _encodable(document):
            return None
    except (ValueError, RecursionError):
        return None
    location = _place_of_surrogate(document)
    index = next((step for step in location if isinstance(step, int)), None)
    return InvalidRequestError(f"{_NOT_JSON}: {_where(location)} holds a lone surrogate", "invalid_json", index)


def _place_of_surrogate(document: Any) -> Sequence[int | str]:
    """Return where it is, if in a text; nowhere in particular if in anything else."""
    if not isinstance(document, dict):
        return ()
    if not _encodable(document.get("text")):
        return ("text",)
    texts = document.get("texts")
    places = enumerate(texts) if isinstance(texts, list) else ()
    index = next((index for index, text in places if not _encodable(text)), None)
    return () if index is None else ("texts", index)


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _where(location: Sequence[int | str]) -> str:
    """Name the place: `text`, `texts[3]`, `items[3].label`, or the body itself."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)[1:] or "the body"
