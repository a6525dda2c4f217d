import pytest
from starlette.requests import Request

from service.web.languages import LANGUAGES, chosen, language_of, remember


def asking(query: str = "", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "query_string": query.encode()})


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("fr, ko;q=0.3, en;q=0.5", "en"),
        ("de,ko-KR;q=0.1", "ko"),
        ("KO", "ko"),
        ("ko;q=0, en;q=0.1", "en"),
        ("ko;q=high,;;,=", "en"),
        ("fr,de", "en"),
        ("*", "en"),
    ],
)
def test_a_browser_gets_the_first_of_our_languages_that_it_prefers(accepted: str, language: str) -> None:
    assert language_of(asking(accept_language=accepted)) == language


def test_what_was_chosen_before_counts_more_than_what_the_browser_asks_for() -> None:
    kept = remember("ko").partition(";")[0]
    assert language_of(asking(cookie=f"other=1; {kept}", accept_language="en")) == "ko"


def test_what_is_chosen_now_counts_most() -> None:
    request = asking("phase=2&lang=en", cookie="nunchi_language=ko", accept_language="ko")
    assert (chosen(request), language_of(request)) == ("en", "en")


@pytest.mark.parametrize("value", ["", "xx", "ko%0d%0aSet-Cookie:a=b", "../ko", "KO"])
def test_a_language_that_we_do_not_speak_is_none(value: str) -> None:
    request = asking(f"lang={value}")
    assert chosen(request) is None
    assert language_of(request) == "en"


@pytest.mark.parametrize("cookie", ["nunchi_language=fr", "nunchi_language", "\xff=\xff; =", "nunchi_language=ko\x00"])
def test_a_crooked_cookie_is_none(cookie: str) -> None:
    assert language_of(asking(cookie=cookie)) == "en"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cookie_says_nothing_but_the_language(language: str) -> None:
    name, *rest = remember(language).split("; ")  # type: ignore[arg-type]
    assert name == f"nunchi_language={language}"
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(rest)
