import pytest

from training.config import TrainingConfig
from training.errors import ConfigError
from training.sweeping.plan import parse_over, plan_runs


def test_all_combinations_are_made_once_each() -> None:
    points = plan_runs(TrainingConfig(), parse_over(["units=16,32", "vocabulary=4000,8000,4000"]))

    assert [point.name for point in points] == [
        "units=16,vocabulary=4000",
        "units=16,vocabulary=8000",
        "units=32,vocabulary=4000",
        "units=32,vocabulary=8000",
    ]
    assert (points[1].config.units, points[1].config.vocabulary) == (16, 8000)
    assert points[1].config.embedding == TrainingConfig().embedding


def test_one_setting_at_a_time_leaves_the_others_as_they_are() -> None:
    base = TrainingConfig(units=32, learning_rate=0.01)

    points = plan_runs(base, parse_over(["units=16,32", "learning-rate=1e-2,0.1"]), one_at_a_time=True)

    found = [(point.config.units, point.config.learning_rate) for point in points]
    assert found == [(32, 0.01), (16, 0.01), (32, 0.1)]


@pytest.mark.parametrize(
    ("over", "message"),
    [
        (["unit=3"], "'unit' is no setting with a number; there are rows, "),
        (["variant=gru"], "'variant' is no setting with a number"),
        (["bias=1"], "'bias' is no setting with a number"),
        (["units"], "--over must be NAME=VALUE"),
        (["units=1", "units=2"], "names units twice"),
        (["units=16,many"], "--over units needs numbers between commas"),
        (["units=1.5"], "--over units needs numbers between commas"),
        (["units=16,0"], "units must be 1 to 4096, found 0"),
        (["head_dropout=nan"], "head_dropout must be 0.0 to 0.9, found nan"),
        (["units=" + ",".join(map(str, range(1, 302)))], "301 runs; at most 200"),
    ],
)
def test_what_is_no_plan_is_told_before_anything_is_trained(over: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_runs(TrainingConfig(), parse_over(over))


def test_one_at_a_time_needs_a_value_to_come_back_to() -> None:
    with pytest.raises(ConfigError, match="clip_norm has none"):
        plan_runs(TrainingConfig(), parse_over(["clip_norm=1,2"]), one_at_a_time=True)
