"""Sends reviews whose label is known to a running service, and then their labels, as readers and labellers would."""

import argparse
import http.client
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.traffic.campaign import Campaign, Progress
from deploy.traffic.connection import Connection
from deploy.traffic.errors import TrafficError
from deploy.traffic.reviews import Columns, Review, nsmc_test, read_reviews

_NSMC_LABELS = ("0=negative", "1=positive")
_SOURCES = ("gold", "audit", "user")


def main(arguments: Sequence[str] | None = None) -> int:
    """Send them; return the exit status: 0, 1 if something was refused, 2 if it could not be done."""
    chosen = _parser().parse_args(arguments)
    try:
        experiment = running_experiment(chosen.url)
        reviews = drawn(_reviews(chosen), chosen.count, chosen.seed)
        campaign = Campaign(chosen.url, reviews, chosen.source, chosen.rate)
        campaign.run(chosen.connections, Progress(len(reviews)))
    except TrafficError as error:
        print(f"traffic: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return _conclude(chosen.url, experiment, campaign)


def running_experiment(url: str) -> str:
    """Return the name of the experiment that runs.

    Raises:
        TrafficError: if none does; labels would teach nobody anything.
    """
    connection = Connection(url)
    told = connection.ask("GET", "/experiments")
    connection.close()
    if told.status != http.client.OK:
        raise TrafficError(f"GET {url}/experiments answers {told.status}; is this the service?")
    found = {each["name"]: each for each in told.body["experiments"]}
    for name, each in found.items():
        if each["state"] == "running":
            return str(name)
    states = "; ".join(f"{name} is {each['state']}: {each['reason'] or 'as declared'}" for name, each in found.items())
    broken = told.body["broken"]
    why = broken or states or "start the service with NUNCHI_EXPERIMENTS=deploy/experiments.toml"
    raise TrafficError(f"no experiment runs at {url} ({why})")


def drawn(reviews: Sequence[Review], count: int | None, seed: int | None) -> list[Review]:
    """Return `count` of the reviews, all if None, in an order that chance decides."""
    return random.Random(seed).sample(reviews, min(len(reviews) if count is None else count, len(reviews)))


def _reviews(chosen: argparse.Namespace) -> list[Review]:
    pairs = [label.partition("=") for label in chosen.label or _NSMC_LABELS]
    columns = Columns(chosen.text_column, chosen.label_column, {old: new for old, _, new in pairs})
    return read_reviews(chosen.file or nsmc_test(), columns)


def _conclude(url: str, experiment: str, campaign: Campaign) -> int:
    """Say what came of it, and where to look."""
    for arm, count in sorted(campaign.arms.items(), key=str):
        print(f"{count:,} answers {f'by {arm}' if arm else 'outside the experiment'}")
    print(f"{campaign.labels[202]:,} labels taken, {campaign.labels[200]:,} known before")
    for refusal, count in campaign.refused.most_common(5):
        print(f"{count:,} refused: {refusal}", file=sys.stderr)
    print(f"report: {url}/ui/experiments/{experiment}")
    return 1 if campaign.refused else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.traffic", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the service (default: %(default)s)")
    parser.add_argument("--count", type=int, metavar="N", help="how many, drawn at random (default: all)")
    parser.add_argument(
        "--file",
        type=Path,
        help="a table with tabs (default: the NSMC test split, from NUNCHI_DATA_DIR or data/, or fetched)",
    )
    parser.add_argument("--text-column", default="document", metavar="NAME", help="(default: %(default)s)")
    parser.add_argument("--label-column", default="label", metavar="NAME", help="(default: %(default)s)")
    parser.add_argument(
        "--label",
        action="append",
        metavar="TABLE=MODEL",
        help=f"what the models call a label of the table; may come again (default: {' and '.join(_NSMC_LABELS)})",
    )
    parser.add_argument("--source", choices=_SOURCES, default="gold", help="who labels (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=4, metavar="N", help="at once (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0, metavar="N", help="most texts a second (default: no limit)")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="draws the same reviews again (default: others each time)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
