import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_store.layout import VersionRef
from service.answers import PredictionWriter
from service.experiments.live import Part
from service.schemas import Prediction

ID = "01975f2e-8a4c-7b31-9d52-6f0c1e2a3b4d"
PARTS = st.builds(
    Part, st.text(max_size=9), st.integers(1, 99), st.text(max_size=9), st.sampled_from(["hash", "random"])
)
LABELS = st.lists(st.text(max_size=12), min_size=2, max_size=5, unique=True)


def test_the_bytes_are_those_of_the_documented_model() -> None:
    writer = PredictionWriter(VersionRef("gru", 2), ["negative", "positive"])
    written = writer.write(ID, 1, [0.068766, 0.931234], False, None)
    assert Prediction.model_validate_json(written, strict=True).model_dump_json() == written


@given(LABELS, st.data())
def test_whatever_the_labels_the_bytes_parse_to_the_documented_model_and_equal_its_dump(
    labels: list[str], data: st.DataObject
) -> None:
    probabilities = [data.draw(st.floats(0, 1, width=32)) for _ in labels]
    best = data.draw(st.integers(0, len(labels) - 1))
    truncated = data.draw(st.booleans())
    part = data.draw(st.none() | PARTS)
    written = PredictionWriter(VersionRef("a-model", 3), labels).write(ID, best, probabilities, truncated, part)
    parsed = Prediction.model_validate_json(written.encode(), strict=True)
    assert json.loads(written) == json.loads(parsed.model_dump_json())
    assert list(json.loads(written)) == list(Prediction.model_fields)
    assert list(parsed.scores) == labels
    assert parsed.label == labels[best]
    assert parsed.score == parsed.scores[labels[best]]
    assert parsed.truncated is truncated
    assert (parsed.experiment and parsed.experiment.model_dump()) == (part and part._asdict())


@pytest.mark.parametrize(
    ("probabilities", "uncertain"), [([0.2, 0.8], False), ([0.2000001, 0.7999999], True), ([0.0, 1.0], False)]
)
@pytest.mark.parametrize("truncated", [False, True])
def test_an_answer_of_a_lower_probability_than_its_version_asks_for_is_uncertain(
    probabilities: list[float], uncertain: bool, truncated: bool
) -> None:
    writer = PredictionWriter(VersionRef("gru", 2), ["negative", "positive"], certain_from=0.8)
    written = Prediction.model_validate_json(writer.write(ID, 1, probabilities, truncated, None))
    assert (written.uncertain, written.truncated) == (uncertain, truncated)


def test_no_answer_is_uncertain_unless_its_version_says_from_when_on() -> None:
    writer = PredictionWriter(VersionRef("gru", 2), ["negative", "positive"])
    assert not Prediction.model_validate_json(writer.write(ID, 1, [0.5, 0.5], False, None)).uncertain


@pytest.mark.parametrize(
    ("probability", "written"), [(0.9300000071525574, 0.93), (4e-7, 0), (0.9999998, 1), (1.2e-5, 0.000012)]
)
def test_probabilities_have_six_decimals(probability: float, written: float) -> None:
    answer = PredictionWriter(VersionRef("gru", 2), ["a", "b"]).write(ID, 0, [probability, 0], False, None)
    assert json.loads(answer)["score"] == written
