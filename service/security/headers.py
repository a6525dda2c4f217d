"""What browsers are told about answers: run nothing but ours, be shown nowhere else, keep nothing."""

from collections.abc import Iterable

Header = tuple[bytes, bytes]

NOSNIFF: Header = (b"x-content-type-options", b"nosniff")
"""Of every answer."""


def content_policy(**sources: str) -> bytes:
    """Return a Content-Security-Policy that allows nothing but these sources, such as `script="'self'"`.

    Nothing may be loaded from another site, and no other site may show the page.
    """
    allowed = "; ".join(f"{kind}-src {source}" for kind, source in sources.items())
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'".encode()


PAGE_POLICY = content_policy(script="'self'", style="'self'", img="'self' data:", font="'self'", connect="'self'")
"""Of a page that says nothing else: scripts and styles are files of ours, none of them stands in the page."""

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
