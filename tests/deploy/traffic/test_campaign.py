import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from deploy.traffic.campaign import Campaign, Progress
from deploy.traffic.errors import TrafficError
from deploy.traffic.reviews import Review
from tests.deploy.traffic.stand_in import Answer, answering

REVIEWS = [Review(f"영화 {number}", "positive" if number % 3 else "negative") for number in range(500)]


class Service:
    """Answers every text by one of two arms, and remembers the labels."""

    def __init__(self, refuses: str = "", label_status: int = 202) -> None:
        self.given: list[Mapping[str, str]] = []
        self.largest = 0
        self._refuses, self._label_status = refuses, label_status

    def __call__(self, method: str, path: str, body: Any) -> Answer:
        if path == "/predict":
            if body["text"] == self._refuses:
                return 422, {"detail": "too long"}
            part = {"arm": "gru" if len(body["text"]) % 2 else "lstm"}
            return 200, {"prediction_id": body["text"], "experiment": part}
        self.given += body["items"]
        self.largest = max(self.largest, len(body["items"]))
        return 200, {"items": [{"status": self._label_status, "detail": "gone"} for _ in body["items"]]}


def test_every_review_is_sent_once_and_labelled_once() -> None:
    service = Service()
    with answering(service) as url:
        campaign = Campaign(url, REVIEWS, "gold")
        campaign.run(3, Progress(len(REVIEWS)))
    assert Counter((item["prediction_id"], item["label"]) for item in service.given) == Counter(REVIEWS)
    assert {item["source"] for item in service.given} == {"gold"}
    assert service.largest <= 200
    assert (campaign.arms.total(), campaign.labels, campaign.refused) == (500, {202: 500}, {})


def test_known_readers_are_the_same_ones_each_time_and_others_have_no_key() -> None:
    seen: dict[bool, list[str | None]] = {True: [], False: []}
    for known, readers in seen.items():
        with answering(Service(), readers=readers) as url:
            Campaign(url, REVIEWS[:20], "gold", known=known).run(3, Progress(20))
    keys = [key for key in seen[True] if key is not None]
    assert sorted(keys) == sorted(f"reader-{place}" for place in range(1, 21))
    assert set(seen[False]) == {None}


def test_what_is_refused_is_counted_with_the_reason_and_the_rest_goes_on() -> None:
    service = Service(refuses="영화 7", label_status=410)
    with answering(service) as url:
        campaign = Campaign(url, REVIEWS[:20], "gold")
        campaign.run(1, Progress(20))
    assert campaign.refused == {"422 too long": 1, "label: 410 gone": 19}


def test_a_service_that_goes_away_ends_it_with_an_error() -> None:
    def ask(method: str, path: str, body: Any) -> Answer:
        return 200, b"" if body["text"] == "영화 9" else b'{"prediction_id": "1", "experiment": null}'

    with answering(ask) as url:
        campaign = Campaign(url, REVIEWS, "gold")
        with pytest.raises(TrafficError, match="does not speak JSON"):
            campaign.run(2, Progress(len(REVIEWS)))
    assert campaign.arms.total() < 50


def test_labels_that_are_refused_as_a_whole_end_it() -> None:
    def ask(method: str, path: str, body: Any) -> Answer:
        return (200, {"prediction_id": "1", "experiment": None}) if path == "/predict" else (413, {"detail": "large"})

    with answering(ask) as url, pytest.raises(TrafficError, match="labels were refused: 413 large"):
        Campaign(url, REVIEWS[:3], "gold").run(1, Progress(3))


def test_a_rate_is_not_exceeded() -> None:
    with answering(Service()) as url:
        started = time.monotonic()
        Campaign(url, REVIEWS[:20], "gold", rate=100).run(4, Progress(20))
    assert time.monotonic() - started >= 0.2


def test_progress_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(Service()) as url:
        Campaign(url, REVIEWS[:5], "gold").run(1, Progress(5))
    assert capsys.readouterr().err.startswith("5 of 5 answered, 5 labelled, ")
