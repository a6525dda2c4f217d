"""Pages and their files as answers: compressed, kept by browsers as long as they are true, and no longer.

What guards their reader is added by `security/headers.py`, as to every answer.
"""

from starlette.requests import Request
from starlette.responses import Response

from service.web.files import HTML, File
from service.web.languages import chosen, remember

FOR_GOOD = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
"""May be kept, and is asked for by its name each time."""


def page_answer(request: Request, page: str | File, status: int = 200) -> Response:
    """Answer with a page, and remember the language if the reader has just chosen one."""
    file = page if isinstance(page, File) else File.of(page.encode(), HTML)
    answer = file_answer(request, file, ASK_AGAIN, status)
    answer.headers["vary"] = "accept-encoding, accept-language, cookie"
    if language := chosen(request):
        answer.headers["set-cookie"] = remember(language)
    return answer


def file_answer(request: Request, file: File, caching: str, status: int = 200) -> Response:
    """Answer with a file, or that the browser has it already.

    Args:
        request: names the bytes that the browser has, and how it takes them.
        file: what to answer.
        caching: `FOR_GOOD` or `ASK_AGAIN`.
        status: of an answer that is sent whole.
    """
    headers = {"cache-control": caching, "etag": file.etag, "vary": "accept-encoding"}
    if status == 200 and file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.compressed, status, {**headers, "content-encoding": "gzip"}, file.media_type)
    return Response(file.body, status, headers, file.media_type)
