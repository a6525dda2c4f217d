"""Trains the runs of a sweep, those that are not finished, and finds out what each is worth and what it costs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras

from training.comparing.contestants import open_run
from training.comparing.cost import Cost, measure
from training.comparing.statistics import Interval, accuracy_interval
from training.comparing.texts import load_once
from training.comparing.watching import Watching
from training.config import TrainingConfig
from training.errors import TrainingError
from training.history import best
from training.recipe import train_variant
from training.sweeping.plan import Point

OUTCOME = "outcome.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished run gave.

    Attributes:
        accuracy: on the validation part, of the best epoch.
        texts: of the validation part.
        epoch: the best one.
        seconds: of training, all epochs.
    """

    accuracy: float
    texts: int
    epoch: int
    seconds: float

    @property
    def interval(self) -> Interval:
        """Of the accuracy."""
        return accuracy_interval(round(self.accuracy * self.texts), self.texts)


@dataclass(frozen=True, slots=True)
class Result:
    """A run of a sweep with what it is worth and what it costs.

    Attributes:
        point: the run.
        outcome: what it gave.
        parameters: number of weights.
        engine: what was timed: `fused`, or `tensorflow` where there is no fused graph.
        cost: of one text.
    """

    point: Point
    outcome: Outcome
    parameters: int
    engine: str
    cost: Cost

    @property
    def microseconds(self) -> float:
        """From text to probabilities, one text at a time."""
        return self.cost.alone


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep when it is done.

    Attributes:
        results: of the runs, in the order of the plan.
        failures: why others could not be trained, by name.
    """

    results: list[Result]
    failures: dict[str, str]


def run_sweep(points: Sequence[Point], runs: Path) -> Sweep:
    """Train what is not finished below `runs`, then time all models in turn.

    Raises:
        TrainingError: if the data cannot be used, or not one run can be trained.
    """
    sizes = [len(corpus.validation) for corpus in load_once([point.config for point in points])]
    outcomes: dict[str, Outcome] = {}
    failures: dict[str, str] = {}
    for number, (point, texts) in enumerate(zip(points, sizes, strict=True), start=1):
        try:
            found = _finished(runs / point.name, point)
            state = "is there" if found else "trains"
            print(f"{number} of {len(points)}: {point.name} {state}", flush=True)
            outcomes[point.name] = found or _trained(runs / point.name, point, texts)
        except TrainingError as error:  # such as too few pieces for the characters: the others are not to blame
            failures[point.name] = str(error)
            print(f"{point.name} cannot be trained: {error}", flush=True)
    if not outcomes:
        raise TrainingError(f"no run of the sweep can be trained; the first: {next(iter(failures.values()))}")
    return Sweep(_results([point for point in points if point.name in outcomes], outcomes, runs), failures)


def _finished(run: Path, point: Point) -> Outcome | None:
    """Return the outcome of a run that was finished before with these settings."""
    try:
        document = json.loads((run / OUTCOME).read_text(encoding="utf-8"))
    except OSError:
        return None
    if TrainingConfig(**document.pop("settings")) != point.config:  # settings that are new since have their defaults
        raise TrainingError(f"{run} holds a run with other settings; name another directory with --runs")
    return Outcome(**document)


def _trained(run: Path, point: Point, texts: int) -> Outcome:
    """Train a run, or go on with it where it was interrupted."""
    keras.utils.clear_session()
    trained = train_variant(point.config, run)
    chosen = best(trained.epochs, point.config.choose_by)
    seconds = sum(epoch.seconds for epoch in trained.epochs)
    outcome = Outcome(chosen.validation_accuracy, texts, chosen.number, round(seconds, 1))
    document = {"settings": point.config.to_dict(), **asdict(outcome)}
    fresh = run / f"new.{OUTCOME}"
    fresh.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    fresh.replace(run / OUTCOME)
    return outcome


def _results(points: Sequence[Point], outcomes: dict[str, Outcome], runs: Path) -> list[Result]:
    """Time all runs in turn, however long ago each was trained."""
    contestants = [open_run(runs / point.name) for point in points]
    (corpus,) = load_once([points[0].config])
    with Watching() as watching:
        costs = measure(contestants, corpus.validation.texts, watching.step("time", len(points)))
    return [
        Result(point, outcomes[point.name], contestant.parameters or 0, contestant.engine, cost)
        for point, contestant, cost in zip(points, contestants, costs, strict=True)
    ]
