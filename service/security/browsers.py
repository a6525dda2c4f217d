"""What a browser may be made to send by a page that its user happens to look at.

A service without keys on 127.0.0.1 is open to every page that this machine's browsers show. A page of another site can
send a POST that it cannot read the answer of; and one whose own name is made to lead to 127.0.0.1 (DNS rebinding) can
read everything, since to the browser it is the same site. Browsers tell on both: by `Sec-Fetch-Site` or `Origin`, and
by the name in `Host`.
"""

from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address

from service.errors import CrossSiteError, MalformedRequestError, MisdirectedError
from service.heads import Head

ANY_NAME = "*"
_OWN_SITE = (b"same-origin", b"none")
_MOST_KNOWN = 256


class Hosts:
    """The names under which the service may be asked. Addresses and `localhost` always are: nobody can rebind them.

    Args:
        names: further ones, without a port; `ANY_NAME` for all.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name.strip().lower() for name in names if name.strip()}
        self._good: set[bytes] = set()

    def __contains__(self, host: object) -> bool:
        """Tell whether the value of a header Host was found good before."""
        return host in self._good

    def judge(self, host: bytes | None) -> None:
        """Return if this value of a header Host is good.

        Raises:
            MalformedRequestError: if it is none, or is not there.
            MisdirectedError: if it is not one of the names.
        """
        if not host:
            raise MalformedRequestError("a request needs one header Host")
        name = _name(host)
        if ANY_NAME not in self._names and name not in self._names and not _always_good(name):
            raise MisdirectedError
        if len(self._good) < _MOST_KNOWN:
            self._good.add(host)


def refuse_other_sites(head: Head) -> None:
    """Return if what would change something was not sent by a page of another site.

    Raises:
        CrossSiteError: if it was. Browsers say so in Sec-Fetch-Site; old ones, and all of them on plain HTTP outside
            of this machine, only by an Origin that is not the Host. Other programs send neither.
    """
    if head.fetch_site is not None:
        other = head.fetch_site not in _OWN_SITE
    else:
        other = head.origin is not None and head.origin.partition(b"://")[2] != head.host
    if other:
        raise CrossSiteError


def _name(host: bytes) -> str:
    """Return the name without the port, in lower case; an address of IPv6 without its brackets."""
    text = host.decode("latin-1").lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].removesuffix(".")


def _always_good(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return bool(ip_address(name))
    return False
