import unicodedata
from pathlib import Path

import numpy as np
import pytest

from model_store.layout import VersionRef
from service.errors import InferenceError
from service.explain.explanation import Explainable
from service.explain.shelf import Shelf
from tests.fakes import FakeEngine
from tests.versions import Shape, publish_version

TEXT = "영화 정말 좋았어요"


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Explainable:
    store = tmp_path_factory.mktemp("store")
    publish_version(store, "gru", Shape(max_tokens=12))
    digest = _digest(store)
    return Shelf(store).get(VersionRef("gru", 1), digest)


def _digest(store: Path) -> str:
    from model_store.layout import verify

    return verify(store, VersionRef("gru", 1)).digest


def served(version: Explainable, text: str) -> list[float]:
    ids = version.encoder.encode(text, version.stored.manifest.max_tokens).ids
    scores: list[float] = version.engine.score([ids])[0].tolist()
    return scores


def test_the_trajectory_is_what_the_engine_says_of_every_beginning(version: Explainable) -> None:
    explained = version.explain(TEXT, 1, served(version, TEXT), units=False)

    ids = version.encoder.encode(TEXT, 12).ids
    expected = [version.engine.score([ids[: end + 1]])[0, 1] for end in range(len(ids))]
    np.testing.assert_allclose(explained["trajectory"], expected, atol=2e-6)
    assert explained["trajectory"][-1] == pytest.approx(served(version, TEXT)[1], abs=2e-6)


def test_occlusion_is_the_probability_less_that_without_the_token(version: Explainable) -> None:
    whole = served(version, TEXT)

    explained = version.explain(TEXT, 1, whole, units=False)

    ids = version.encoder.encode(TEXT, 12).ids
    without = [version.engine.score([ids[:place] + ids[place + 1 :]])[0, 1] for place in range(len(ids))]
    np.testing.assert_allclose(explained["occlusion"], whole[1] - np.array(without), atol=3e-6)


def test_a_text_of_one_token_is_compared_with_an_empty_one(version: Explainable) -> None:
    explained = version.explain("좋", 1, served(version, "좋"), units=False)

    [change] = explained["occlusion"]
    assert change == pytest.approx(served(version, "좋")[1] - version.engine.score([[]])[0, 1], abs=2e-6)
    assert len(explained["memory"]) == len(explained["trajectory"]) == 1


def test_tokens_are_the_characters_of_the_text_as_it_was_given(version: Explainable) -> None:
    text = unicodedata.normalize("NFD", "영화") + "   ㅋㅋㅋㅋㅋㅋ 뷁!"

    explained = version.explain(text, 1, served(version, text), units=False)

    parts = [unicodedata.normalize("NFC", text[each["start"] : each["end"]]) for each in explained["tokens"]]
    assert parts == ["영", "화", "ㅋ", "ㅋ", "ㅋㅋㅋㅋ", "뷁", "!"]
    assert [each["known"] for each in explained["tokens"]] == [True, True, True, True, True, False, True]


def test_what_the_model_did_not_see_is_not_explained(version: Explainable) -> None:
    text = "영화배우" * 10

    explained = version.explain(text, 0, served(version, text), units=True)

    [layer] = explained["layers"]
    lists = (explained["tokens"], explained["trajectory"], explained["occlusion"], explained["memory"], layer["memory"])
    assert {len(each) for each in (*lists, *layer["gates"].values(), *layer["per_unit"].values())} == {12}
    assert explained["tokens"][-1]["end"] == 12


def test_gates_are_shown_as_means_and_on_request_by_unit(version: Explainable) -> None:
    [layer] = version.explain(TEXT, 1, served(version, TEXT), units=True)["layers"]
    [short] = version.explain(TEXT, 1, served(version, TEXT), units=False)["layers"]

    assert (layer["layer"], layer["direction"], layer["cell"], layer["units"]) == (1, "forward", "gru", 8)
    assert list(layer["gates"]) == list(layer["per_unit"]) == ["update", "reset", "candidate", "hidden"]
    units = {name: np.array(values) for name, values in layer["per_unit"].items()}
    for name in ("update", "reset"):
        np.testing.assert_allclose(layer["gates"][name], units[name].mean(axis=1), atol=1e-4)
    for name in ("candidate", "hidden"):
        assert (units[name] < 0).any()
        np.testing.assert_allclose(layer["gates"][name], np.abs(units[name]).mean(axis=1), atol=1e-4)
    assert short == {**layer, "per_unit": None}


def test_the_parts_of_integrated_gradients_add_up(version: Explainable) -> None:
    found = version.explain(TEXT, 1, served(version, TEXT), units=False)["integrated_gradients"]

    whole = served(version, TEXT)[1]
    assert sum(found["values"]) + found["baseline"] == pytest.approx(whole, abs=found["completeness_error"] + 2e-5)


def test_the_difference_between_replay_and_service_is_told(version: Explainable) -> None:
    whole = served(version, TEXT)

    right = version.explain(TEXT, 1, whole, units=False)["replay_difference"]
    wrong = version.explain(TEXT, 1, [whole[0] - 0.25, whole[1] + 0.25], units=False)["replay_difference"]

    assert right < 1e-6
    assert wrong == pytest.approx(0.25, abs=1e-5)


def test_an_engine_that_fails_is_an_error_rather_than_half_an_explanation(version: Explainable) -> None:
    def fail(_: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        raise RuntimeError("broken")

    broken = Explainable(version.stored, version.encoder, FakeEngine(answer=fail), version.replay)

    with pytest.raises(InferenceError):
        broken.explain(TEXT, 1, served(version, TEXT), units=False)
