import pytest

from service.app import Application
from service.comparing import Compared, Comparer, consensus
from service.schemas_comparison import CompareRequest

pytestmark = pytest.mark.anyio

OPINIONS = {"negative": [0.6, 0.4], "positive": [0.1, 0.9]}


async def opinions(app: Application, *labels: str) -> list[Compared]:
    """Return what models say that are rather sure of what is positive, and less of what is negative."""
    names = ["gru/1", "gru/2", "lstm"][: len(labels)]
    compared = await Comparer(app.registry, "gru").compare(CompareRequest(text="좋아요", models=names))
    return [
        each._replace(label=label, probabilities=OPINIONS[label]) for each, label in zip(compared, labels, strict=True)
    ]


async def test_most_models_are_right_however_sure_the_others_are(app: Application) -> None:
    label, share = consensus(await opinions(app, "negative", "positive", "negative"))
    assert (label, round(share, 6)) == ("negative", 0.666667)


async def test_of_as_many_models_the_surer_ones_decide(app: Application) -> None:
    assert consensus(await opinions(app, "negative", "positive")) == ("positive", 0.5)
    assert consensus(await opinions(app, "positive", "negative")) == ("positive", 0.5)


async def test_one_model_agrees_with_itself(app: Application) -> None:
    assert consensus(await opinions(app, "negative")) == ("negative", 1)
