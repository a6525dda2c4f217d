"""What the shipped models reach through the service, on the official test split."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from model_store.layout import DEFAULT_STORE
from tests.system.server import Server, serving
from training.cases import read_suite

pytestmark = pytest.mark.system

LEAST = {"rnn": 0.860, "lstm": 0.872, "gru": 0.872, "bigru": 0.880}
"""Accuracies that each must reach on reviews it has not seen."""
BEST = "bigru"
LEAST_BEHAVIOUR = {
    ("all",): 0.75,
    ("negation",): 0.70,
    ("contrast",): 0.70,
    ("spacing", "typos"): 0.90,
    ("slang",): 0.80,
}
"""Shares of behaviour tests that the best must pass, of two categories on average."""
COMMENT = next(case.text for case in read_suite().cases if case.id == "long_range-01")
"""Complains in its first half and ends on what looks like a kind word: negative as a whole."""
REQUEST_TEXTS = 1_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(DEFAULT_STORE, tmp_path_factory.mktemp("shipped") / "service.log") as running:
        running.wait_until_loaded()
        yield running


@pytest.fixture(scope="module")
def reviews(data_directory: Path) -> list[tuple[str, str]]:
    """The official test split without its three empty texts, as (text, label)."""
    with gzip.open(data_directory / "nsmc" / "ratings_test.txt.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    return [(text, ("negative", "positive")[int(label)]) for _, text, label in rows if text.strip()]


def _labels(server: Server, model: str, texts: list[str]) -> Iterator[str]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for start in range(0, len(texts), REQUEST_TEXTS):
            body = {"texts": texts[start : start + REQUEST_TEXTS], "model": model}
            answer = client.post("/predict/batch", json=body)
            answer.raise_for_status()
            yield from (item["label"] for item in answer.json()["predictions"])


@pytest.mark.parametrize("model", LEAST)
def test_a_shipped_model_is_as_good_as_it_must_be(server: Server, reviews: list[tuple[str, str]], model: str) -> None:
    texts, expected = zip(*reviews, strict=True)

    given = list(_labels(server, model, list(texts)))

    accuracy = np.mean(np.array(given) == np.array(expected))
    assert accuracy >= LEAST[model]
    models = httpx.get(f"{server.url}/models").json()["models"]
    claimed = next(each["metrics"]["accuracy"] for each in models if each["model"] == model)
    assert accuracy == pytest.approx(claimed, abs=2e-4)  # the claim counts the three empty texts as well


@pytest.fixture(scope="module")
def metrics(server: Server) -> dict[str, dict[str, float]]:
    """Of every model that reads reviews, what its manifest claims."""
    models = httpx.get(f"{server.url}/models").json()["models"]
    return {each["model"]: each["metrics"] for each in models if each["model"] in LEAST}


def test_probabilities_mean_what_they_say(metrics: dict[str, dict[str, float]]) -> None:
    assert {model: found["ece"] for model, found in metrics.items() if found["ece"] > 0.012} == {}


def test_little_is_lost_without_blanks(metrics: dict[str, dict[str, float]]) -> None:
    lost = {model: found["accuracy"] - found["accuracy_without_blanks"] for model, found in metrics.items()}
    assert {model: share for model, share in lost.items() if share > 0.025} == {}


def test_the_best_behaves(metrics: dict[str, dict[str, float]]) -> None:
    found = {names: np.mean([metrics[BEST][f"behaviour_{name}"] for name in names]) for names in LEAST_BEHAVIOUR}
    assert {names: share for names, share in found.items() if share < LEAST_BEHAVIOUR[names]} == {}


@pytest.mark.parametrize("model", LEAST)
def test_the_comment_on_the_52_hour_week_is_negative(server: Server, model: str) -> None:
    assert list(_labels(server, model, [COMMENT])) == ["negative"]


def test_the_chatbot_model_tells_three_classes_apart(server: Server) -> None:
    texts = ["헤어진 지 한 달이 지났는데 너무 힘들어", "좋아하는 사람이 생겼어 고백할까", "배가 고픈데 뭐 먹지"]

    assert list(_labels(server, "chatbot", texts)) == ["parting", "love", "everyday"]
