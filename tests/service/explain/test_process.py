import io
import json
from pathlib import Path
from typing import Any

import pytest

from model_store.layout import VersionRef, verify
from service.explain.frames import ANSWER, KINDS, QUESTION, Reply
from service.explain.process import answer, serve
from service.explain.shelf import Shelf
from tests.versions import Shape, publish_version


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    for seed in range(2):
        publish_version(store, "gru", Shape(seed=seed))
    return store


def asked(store: Path, text: str = "좋았어요", **changes: Any) -> dict[str, Any]:
    models = [
        {
            "model": "gru",
            "version": number,
            "digest": verify(store, VersionRef("gru", number)).digest,
            "served": [0.5, 0.5],
            "shown": {"model": "gru", "version": number},
            **changes,
        }
        for number in (2, 1)
    ]
    return {"text": text, "followed": 1, "units": False, "head": {"label": "positive"}, "models": models}


def replies(store: Path, *questions: bytes) -> list[Reply]:
    """Return what is said to each question, as it comes out of the pipe."""
    sent = b"".join(QUESTION.pack(len(question)) + question for question in questions)
    out = io.BytesIO()
    serve(io.BytesIO(sent), out, Shelf(store))
    out.seek(0)
    found = []
    while head := out.read(ANSWER.size):
        kind, size = ANSWER.unpack(head)
        found.append(Reply(KINDS[kind], out.read(size)))
    return found


def test_an_answer_is_what_was_known_and_what_was_found_model_by_model(store: Path) -> None:
    reply = answer(Shelf(store), asked(store))

    document = json.loads(reply.body)
    assert reply.kind == "answered"
    assert (document["label"], [model["version"] for model in document["models"]]) == ("positive", [2, 1])
    assert all(len(model["trajectory"]) == 4 for model in document["models"])


def test_a_version_whose_files_are_others_is_told(store: Path) -> None:
    reply = answer(Shelf(store), asked(store, digest="other"))

    assert reply == Reply("changed", b"gru/2: was replaced since the service loaded it")


def test_questions_are_answered_in_turn_until_there_are_no_more(store: Path) -> None:
    questions = [json.dumps(asked(store, text)).encode() for text in ("좋았어요", "영화")]

    first, second = (json.loads(reply.body) for reply in replies(store, *questions))

    assert [len(each["models"][0]["tokens"]) for each in (first, second)] == [4, 2]


def test_a_question_that_cannot_be_answered_does_not_keep_the_next_from_its_answer(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failed, answered = replies(store, b"{}", json.dumps(asked(store)).encode())

    assert (failed, answered.kind) == (Reply("failed", b""), "answered")
    assert [record.getMessage() for record in caplog.records] == ["explanation_failed"]
