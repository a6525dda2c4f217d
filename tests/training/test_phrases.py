"""Sentences made by rule: what they hold, and that no behaviour test is among them."""

import re
import tomllib

import numpy as np
import pytest

from training.cases import read_suite
from training.errors import ConfigError
from training.phrases import PHRASES, made_phrases

LABELS = ("negative", "positive")


def _grammar() -> dict[str, list[str]]:
    grammar = tomllib.loads(PHRASES.read_text(encoding="utf-8"))
    return {label: grammar[label] for label in LABELS}


def test_both_labels_get_as_many_sentences() -> None:
    made = made_phrases(600, LABELS, seed=1)
    assert made.targets.sum(axis=0).tolist() == [300, 300]
    assert len(set(made.texts)) > 500


def test_labels_may_come_in_another_order() -> None:
    one, other = made_phrases(40, LABELS, seed=1), made_phrases(40, LABELS[::-1], seed=1)
    assert other.labels == LABELS[::-1]
    assert not np.array_equal(one.texts, other.texts)


def test_same_seed_makes_the_same_sentences() -> None:
    assert made_phrases(50, LABELS, seed=3).texts == made_phrases(50, LABELS, seed=3).texts
    assert made_phrases(50, LABELS, seed=3).texts != made_phrases(50, LABELS, seed=4).texts


def test_no_name_is_left_in_a_sentence() -> None:
    assert not [text for text in made_phrases(3_000, LABELS, seed=1).texts if re.search(r"[{}]|  ", text)]


def test_every_construction_stands_on_both_sides() -> None:
    def construction(pattern: str) -> str:
        return re.sub(
            r"good_|bad_|betray|fulfil|dis(?=liked)|(?<!\w)안 (?=\{use_)|까 봐 걱정했는데|까 하고 기대했는데",
            "",
            pattern,
        )

    negative, positive = (sorted(map(construction, patterns)) for patterns in _grammar().values())
    assert negative == positive


def test_no_sentence_has_three_words_in_a_row_of_a_behaviour_test() -> None:
    def runs(text: str) -> set[str]:
        words = re.findall(r"\w+", text)
        return {" ".join(words[start : start + 3]) for start in range(len(words) - 2)}

    tested = set().union(*(runs(text) for case in read_suite().cases for text in (case.text, case.base_text)))
    made = set().union(*(runs(text) for text in made_phrases(6_000, LABELS, seed=7).texts))
    assert not tested & made


def test_other_classes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"phrases tell positive and negative apart; the labels are 0, 1, 2"):
        made_phrases(10, ("0", "1", "2"), seed=1)
