"""Prints what a proof found, as Markdown: `python -m tests.prove PROOF [--full]`; `all` is the page docs/proof.md."""

import argparse
import sys
import time
from datetime import UTC, datetime
from importlib import import_module

PROOFS = (
    "agreement",
    "replay",
    "explaining",
    "null",
    "power",
    "srm",
    "feedback",
    "real",
    "swaps",
    "recycling",
    "lifecycle",
    "stops",
    "overload",
    "leaving",
    "slow_senders",
    "fuzz",
    "pages",
    "soak",
    "damage",
)
"""Modules beside this one, each with `main`, `SMALL` and `FULL`, in the order of the page."""

_HEAD = """# Proofs

What the project promises, shown at full counts by `make prove` on {date}; every section is printed by
`python -m tests.prove NAME --full`, and `make test` runs the same code at small counts. Speed and memory are in
[bench/results.md](../bench/results.md).
"""


def main() -> None:
    """Run one proof, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("proof", choices=[*PROOFS, "all"])
    parser.add_argument("--full", action="store_true", help="at the counts of the bars (minutes), not of the tests")
    arguments = parser.parse_args()
    if arguments.proof != "all":
        print(_section(arguments.proof, arguments.full))
        return
    print(_HEAD.format(date=datetime.now(UTC).date()))
    for number, name in enumerate(PROOFS, 1):
        print(f"{number} of {len(PROOFS)}: {name}", file=sys.stderr)
        print(_section(name, arguments.full), flush=True)


def _section(name: str, full: bool) -> str:
    """Return what a proof found, and how long it took."""
    proof, started = import_module(f"tests.prove.{name}"), time.monotonic()
    found = proof.main(proof.FULL if full else proof.SMALL)
    command = f"python -m tests.prove {name}{' --full' if full else ''}"
    return f"{found.rstrip()}\n\n`{command}`, {time.monotonic() - started:.0f} s.\n"


if __name__ == "__main__":
    main()
