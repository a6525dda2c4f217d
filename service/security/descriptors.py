"""How many connections the limit of open files allows."""

import resource

from service.logs import log_event

_OTHERS = 128
"""Files that are no connections: models, stores, logs, pipes."""


def possible_connections(wanted: int) -> int:
    """Raise the limit of open files as far as needed and allowed; return how many connections there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHERS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    possible = max(1, soft - _OTHERS)
    log_event("connections_limited", wanted=wanted, possible=possible, open_files=soft)
    return possible
