"""What browsers are told about answers: run nothing but ours, be shown nowhere else, keep nothing."""

from collections.abc import Iterable

Header = tuple[bytes, bytes]

NOSNIFF: Header = (b"x-content-type-options", b"nosniff")
"""Of every answer."""


PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    b"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Of every page: scripts and styles are files of ours, none of them stands in the page, no script makes markup of text,
nothing is loaded from another site, and no other site may show the page."""

_EVERY: dict[bytes, bytes] = {
    NOSNIFF[0]: NOSNIFF[1],
    b"cache-control": b"no-store",
    b"cross-origin-resource-policy": b"same-origin",
}
_PAGE = _EVERY | {
    b"content-security-policy": PAGE_POLICY,
    b"cross-origin-opener-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"permissions-policy": b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def guarded(headers: Iterable[Header]) -> list[Header]:
    """Return the headers of an answer with those added that guard its reader, unless the answer has its own.

    Every HTML page passes here, so that none can be forgotten.

    Args:
        headers: with names in lower case.
    """
    given = list(headers)
    own = dict(given)
    wanted = _PAGE if own.get(b"content-type", b"").startswith(b"text/html") else _EVERY
    return [*given, *((name, value) for name, value in wanted.items() if name not in own)]
