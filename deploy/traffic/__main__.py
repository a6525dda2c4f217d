"""Sends reviews whose label is known to a running service, and then their labels, as readers and labellers would."""

import argparse
import http.client
import random
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

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


def running_experiment(url: str, patience_s: float = 10.0) -> str:
    """Return the name of the experiment that runs; one that waits for its models is waited for.

    Raises:
        TrafficError: if none does; labels would teach nobody anything.
    """
    end = time.monotonic() + patience_s
    with closing(Connection(url)) as connection:
        while (told := connection.ask("GET", "/experiments")).status == http.client.OK:
            states = {each["name"]: each["state"] for each in told.body["experiments"]}
            if running := [name for name, state in states.items() if state == "running"]:
                return str(running[0])
            if "waiting" not in states.values() or time.monotonic() > end:
                raise TrafficError(f"no experiment runs at {url} ({_why(told.body)})")
            time.sleep(0.1)
    if told.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
        raise TrafficError(
            f"{url} asks for a key with the scopes metrics, predict and feedback; "
            "put it into a file and name that in NUNCHI_BEARER_FILE"
        )
    raise TrafficError(f"GET {url}/experiments answers {told.status}; is this the service?")


def drawn(reviews: Sequence[Review], count: int | None, seed: int | None) -> list[Review]:
    """Return `count` of the reviews, all if None, in an order that chance decides."""
    return random.Random(seed).sample(reviews, min(len(reviews) if count is None else count, len(reviews)))


def _reviews(chosen: argparse.Namespace) -> list[Review]:
    columns = Columns(chosen.text_column, chosen.label_column, dict(chosen.label or map(_name, _NSMC_LABELS)))
    return read_reviews(chosen.file or nsmc_test(), columns)


def _why(body: Mapping[str, Any]) -> str:
    """Say why no experiment runs, from what GET /experiments answered."""
    reasons = [f"{each['name']} is {each['state']}: {each['reason'] or 'as declared'}" for each in body["experiments"]]
    nothing = "start the service with NUNCHI_EXPERIMENTS=deploy/experiments.toml"
    return body["broken"] or "; ".join(reasons) or nothing


def _conclude(url: str, experiment: str, campaign: Campaign) -> int:
    """Say what came of it, and where to look."""
    for arm, count in sorted(campaign.arms.items(), key=str):
        print(f"{count:,} answers {f'by {arm}' if arm else 'outside the experiment'}")
    print(f"{campaign.labels[202]:,} labels taken, {campaign.labels[200]:,} known before")
    for refusal, count in campaign.refused.most_common(5):
        print(f"{count:,} refused: {refusal}", file=sys.stderr)
    print(f"report: {url}/ui/experiments/{experiment}")
    return 1 if campaign.refused else 0


def _count(given: str) -> int:
    """Read a number of things, 1 or more."""
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"{given} is no number from 1")
    return int(given)


def _name(given: str) -> tuple[str, str]:
    """Read what the table calls a label, and what the models call it."""
    table, _, model = given.partition("=")
    if not model:
        raise argparse.ArgumentTypeError(f"{given} is not like 1=positive")
    return table, model


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.traffic", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the service (default: %(default)s)")
    parser.add_argument("--count", type=_count, metavar="N", help="how many, drawn at random (default: all)")
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
        type=_name,
        metavar="TABLE=MODEL",
        help=f"what the models call a label of the table; may come again (default: {' and '.join(_NSMC_LABELS)})",
    )
    parser.add_argument("--source", choices=_SOURCES, default="gold", help="who labels (default: %(default)s)")
    parser.add_argument("--connections", type=_count, default=4, metavar="N", help="at once (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0, metavar="N", help="most texts a second (default: no limit)")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="draws the same reviews again (default: others each time)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
