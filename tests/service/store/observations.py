"""Observations and labels to test the store with."""

from collections.abc import Iterable
from itertools import chain

from service.experiments.observation import Answer, Kind, LabelGiven, LabelSource, Observation, Outcome, Recorded
from service.identifiers import uuid7
from service.store.database import Database
from service.store.rows import ObservationWriter

EXPERIMENT = "gru-or-lstm"


def an_observation(number: int, *labels: str, **changes: object) -> Observation:
    """Make the observation of a second after 1970: its arms `gru`, `lstm`, `rnn` gave `labels`, or all `positive`."""
    arms = ("gru", "lstm", "rnn")
    outcomes = [
        Outcome(arm, arm, 1, label, (0.25, 0.75), 900)
        for arm, label in zip(arms, labels or ("positive",) * 3, strict=False)
    ]
    plain = Observation(
        prediction_id=an_id(number),
        experiment=EXPERIMENT,
        phase=1,
        unit=f"unit-{number}",
        text_hmac=f"text-{number}",
        text=None,
        tokens=7,
        served_arm="gru",
        reason="hash",
        audit=False,
        created_at=float(number),
        outcomes=tuple(outcomes),
    )
    return plain._replace(**changes)  # type: ignore[arg-type]


def recorded(observation: Observation) -> Recorded:
    """Take an observation apart, as the process that records hands it to the store."""
    name, experiment, phase, unit, code, text, tokens, arm, reason, audit, created_at, outcomes = observation
    kind = Kind(experiment, phase, arm, reason, tuple(map(_answer, outcomes)))
    numbers = chain.from_iterable((each.latency_us or 0, *each.probabilities) for each in outcomes if each.label)
    return Recorded(kind, name, unit, code, text, tokens, audit, created_at, tuple(numbers))


def write(database: Database, observations: Iterable[Observation]) -> None:
    ObservationWriter(database).write([recorded(observation) for observation in observations])


def _answer(outcome: Outcome) -> Answer:
    count = len(outcome.probabilities)
    return Answer(outcome.arm, outcome.model, outcome.version, outcome.label, outcome.error, count)


def an_id(number: int) -> str:
    return f"{uuid7(number * 1_000_000_000, number)}-{number:016x}"


def a_label(number: int, label: str = "positive", source: LabelSource = "gold", received_at: float = 1.0) -> LabelGiven:
    return LabelGiven(an_id(number), source, label, received_at)
