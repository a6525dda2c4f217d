"""The command line: measures the chosen parts and writes the results."""

import argparse
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import (
    bulk_part,
    closed_loop,
    engine_part,
    experiments_part,
    http_part,
    results,
    servers,
    start_part,
    tensorflow_part,
    training_part,
    workers_part,
)
from bench.findings import Part
from bench.machine import Moment, facts
from bench.plan import FULL, QUICK
from bench.stores import latest, shipped
from bench.texts import reviews
from bench.workplace import Workplace, reason, report
from model_store.layout import DEFAULT_STORE

PARTS: dict[str, Callable[[Workplace], Part]] = {
    "http": lambda workplace: http_part.measure(workplace, servers.ALL),
    "engine": engine_part.measure,
    "tensorflow": tensorflow_part.measure,
    "workers": workers_part.measure,
    "experiments": experiments_part.measure,
    "start": start_part.measure,
    "bulk": bulk_part.measure,
    "training": training_part.measure,
}
"""What can be measured, in the order of the results."""

SMOKE: dict[str, Callable[[Workplace], Part]] = {
    "http": lambda workplace: http_part.measure(workplace, (servers.NUNCHI, servers.EMPTY)),
}
"""What `--quick` measures unless told otherwise."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write; return the exit status."""
    chosen = _parser().parse_args(arguments)
    if not closed_loop.available():
        print(closed_loop.INSTALL, file=sys.stderr)
        return 2
    chosen.out.mkdir(parents=True, exist_ok=True)  # before an hour of measuring, not after it
    plan = QUICK if chosen.quick else FULL
    start = Moment.now()
    texts, source = reviews(plan.reviews)
    with tempfile.TemporaryDirectory(prefix="nunchi-bench-") as directory:
        store = shipped(chosen.store, 1, Path(directory, "models"))
        workplace = Workplace(plan, chosen.store, store, latest(store), texts, Path(directory))
        parts = [_measured(name, measure, workplace) for name, measure in _chosen(chosen.only, chosen.quick).items()]
    about = f"- {len(texts)} {source}, all different; model {workplace.version}\n{facts(start, Moment.now())}"
    print(results.write(parts, about, plan, chosen.out))
    return 0


def _measured(name: str, measure: Callable[[Workplace], Part], workplace: Workplace) -> Part:
    """Measure a part; if that fails, say so in its place: what took minutes to measure before is not lost."""
    report(name)
    try:
        return measure(workplace)
    except Exception as error:
        traceback.print_exc()
        return Part(name, f"Not measured: {reason(error)}.")


def _chosen(only: str | None, quick: bool) -> dict[str, Callable[[Workplace], Part]]:
    if only:
        return {name: PARTS[name] for name in only.split(",")}
    return SMOKE if quick else PARTS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures the service against its peers, in turns on the same processors, and writes\n"
        "bench/results.md and bench/results.png. Close everything else first: it takes some 40 minutes.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", metavar="PARTS", type=_known, help=f"some of {','.join(PARTS)}")
    parser.add_argument(
        "--quick", action="store_true", help="seconds instead of minutes, too short for figures: does it run?"
    )
    parser.add_argument("--store", type=Path, default=DEFAULT_STORE, help="the model store (default: the shipped one)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write (default: bench/)")
    return parser


def _known(text: str) -> str:
    unknown = set(text.split(",")) - PARTS.keys()
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return text


if __name__ == "__main__":
    sys.exit(main())
