"""Decides who may ask, before the body of a request is read."""

from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Mapping

from starlette.types import Scope as Request

from service.errors import AccessReason, ForbiddenError, ServiceError, UnauthorizedError
from service.heads import Head
from service.security.browsers import Hosts, refuse_other_sites
from service.security.callers import ANYONE, Caller
from service.security.keys import Keys
from service.security.scopes import OPEN, needed
from service.tallies import Counter

_SAFE = ("GET", "HEAD", "OPTIONS")
_BASIC = b"basic"
_BEARER = b"bearer"


class Access:
    """Turns callers away, or says who they are.

    Args:
        keys: those that are known; None if nobody is asked for one.
        hosts: the names under which the service may be asked.
        refused: counts those that are turned away, by the reason.
    """

    def __init__(self, keys: Keys | None, hosts: Hosts, refused: Mapping[AccessReason, Counter]) -> None:
        self._keys = keys
        self._hosts = hosts
        self._refused = refused

    def admit(self, request: Request, head: Head) -> Caller:
        """Return who asks, if they may ask for this.

        Args:
            request: its method, path and version of HTTP, as ASGI has them.
            head: its headers.

        Raises:
            UnauthorizedError, ForbiddenError: without a key, or with one that may not.
            MisdirectedError, CrossSiteError, MalformedRequestError: if a browser was made to send it, or might be.
        """
        try:
            if head.host not in self._hosts or head.origin is not None or head.fetch_site is not None:
                self._judge_browser(request, head)
            if self._keys is None:
                return ANYONE
            return self._known(self._keys, needed(request["method"], request["path"]), head.authorization)
        except ServiceError as error:
            if error.turned_away is not None:
                self._refused[error.turned_away].add()
            raise

    async def run(self) -> None:
        """Follow the file of the keys until cancelled, if there is one."""
        if self._keys is not None:
            await self._keys.run()

    def _judge_browser(self, request: Request, head: Head) -> None:
        if needed(request["method"], request["path"]) is OPEN:
            return  # probes come under any name, and learn nothing
        if head.host is not None or request.get("http_version") != "1.0":
            self._hosts.judge(head.host)
        if request["method"] not in _SAFE:
            refuse_other_sites(head)

    @staticmethod
    def _known(keys: Keys, scopes: frozenset[str], authorization: bytes | None) -> Caller:
        if scopes is OPEN:
            return ANYONE
        if authorization is None:
            raise UnauthorizedError("no_key")
        key = keys.find(_presented(authorization))
        if key is None:
            raise UnauthorizedError("bad_key")
        if key.expired():
            raise UnauthorizedError("expired_key")
        if scopes.isdisjoint(key.scopes):
            raise ForbiddenError(scopes)
        return key.caller


def _presented(authorization: bytes) -> bytes:
    """Return the key in a header: a Bearer's token (RFC 6750), or the password of Basic (RFC 7617); empty if neither.

    Browsers ask their user for the latter by themselves; the name of the user does not matter.
    """
    scheme, _, value = authorization.partition(b" ")
    if scheme.lower() == _BEARER:
        return value.strip()
    if scheme.lower() != _BASIC:
        return b""
    try:
        return b64decode(value, validate=True).partition(b":")[2]
    except NotBase64Error:
        return b""
