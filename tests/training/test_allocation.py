"""The memory that a step frees: it stays with the process, and is not taken from the system again."""

import subprocess
import sys

_CODE = """
import resource
import numpy as np
{before}
def step() -> None:
    np.ones(4_000_000)
step()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
"""

_KEEPING = "from training.allocation import keep_freed_memory; keep_freed_memory()"


def _pages_taken(before: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _CODE.format(before=before)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_a_step_takes_no_page_that_the_step_before_has_freed() -> None:
    assert _pages_taken(_KEEPING) < 20
    assert _pages_taken("") > 50
