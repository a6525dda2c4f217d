from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_store.layout import VersionRef
from service import traffic
from service.experiments.declaration import Arm, Experiment
from service.experiments.design import Mode
from service.experiments.live import Live, LiveArm, Part
from service.traffic import Assignment, assign, canonical, unit_interval

RNN, LSTM, GRU = VersionRef("rnn", 3), VersionRef("lstm", 1), VersionRef("gru", 2)
UNITS = [f"user-{number}" for number in range(30_000)]


def live_of(
    *weights: float, mode: Mode = "shadow_randomized", coverage: float = 1.0, name: str = "exp1", phase: int = 1
) -> Live:
    refs = (RNN, LSTM, GRU)[: len(weights)]
    arms = tuple(LiveArm(ref.name, ref, weight) for ref, weight in zip(refs, weights, strict=True))
    declared = tuple(Arm(arm.name, arm.ref.name, None, arm.weight) for arm in arms)
    return Live(Experiment(name, declared, mode=mode, coverage=coverage), phase, arms)


def arm_of(live: Live, unit: str | float) -> str | None:
    part = assign(None, None, "gru", live, unit).part
    return part.arm if part else None


def arms_of(live: Live, units: Sequence[str | float]) -> list[str | None]:
    return [arm_of(live, unit) for unit in units]


def test_without_a_name_or_an_experiment_the_default_model_answers() -> None:
    assert assign(None, None, "gru", None, "user-1") == Assignment("gru", None)


@pytest.mark.parametrize("version", [None, 2])
@pytest.mark.parametrize("live", [None, live_of(1, 1, 1)])
def test_a_named_model_answers_itself_and_is_left_out_of_the_experiment(live: Live | None, version: int | None) -> None:
    assert assign("rnn", version, "gru", live, "user-1") == Assignment("rnn", version)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("exp1:1:user-1", 0.422378666784),
        ("exp1:1:user-2", 0.625287637474),
        ("exp1:1:한국어", 0.615442441901),
        ("exp1:2:user-1", 0.161233630580),
    ],
)
def test_the_hash_gives_the_published_numbers(content: str, expected: float) -> None:
    assert unit_interval(content.encode()) == pytest.approx(expected, abs=5e-13)


def test_an_arm_is_the_one_with_the_greatest_weighted_draw_of_name_arm_and_unit() -> None:
    draws = {arm: unit_interval(f"exp1:{arm}:user-1".encode()) for arm in ("rnn", "lstm", "gru")}
    greatest = max(draws, key=lambda arm: draws[arm])  # with equal weights, -1 / ln(u) grows with u
    [ref] = (ref for ref in (RNN, LSTM, GRU) if ref.name == greatest)
    assert assign(None, None, "default", live_of(1, 1, 1, phase=4), "user-1") == Assignment(
        ref.name, ref.version, Part("exp1", 4, greatest, "hash")
    )


@pytest.mark.parametrize("weights", [(1, 1, 1), (2, 1, 1), (8, 1, 0.5)])
def test_the_shares_of_clients_follow_the_weights(weights: tuple[float, ...]) -> None:
    counts = Counter(arms_of(live_of(*weights), UNITS))
    for arm, weight in zip(("rnn", "lstm", "gru"), weights, strict=True):
        expected = weight / sum(weights)
        tolerance = 4 * (expected * (1 - expected) / len(UNITS)) ** 0.5
        assert counts[arm] / len(UNITS) == pytest.approx(expected, abs=tolerance)


def test_a_change_of_weights_moves_as_few_clients_as_it_must() -> None:
    before, after = arms_of(live_of(1, 1, 1), UNITS), arms_of(live_of(2, 1, 1, phase=2), UNITS)
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(moved) / len(UNITS) == pytest.approx(1 / 6, abs=0.01)  # from 1/3 to 1/2
    assert set(moved) == {"rnn"}


def test_another_experiment_draws_anew() -> None:
    one, other = arms_of(live_of(1, 1), UNITS), arms_of(live_of(1, 1, name="exp2"), UNITS)
    assert sum(a == b for a, b in zip(one, other, strict=True)) / len(UNITS) == pytest.approx(0.5, abs=0.02)


def test_a_wider_coverage_gives_nobody_another_arm() -> None:
    ramp = [arms_of(live_of(1, 1, 1, coverage=coverage), UNITS) for coverage in (0.05, 0.3, 0.7, 1.0)]
    for narrow, wide in pairwise(ramp):
        assert all(new == old for old, new in zip(narrow, wide, strict=True) if old is not None)
    taking_part = [sum(arm is not None for arm in arms) / len(UNITS) for arms in ramp]
    assert taking_part == pytest.approx([0.05, 0.3, 0.7, 1.0], abs=0.012)


def test_who_takes_part_says_nothing_of_the_arm() -> None:
    counts = Counter(arm for arm in arms_of(live_of(1, 1, coverage=0.3), UNITS) if arm)
    assert counts["rnn"] / counts.total() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("unit", ["user-1", 0.6])
def test_outside_the_coverage_the_default_model_answers(unit: str | float) -> None:
    assert unit_interval(b"exp1:coverage:user-1") >= 0.3
    assert assign(None, None, "gru", live_of(1, 1, coverage=0.3), unit) == Assignment("gru", None)


def test_without_a_key_chance_decides_by_the_weights() -> None:
    live, random = live_of(2, 1, 1, coverage=0.5), Random(4)
    counts = Counter(arms_of(live, [random.random() for _ in range(20_000)]))
    assert [counts[arm] / 20_000 for arm in (None, "rnn", "lstm", "gru")] == pytest.approx(
        [0.5, 0.25, 0.125, 0.125], abs=0.015
    )
    assert assign(None, None, "gru", live, 0.1).part == Part("exp1", 1, "rnn", "random")


@pytest.mark.parametrize("coverage", [1.0, 0.1, 0.7, 1e-9])
@pytest.mark.parametrize("weights", [(1, 1, 1), (0.1, 0.2, 0.3), (1e-6, 1e6, 1)])
def test_the_ends_of_chance_still_meet_an_arm(coverage: float, weights: tuple[float, ...]) -> None:
    live = live_of(*weights, coverage=coverage)
    just_below = coverage - coverage * 2**-53
    assert arm_of(live, 0.0) == "rnn"
    assert arm_of(live, just_below) == "gru"


@pytest.mark.parametrize("digest", [bytes(32), b"\xff" * 32])
def test_the_ends_of_the_hash_still_meet_an_arm(digest: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hash:
        def __init__(self, content: bytes) -> None:
            pass

        def digest(self) -> bytes:
            return digest

    monkeypatch.setattr(traffic, "sha256", Hash)
    assert arm_of(live_of(1, 2, 3), "user-1") in {"rnn", "gru"}


@pytest.mark.parametrize("unit", ["user-1", 0.99])
def test_in_shadow_the_first_arm_serves_whoever_takes_part(unit: str | float) -> None:
    live = live_of(1, 5, mode="shadow")
    assert assign(None, None, "gru", live, unit) == Assignment("rnn", 3, Part("exp1", 1, "rnn", "fixed"))
    outside = live_of(1, 5, mode="shadow", coverage=0.3)
    assert assign(None, None, "gru", outside, unit).part is None


def test_a_key_is_the_same_however_its_characters_were_composed() -> None:
    composed, decomposed = "사용자", normalize("NFD", "사용자")
    assert composed != decomposed
    assert canonical(composed) == canonical(decomposed) == composed.encode()
    live = live_of(1, 1, 1)
    keys = [f"사용자-{number}" for number in range(200)]
    assert len(set(arms_of(live, keys))) == 3


def test_a_key_that_is_no_unicode_has_an_arm_too() -> None:
    assert arm_of(live_of(1, 1), "\udc80") in {"rnn", "lstm"}


def test_arms_of_clients_are_the_same_in_every_process_and_release() -> None:
    assert arms_of(live_of(2, 1, 1), ["user-1", "user-2", "user-3", "한국어"]) == ["gru", "rnn", "rnn", "lstm"]


_names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)


@given(
    name=_names,
    weights=st.dictionaries(_names, st.floats(1e-6, 1e6), min_size=2, max_size=5),
    unit=st.text(min_size=1),
    data=st.data(),
)
def test_an_assignment_depends_on_name_arms_weights_and_unit_alone(
    name: str, weights: dict[str, float], unit: str, data: st.DataObject
) -> None:
    """Not on the phase, the versions, the thresholds, the order of the arms, or what was asked before."""

    def live(order: Sequence[str], margin: float = 0.01) -> Live:
        phase, version = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
        declared = tuple(Arm(arm, "gru", None, weights[arm]) for arm in order)
        arms = tuple(LiveArm(arm, VersionRef("gru", version), weights[arm]) for arm in order)
        return Live(Experiment(name, declared, margin=margin), phase, arms)

    first = arm_of(live(list(weights)), unit)
    assert first in weights
    assert arm_of(live(data.draw(st.permutations(list(weights))), margin=0.3), unit) == first
    assert arm_of(live(list(weights)), unit) == first
