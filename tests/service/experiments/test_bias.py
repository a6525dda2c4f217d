import numpy as np
import pytest

from service.experiments.arms import Judged
from service.experiments.bias import LabelBias
from service.experiments.design import Mode
from tests.service.experiments.phases import design

RIGHT, WRONG = Judged(True, 0.01, 0.9, 0.5), Judged(False, 0.81, 0.9, 0.5)


def test_complaints_about_served_answers_are_found() -> None:
    bias = LabelBias(design())
    for number in range(60):
        served = number % 2
        bias.judge(served, [WRONG, RIGHT] if served == 0 else [RIGHT, WRONG])
    assert bias.alarmed


def test_a_better_arm_is_not_taken_for_biased_labels() -> None:
    random = np.random.default_rng(3)
    bias = LabelBias(design())
    for _ in range(2000):
        bias.judge(int(random.integers(2)), [RIGHT, WRONG] if random.random() < 0.9 else [WRONG, RIGHT])
    assert not bias.alarmed


def test_labels_that_do_not_tell_two_arms_apart_say_nothing() -> None:
    bias = LabelBias(design(3))
    bias.judge(0, [RIGHT, RIGHT, None])
    bias.judge(2, [RIGHT, WRONG, None])
    assert [(pair.right_a, pair.right_b) for pair in bias.pairs] == [(0, 0)] * 3


def test_each_pair_counts_what_it_served() -> None:
    bias = LabelBias(design(3))
    bias.judge(0, [RIGHT, WRONG, RIGHT])
    first, second, third = bias.pairs
    assert (first.right_a, first.right_b, first.served_right) == (1, 0, 1)
    assert (second.right_a, second.right_b) == (0, 0)
    assert (third.right_a, third.right_b) == (0, 0)


@pytest.mark.parametrize("mode", ["shadow", "split"])
def test_nothing_can_be_asked_where_chance_decides_nothing_or_only_one_arm_answers(mode: Mode) -> None:
    bias = LabelBias(design(mode=mode))
    bias.judge(0, [WRONG, RIGHT])
    assert not bias.pairs
    assert not bias.alarmed
