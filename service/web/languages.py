"""Which language a page speaks: what its reader chose, else what the browser asks for, else English."""

from collections.abc import Iterator, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Literal, get_args

from starlette.requests import Request

Language = Literal["en", "ko"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
NAMES: Mapping[Language, str] = {"en": "English", "ko": "한국어"}
"""Each in its own words: who looks for a language reads that one."""

PARAMETER = "lang"
COOKIE = "nunchi_language"
_REMEMBERED_S = 365 * 24 * 3600


def language_of(request: Request) -> Language:
    """Return the language in which to answer."""
    return chosen(request) or _known(_cookie(request)) or _accepted(request.headers.get("accept-language", "")) or "en"


def chosen(request: Request) -> Language | None:
    """Return the language that the reader asks for with this very request, if any."""
    return _known(request.query_params.get(PARAMETER, ""))


def remember(language: Language) -> str:
    """Return the `Set-Cookie` that keeps the choice for a year; it says nothing but that."""
    return f"{COOKIE}={language}; Path=/; Max-Age={_REMEMBERED_S}; SameSite=Lax; HttpOnly"


def _known(name: str) -> Language | None:
    return next((language for language in LANGUAGES if language == name), None)


def _cookie(request: Request) -> str:
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _accepted(header: str) -> Language | None:
    """Return the first of our languages in the order in which the browser prefers them (RFC 9110, 12.5.4)."""
    preferred = sorted(_weighted(header), key=lambda item: -item[1])
    return next((language for name, weight in preferred if weight > 0 and (language := _known(name))), None)


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        tag, _, weight = part.partition(";")
        try:
            yield tag.strip().lower().partition("-")[0], float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
