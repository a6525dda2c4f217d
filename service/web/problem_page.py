"""Errors for a person who follows a link: a page that says it, with the status; programs get the problem as ever."""

from html import escape
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from service.problems import answer_error, as_ours
from service.web.answers import page_answer
from service.web.languages import language_of
from service.web.pages import Pages
from service.web.shell import Page


class ProblemPages:
    """Answers errors, as a page where a page was asked for.

    Args:
        pages: what pages are made of.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def answer(self, request: Request, error: Exception) -> Response:
        """Answer an error that reached FastAPI."""
        answer = await answer_error(request, error)
        if request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
            return answer
        words = self._pages.words[language_of(request)]
        status = answer.status_code
        heading = words("failures.not_found" if status == HTTPStatus.NOT_FOUND else "failures.failed")
        body = (
            f'<h1>{heading}</h1><p class="lead" lang="en">{escape(str(as_ours(error)))}</p>'
            f'<p><a href="/">{words("failures.back")}</a></p>'
        )
        page = Page(title=words.plain("failures.title", status=status), place="", body=body)
        shown = page_answer(request, self._pages.shell.around(page, words), status)
        kept = [(name, value) for name, value in answer.raw_headers if name not in (b"content-type", b"content-length")]
        shown.raw_headers.extend(kept)
        return shown
