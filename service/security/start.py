"""Builds what decides who may ask, and refuses a start that would let everybody in by mistake."""

import socket
from ipaddress import ip_address
from pathlib import Path

from service.errors import StartError
from service.metrics import Metrics
from service.security.access import Access
from service.security.browsers import ANY_NAME, Hosts
from service.security.counters import AccessCounters
from service.security.keys import Keys
from service.security.limiting import Buckets
from service.settings import Settings


def build_access(settings: Settings, metrics: Metrics, shared: Path | None) -> Access:
    """Return what decides who may ask.

    Args:
        settings: what the operator chose.
        metrics: where callers are counted.
        shared: directory in which workers share what keys have left; None for one process.

    Raises:
        StartError: if the service would be open to other machines without anybody having said so, or the file of the
            keys cannot be used.
    """
    if settings.auth == "off" and settings.api_keys_file is not None:
        raise StartError("NUNCHI_AUTH=off and NUNCHI_API_KEYS_FILE contradict each other; remove one of them")
    if settings.auth != "off" and settings.api_keys_file is None and not is_loopback(settings.host):
        raise StartError(
            f"NUNCHI_HOST={settings.host} can be reached from other machines, and nobody would be asked for a key; "
            "name a file of keys with NUNCHI_API_KEYS_FILE (python -m service keys create makes it), "
            "or say that everybody may ask with NUNCHI_AUTH=off"
        )
    counters = AccessCounters(metrics)
    keys = None
    if settings.api_keys_file is not None:
        keys = Keys(settings.api_keys_file, Buckets(shared), counters.refused["limit"])
        counters.watch(keys)
    return Access(keys, Hosts(_names(settings)), counters.refused)


def is_loopback(host: str) -> bool:
    """Tell whether an address or name leads to this machine only."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False  # opening the port will say what is wrong with it
    return all(ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def _names(settings: Settings) -> list[str]:
    """Return the names under which the service may be asked: all of them where a key is needed, which no page has."""
    if settings.allowed_hosts:
        return settings.allowed_hosts.split(",")
    return [ANY_NAME] if settings.api_keys_file is not None else []
