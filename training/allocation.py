"""Keeps the memory that a step of training frees for the next step.

Every step needs the same large arrays for a moment. By default glibc gives such blocks back to the system and takes new
ones, which the system hands out page by page and filled with zeros: on CPUs that is a third to a half of the time of a
step.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
"""Parameters of `mallopt`, as malloc.h of glibc has them."""


def keep_freed_memory() -> None:
    """Let this process keep what it frees until it ends; it does nothing where the allocator is not glibc's."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no such function; no such library; not even a system of that kind
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, -1)
    mallopt(_ARENA_MAX, 1)
