import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.experiments.observation import Outcome
from service.store.encoding import decode, encode

_ANSWERS = st.builds(
    Outcome,
    arm=st.text(),
    model=st.text(),
    version=st.integers(1, 10**6),
    label=st.none() | st.text(),
    probabilities=st.lists(st.floats(0, 1, width=32), max_size=7),
    latency_us=st.none() | st.integers(0, 10**9),
    error=st.none() | st.text(),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(_ANSWERS, max_size=4))
def test_outcomes_come_back_as_they_were(outcomes: list[Outcome]) -> None:
    decoded = decode(encode(outcomes))
    assert [outcome._replace(probabilities=()) for outcome in decoded] == [
        outcome._replace(probabilities=()) for outcome in outcomes
    ]
    for before, after in zip(outcomes, decoded, strict=True):
        assert [*map(np.float32, before.probabilities)] == [*map(np.float32, after.probabilities)]


def test_json_has_the_documented_names() -> None:
    encoded = encode(
        [Outcome("a", "gru", 2, "긍정", (0.25, 0.75), 900), Outcome("b", "lstm", 1, None, (), None, "dropped")]
    )
    assert json.loads(encoded) == [
        {
            "arm": "a",
            "model": "gru",
            "version": 2,
            "label": "긍정",
            "probabilities": [0.25, 0.75],
            "latency_us": 900,
            "error": None,
        },
        {
            "arm": "b",
            "model": "lstm",
            "version": 1,
            "label": None,
            "probabilities": [],
            "latency_us": None,
            "error": "dropped",
        },
    ]


def test_names_and_labels_that_look_like_what_stands_between_them_come_back_too() -> None:
    odd = '}, "probabilities": [1], "latency_us": 2, "error": null}]'
    outcomes = [Outcome(odd, odd, 1, odd, [0.25, 0.75], 300), Outcome("b%", "[, ", 2, "}]", [1.0], 0)]
    assert [*decode(encode(outcomes))] == outcomes


@pytest.mark.parametrize("plain", [True, False])
def test_what_others_wrote_as_json_is_read_too(plain: bool) -> None:
    outcomes = [
        Outcome("a", "gru", 1, "positive", [0.25, 0.75], 300),
        Outcome("b", "gru", 1, None, [], None, "dropped"),
    ]
    written = json.dumps([each._asdict() for each in outcomes], indent=None if plain else 1)
    assert [*decode(written)] == outcomes
    assert decode("[]") == ()


@pytest.mark.parametrize("cut", [1, 30, 90])
def test_what_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        decode(encode([Outcome("a", "gru", 1, "positive", [0.25, 0.75], 300)])[:-cut])
