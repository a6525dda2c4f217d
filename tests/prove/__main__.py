"""Prints what a proof found, as a section of Markdown: `python -m tests.prove PROOF [--full]`."""

import argparse

from tests.prove import agreement, feedback, null, power, real, srm

PROOFS = {"agreement": agreement, "feedback": feedback, "null": null, "power": power, "real": real, "srm": srm}


def main() -> None:
    """Run one proof."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("proof", choices=PROOFS)
    parser.add_argument("--full", action="store_true", help="at the counts of the bars (minutes), not of the tests")
    arguments = parser.parse_args()
    proof = PROOFS[arguments.proof]
    print(proof.main(proof.FULL if arguments.full else proof.SMALL))


if __name__ == "__main__":
    main()
