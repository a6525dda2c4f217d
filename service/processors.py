"""How many processors this process may really use: what Linux lets it run on, and what its container is granted."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def usable_processors(cgroup: Path = _CGROUP) -> int:
    """Return the number of threads worth starting, at least 1.

    The host's count misleads in a container: sixty-four threads on a quota of two spend their time being throttled.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota_v2(cgroup / "cpu.max") or _quota_v1(cgroup / "cpu")
    return max(1, min(allowed, math.ceil(quota) if quota else allowed))


def _quota_v2(path: Path) -> float | None:
    """Read `<quota> <period>`, both in microseconds, where the quota may be `max`."""
    try:
        quota, period = path.read_text(encoding="ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _quota_v1(directory: Path) -> float | None:
    """Read the two files of the older layout; a quota of -1 means none."""
    try:
        quota, period = (
            int((directory / name).read_text(encoding="ascii")) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        )
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 else None
