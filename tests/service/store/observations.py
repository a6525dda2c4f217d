"""Observations and labels to test the store with."""

from service.experiments.observation import LabelGiven, LabelSource, Observation, Outcome
from service.identifiers import uuid7

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


def an_id(number: int) -> str:
    return f"{uuid7(number * 1_000_000_000, number)}-{number:016x}"


def a_label(number: int, label: str = "positive", source: LabelSource = "gold", received_at: float = 1.0) -> LabelGiven:
    return LabelGiven(an_id(number), source, label, received_at)
