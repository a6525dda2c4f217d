"""GET /experiments and what is below it, the page of a report, and DELETE /clients."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response

from service.documentation import REQUEST_ID_HEADER, documented
from service.errors import InvalidRequestError, StoreUnavailableError, UnknownExperimentError, UnknownPhaseError
from service.experiments.live import Live
from service.experiments.observation import Observation, Outcome
from service.experiments.page import report_page
from service.experiments.rendering import to_json, to_markdown
from service.experiments.watching import Experiments, Status
from service.forgetting import Forgetting
from service.reports import Reports
from service.routes.predictions import client_key
from service.schemas_experiments import (
    ArmAnswer,
    ArmStatus,
    ExperimentList,
    ExperimentStatus,
    Forgotten,
    LabelQueue,
    ToLabel,
)
from service.web.answers import page_answer
from service.web.languages import language_of
from service.web.pages import Pages

Name = Annotated[str, Path(description="As the experiment is declared.")]
Phase = Annotated[int | None, Query(ge=1, description="Number of a phase; absent: the newest.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="How many, at most.")]
ClientKey = Annotated[str, Header(min_length=1, description="Whose data is deleted.")]

_NAMED: dict[int | str, Any] = {200: {"headers": REQUEST_ID_HEADER}, **documented(UnknownExperimentError)}
_STORED: dict[int | str, Any] = {
    200: {"headers": REQUEST_ID_HEADER},
    **documented(UnknownExperimentError, UnknownPhaseError, InvalidRequestError, StoreUnavailableError),
}
_REPORT = _STORED | {
    200: {
        "headers": REQUEST_ID_HEADER,
        "content": {"application/json": {"schema": {"type": "object"}}, "text/markdown": {}},
    }
}
_PAGE = _STORED | {200: {"headers": REQUEST_ID_HEADER, "content": {"text/html": {}}}}
_FORGOTTEN: dict[int | str, Any] = {
    200: {"headers": REQUEST_ID_HEADER},
    **documented(InvalidRequestError, StoreUnavailableError),
}


def router(experiments: Experiments, reports: Reports, forgetting: Forgetting, pages: Pages) -> APIRouter:
    """Return the routes about experiments."""
    routes = APIRouter(tags=["experiments"])
    _add_statuses(routes, experiments, reports)
    _add_reports(routes, reports)
    _add_page(routes, reports, pages)

    @routes.get("/experiments/{name}/disagreements", responses=_STORED)
    async def disagreements(name: Name, limit: Limit = 100) -> LabelQueue:
        """List what people should label next: first the random sample, then texts on which the arms disagree.

        Nothing that has a trusted label already, and no text twice.
        """
        phase, found = await reports.to_label(name, limit)
        return LabelQueue(experiment=name, phase=phase, items=[_to_label(observation) for observation in found])

    @routes.delete("/clients", responses=_FORGOTTEN)
    async def forget(x_client_key: ClientKey) -> Forgotten:
        """Delete all that experiments stored of a client, labels included.

        Reports that counted it change with it.
        """
        key = client_key(x_client_key.encode("latin-1"))  # the bytes as they came
        return Forgotten(predictions=await forgetting.forget_client(key or ""))

    return routes


def _add_statuses(routes: APIRouter, experiments: Experiments, reports: Reports) -> None:
    @routes.get("/experiments")
    async def declared() -> ExperimentList:
        """List every experiment that is declared, and what became of it."""
        return listed(experiments)

    @routes.get("/experiments/{name}", responses=_NAMED)
    async def one(name: Name) -> ExperimentStatus:
        """Show one experiment, and what became of it."""
        return _status(reports.status(name), experiments.live)


def _add_reports(routes: APIRouter, reports: Reports) -> None:
    @routes.get("/experiments/{name}/report", response_class=Response, responses=_REPORT)
    async def report(name: Name, phase: Phase = None, format: Literal["json", "md"] = "json") -> Response:
        """Say which arm to keep, how sure that is, and whether the experiment is sound, as JSON or Markdown."""
        found = await reports.report(name, phase)
        if format == "md":
            return Response(to_markdown(found), media_type="text/markdown")
        return Response(to_json(found), media_type="application/json")


def _add_page(routes: APIRouter, reports: Reports, pages: Pages) -> None:
    @routes.get("/ui/experiments/{name}", response_class=Response, responses=_PAGE)
    async def page(request: Request, name: Name, phase: Phase = None) -> Response:
        """Show the report as a page, with plots."""
        language = language_of(request)
        found = report_page(await reports.report(name, phase), phase, pages.phrases[language])
        return page_answer(request, pages.shell.around(found, pages.words[language]))


def listed(experiments: Experiments) -> ExperimentList:
    """Return every experiment that is declared, and what became of it."""
    found = [_status(status, experiments.live) for status in experiments.statuses]
    return ExperimentList(broken=experiments.broken, experiments=found)


def _status(status: Status, live: Live | None) -> ExperimentStatus:
    experiment = status.experiment
    runs = live is not None and live.experiment == experiment
    versions = {arm.name: arm.ref.version for arm in live.arms} if live is not None and runs else {}
    return ExperimentStatus(
        name=experiment.name,
        state=status.state,
        reason=status.reason,
        phase=status.phase,
        mode=experiment.mode,
        coverage=experiment.coverage,
        margin=experiment.margin,
        alpha=experiment.alpha,
        arms=[
            ArmStatus(name=arm.name, model=arm.model, version=versions.get(arm.name, arm.version), weight=arm.weight)
            for arm in experiment.arms
        ],
    )


def _to_label(observation: Observation) -> ToLabel:
    return ToLabel(
        prediction_id=observation.prediction_id,
        created_at=observation.created_at,
        audit=observation.audit,
        text=observation.text,
        answers=[_answer(outcome) for outcome in observation.outcomes],
    )


def _answer(outcome: Outcome) -> ArmAnswer:
    score = max(outcome.probabilities) if outcome.label is not None else None
    return ArmAnswer(arm=outcome.arm, label=outcome.label, score=score)
