"""How much is measured: one plan for figures, one for a smoke test."""

from dataclasses import dataclass

CONNECTIONS = 16
"""Of the closed loop."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often and how long.

    Attributes:
        rounds: alternations; every figure is the median of as many.
        closed_s: length of one closed loop.
        open_s: length of one open loop.
        warmup_s: of load before each of them, which is not measured.
        reviews: how many texts are sent, all different, before the first comes again.
        bulk_rows: of the file that is scored in bulk; once, ten times as many.
        training_rows: of an epoch of training.
        note: what a reader of the figures must know.
    """

    rounds: int
    closed_s: float
    open_s: float
    warmup_s: float
    reviews: int
    bulk_rows: int
    training_rows: int
    note: str = ""


FULL = Plan(rounds=5, closed_s=4, open_s=6, warmup_s=1.5, reviews=40_000, bulk_rows=1_000_000, training_rows=12_800)
QUICK = Plan(
    rounds=2,
    closed_s=1,
    open_s=1,
    warmup_s=0.3,
    reviews=2_000,
    bulk_rows=10_000,
    training_rows=1_280,
    note="**A quick run: much too short for figures.**",
)
