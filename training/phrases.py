"""Sentences made by rule: constructions and words that the training reviews hold too few of to learn from.

Negation above all. That a review is negative where it says "not" is right more often than not, and few say that nothing
is wrong: a counterfactual for every construction (Kaushik et al. 2020, arXiv:1909.12434) teaches what it turns round.
No sentence has three words in a row that a behaviour test has.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.cases import read_suite
from training.datasets import Dataset
from training.errors import ConfigError

PHRASES = Path(__file__).parent / "phrases.toml"
"""Patterns by label, and the words that stand for the names in them."""

_IN_A_ROW = 3
_NAME = re.compile(r"\{(\w+)\}")


def made_phrases(count: int, labels: Sequence[str], seed: int) -> Dataset:
    """Make sentences at random, as many of each label.

    Args:
        count: how many.
        labels: the classes of the dataset, in order; those of the patterns.
        seed: decides which; the same again for the same seed.

    Raises:
        ConfigError: if the patterns are about other classes.
    """
    grammar = tomllib.loads(PHRASES.read_text(encoding="utf-8"))
    words = grammar.pop("words")
    if set(labels) != set(grammar):
        raise ConfigError(f"phrases tell {' and '.join(grammar)} apart; the labels are {', '.join(labels)}")
    random = np.random.default_rng(seed)
    tested = {run for case in read_suite().cases for text in (case.text, case.base_text) for run in _runs(text)}
    texts: list[str] = []
    while len(texts) < count:
        pattern = random.choice(grammar[labels[len(texts) % len(labels)]])
        text = _filled("{before}" + pattern + "{after}", words, random)
        if tested.isdisjoint(_runs(text)):
            texts.append(text)
    return Dataset(texts, np.eye(len(labels), dtype=np.float32)[np.arange(count) % len(labels)], tuple(labels))


def _filled(pattern: str, words: Mapping[str, Sequence[str]], random: np.random.Generator) -> str:
    text = _NAME.sub(lambda name: str(random.choice(words[name[1]])), pattern)
    return re.sub(" +", " ", text).strip()


def _runs(text: str) -> list[tuple[Any, ...]]:
    """Return all runs of words of a text, marks left out."""
    words = re.findall(r"\w+", text)
    return [tuple(words[start : start + _IN_A_ROW]) for start in range(len(words) - _IN_A_ROW + 1)]
