"""What a person looks at: GET / and what is below /ui, and the page of the API. They translate HTTP and no more."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from model_store.layout import VersionRef
from service.errors import UnknownModelError, UnknownRouteError
from service.registry import Entry, Registry
from service.schemas import ModelList
from service.schemas_experiments import ExperimentList
from service.web.answers import ASK_AGAIN, FOR_GOOD, file_answer, page_answer
from service.web.experiments_page import experiments_page
from service.web.languages import language_of
from service.web.models_page import models_page, version_page
from service.web.pages import Pages
from service.web.shell import DOCS, Page
from service.web.version_files import report_file

Versions = Callable[[], ModelList]
"""Lists all versions as GET /models does."""

Experiments = Callable[[], ExperimentList]
"""Lists all experiments as GET /experiments does."""


def router(pages: Pages, registry: Registry, versions: Versions, experiments: Experiments, docs: bool) -> APIRouter:
    """Return the routes of pages; that of the API only if `docs`."""
    routes = APIRouter(include_in_schema=False)
    _add_prepared(routes, pages, docs)
    _add_versions(routes, pages, registry, versions)

    @routes.get("/ui/experiments")
    async def all_experiments(request: Request) -> Response:
        words = pages.words[language_of(request)]
        return page_answer(request, pages.shell.around(experiments_page(experiments(), words), words))

    return routes


def _add_prepared(routes: APIRouter, pages: Pages, docs: bool) -> None:
    @routes.get("/")
    async def home(request: Request) -> Response:
        return page_answer(request, pages.home(language_of(request)))

    @routes.get("/ui/static/{digest}/{name}")
    async def static(request: Request, digest: str, name: str) -> Response:
        file = pages.files.get(name)
        if file is None:
            raise UnknownRouteError
        # While releases change, a page of the other one may ask for its own files: it gets these, but not for good.
        return file_answer(request, file, FOR_GOOD if digest == pages.files.digest else ASK_AGAIN)

    if docs:

        @routes.get(DOCS)
        async def api(request: Request) -> Response:
            return page_answer(request, pages.docs(language_of(request)))


def _add_versions(routes: APIRouter, pages: Pages, registry: Registry, versions: Versions) -> None:
    def shown(request: Request, make: Callable[..., Page], *of: object) -> Response:
        words = pages.words[language_of(request)]
        return page_answer(request, pages.shell.around(make(*of, words), words))

    @routes.get("/ui/models")
    async def all_versions(request: Request) -> Response:
        return shown(request, models_page, versions())

    @routes.get("/ui/models/{model}/{version}")
    async def one_version(request: Request, model: str, version: int) -> Response:
        ref = VersionRef(model, version)
        return shown(request, version_page, ref, versions(), _entry(registry, ref))

    @routes.get("/ui/models/{model}/{version}/report/{name}")
    def report(request: Request, model: str, version: int, name: str) -> Response:
        file = report_file(_entry(registry, VersionRef(model, version)), name)
        if file is None:
            raise UnknownRouteError
        return file_answer(request, file, ASK_AGAIN)


def _entry(registry: Registry, ref: VersionRef) -> Entry:
    entry = registry.entries.get(ref)
    if entry is None:
        raise UnknownModelError("there is no such model or version", [str(known) for known in registry.entries])
    return entry
