"""Alters the code that must not be wrong, and tells how many of the alterations the tests notice.

`python -m tests.mutation` begins anew (half an hour); `python -m tests.mutation --last` prints what is known. What is
altered and which tests are run stands in pyproject.toml (`[tool.mutmut]`).
"""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
BAR = 0.8
"""The least share of alterations that must be noticed."""

PARTS: Mapping[str, tuple[str, ...]] = {
    "batching": ("service.batching", "service.rounds", "service.scoring", "service.cost"),
    "registry": ("service.registry", "service.versions.answering", "service.versions.policy"),
    "traffic": ("service.traffic",),
    "feedback": ("service.feedback",),
}
"""The parts of the service, and their modules."""

_HEAD = f"""## Mutation score

The code is altered in one place at a time (mutmut: another operator, number, argument, text), and the unit tests are
run. Bar: {BAR:.0%} of the alterations of each part are noticed; what no test reaches was not, and nothing is exempt.

| part | modules | altered | a test failed | a test hung | noticed |
|---|---|---:|---:|---:|---:|"""

_NOTICED = ("killed", "timeout")
"""A test failed; or one never came to its end, as when nobody answers what a test waits for."""

Counts = Mapping[str, Counter[str]]


def count(lines: Iterable[str]) -> Counts:
    """Return what became of the alterations of each part.

    Args:
        lines: as mutmut prints them, `module.function__mutmut_1: killed`.
    """
    part_of = {module: part for part, modules in PARTS.items() for module in modules}
    counts = {part: Counter[str]() for part in PARTS}
    for line in lines:
        name, separator, outcome = line.strip().rpartition(": ")
        part = part_of.get(name.rpartition(".")[0])
        if separator and part:
            counts[part][outcome] += 1
    return counts


def score(outcomes: Counter[str]) -> float:
    """Return the share that was noticed; 0 if nothing was altered."""
    return sum(outcomes[noticed] for noticed in _NOTICED) / max(1, outcomes.total())


def section(counts: Counts) -> str:
    """Return the scores as a section of docs/proof.md."""
    rows = [
        f"| {part} | {', '.join(f'`{module}`' for module in PARTS[part])} | {outcomes.total()} | "
        f"{outcomes['killed']} | {outcomes['timeout']} | {score(outcomes):.1%} |"
        for part, outcomes in counts.items()
    ]
    return "\n".join([_HEAD, *rows, "", "`make mutation`"])


def main(arguments: list[str]) -> int:
    """Alter and test, print the scores, and return 1 if one is below the bar."""
    if arguments != ["--last"]:
        shutil.rmtree(ROOT / "mutants", ignore_errors=True)
        subprocess.run([sys.executable, "-m", "mutmut", "run"], cwd=ROOT, check=True, stdout=sys.stderr)
    command = [sys.executable, "-m", "mutmut", "results", "--all", "true"]
    known = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    counts = count(known.stdout.splitlines())
    print(section(counts))
    low = [part for part, outcomes in counts.items() if score(outcomes) < BAR]
    if low:
        print(f"below {BAR:.0%}: {', '.join(low)}; see them with: python -m mutmut browse", file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
