import json
import struct
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.experiments.observation import Observation, Outcome
from service.store.encoding import DetailReader, detail_form
from tests.service.store.observations import an_observation, recorded

_FLOATS = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=7)
_GIVEN = st.builds(
    Outcome, st.text(), st.text(), st.integers(1, 10**6), st.text(min_size=1), _FLOATS, st.integers(0, 10**9), st.none()
)
_MISSING = st.builds(Outcome, st.text(), st.text(), st.integers(1, 10**6), st.none(), st.just(()), st.none(), st.text())


class Written:
    """Details as they are written, and the terms that stand for what they say."""

    def __init__(self) -> None:
        self.terms: dict[tuple[object, ...], int] = {}
        self._numbers = count(1)

    def write(self, observation: Observation) -> bytes:
        row = recorded(observation)
        head, pack = detail_form(row.kind, self._number)
        return bytes(head + pack(row.created_at, row.tokens, *row.numbers))

    def reader(self) -> DetailReader:
        as_stored: dict[int, Any] = {number: json.loads(json.dumps(term)) for term, number in self.terms.items()}
        return DetailReader(as_stored)

    def _number(self, *term: object) -> int:
        if term not in self.terms:
            self.terms[term] = next(self._numbers)
        return self.terms[term]


@settings(max_examples=50, deadline=None)
@given(st.lists(_GIVEN | _MISSING, max_size=4), st.floats(0, 1e10), st.integers(0, 2**32 - 1))
def test_detail_comes_back_as_it_was(outcomes: list[Outcome], created_at: float, tokens: int) -> None:
    written = Written()
    observation = an_observation(1, outcomes=tuple(outcomes), created_at=created_at, tokens=tokens)
    content = written.write(observation)
    detail = written.reader().read(content)
    assert (detail.created_at, detail.tokens, detail.served_arm, detail.reason) == (created_at, tokens, "gru", "hash")
    for before, after in zip(outcomes, detail.outcomes, strict=True):
        assert before._replace(probabilities=()) == after._replace(probabilities=())
        assert [*map(np.float32, before.probabilities)] == [*map(np.float32, after.probabilities)]


def test_what_is_the_same_in_many_is_no_part_of_them() -> None:
    written = Written()
    sizes = {len(written.write(an_observation(number))) for number in range(20)}
    assert sizes == {6 + 3 * 4 + 12 + 3 * 12}
    assert len(written.terms) == 4


def test_one_of_which_there_is_json_is_read_too() -> None:
    outcomes = [
        Outcome("a", "gru", 1, "positive", [0.25, 0.75], 300),
        Outcome("b", "gru", 1, None, [], None, "dropped"),
    ]
    fields = {"created_at": 1.5, "tokens": 7, "served_arm": "a", "reason": "hash"}
    content = json.dumps({**fields, "outcomes": [outcome._asdict() for outcome in outcomes]}).encode()
    assert DetailReader({}).read(content) == (1.5, 7, "a", "hash", tuple(outcomes))


@pytest.mark.parametrize("cut", [1, 30, 55])
def test_what_is_cut_short_is_refused(cut: int) -> None:
    written = Written()
    content = written.write(an_observation(1))[:-cut]
    with pytest.raises((struct.error, LookupError)):
        written.reader().read(content)


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(struct.error):
        Written().write(an_observation(1, tokens=-1))
