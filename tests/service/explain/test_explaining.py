from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from service.app import Application
from service.comparing import Comparer
from service.errors import NotExplainableError, NotReadyError, ServiceError
from service.explain.asking import ExplainingProcess
from service.explain.counters import ExplanationCounters
from service.explain.explaining import Explainer
from service.explain.frames import Kind, Reply
from service.metrics import Metrics
from service.model import Model
from service.schemas_explanation import ExplainRequest
from service.security.callers import Caller

pytestmark = pytest.mark.anyio


class Said(ExplainingProcess):
    """A process that always says the same, and keeps what it was asked."""

    def __init__(self, kind: Kind, body: bytes = b"") -> None:
        super().__init__(Path(), 1, ExplanationCounters(Metrics()))
        self._reply = Reply(kind, body)
        self.asked: list[bytes] = []

    async def ask(self, question: bytes) -> Reply:
        self.asked.append(question)
        return self._reply


class WithoutGraphs(Comparer):
    """Knows the models of some names as ones without a fused graph."""

    names: tuple[str, ...] = ()

    def choose(self, names: Sequence[str] | None) -> list[Model]:
        return [self._changed(model) if model.ref.name in self.names else model for model in super().choose(names)]

    def _changed(self, model: Model) -> Model:
        manifest = replace(model.stored.manifest, fused_graph=False, fused_reason="no fused operator for Conv1D")
        return replace(model, stored=replace(model.stored, manifest=manifest))


@pytest.mark.parametrize(
    ("kind", "error", "part"),
    [
        ("not_covered", NotExplainableError, "gru/1: no replay"),
        ("changed", NotReadyError, "gru/1: no replay"),
        ("failed", ServiceError, "the event was logged"),
    ],
)
async def test_why_there_is_no_explanation_becomes_a_problem(
    app: Application, kind: Kind, error: type[ServiceError], part: str
) -> None:
    explainer = Explainer(Comparer(app.registry, "gru"), Said(kind, b"gru/1: no replay"))

    with pytest.raises(error, match=part) as raised:
        await explainer.explain(ExplainRequest(text="좋아요"))
    assert type(raised.value) is error


async def test_a_version_without_a_fused_graph_is_not_explained_and_says_why(app: Application) -> None:
    comparer, process = WithoutGraphs(app.registry, "gru"), Said("answered", b"{}")
    comparer.names = ("lstm",)
    explainer = Explainer(comparer, process)

    with pytest.raises(NotExplainableError, match="lstm/1 has no fused graph to explain it by: no fused operator for"):
        await explainer.explain(ExplainRequest(text="좋아요", models=["gru", "lstm"]))
    assert process.asked == []


async def test_where_nobody_names_it_a_version_without_a_fused_graph_is_left_out(app: Application) -> None:
    comparer, process = WithoutGraphs(app.registry, "gru"), Said("answered", b"{}")
    comparer.names = ("lstm",)

    await Explainer(comparer, process).explain(ExplainRequest(text="좋아요"))

    assert b'"gru"' in process.asked[0]
    assert b'"lstm"' not in process.asked[0]


async def test_if_no_model_has_a_fused_graph_that_is_the_problem(app: Application) -> None:
    comparer = WithoutGraphs(app.registry, "gru")
    comparer.names = ("gru", "lstm")

    with pytest.raises(NotExplainableError, match="gru/2 has no fused graph"):
        await Explainer(comparer, Said("answered")).explain(ExplainRequest(text="좋아요"))


async def test_a_text_is_counted_once_for_every_model_before_anything_is_done_for_it(app: Application) -> None:
    class Counting(Caller):
        taken = 0

        def take(self, texts: int) -> None:
            self.taken += texts

    caller = Counting()
    await Explainer(Comparer(app.registry, "gru"), Said("answered", b"{}")).explain(
        ExplainRequest(text="좋아요", models=["gru/1", "gru/2", "lstm"]), caller
    )

    assert caller.taken == 3
