from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from service.app import Application
from service.security.scopes import ANY, OPEN, TABLE, find, needed

pytestmark = pytest.mark.anyio


def routes_of(app: Application) -> list[tuple[str, str]]:
    """Return method and path of everything that can be asked for, documented or not."""
    return [*pairs_of(app.front._app.routes), *app.front._endpoints]  # type: ignore[attr-defined]


def pairs_of(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if hasattr(route, "original_router"):
            assert not route.include_context.prefix
            yield from pairs_of(route.original_router.routes)
        else:
            assert isinstance(route, Route | APIRoute), f"{route} is no route: what is behind it cannot be looked up"
            yield from ((method, route.path) for method in route.methods or ())


async def test_every_route_is_in_the_table(app: Application) -> None:
    missing = [pair for pair in routes_of(app) if find(*pair) is None]
    assert missing == [], "name the scope of each in service/security/scopes.py"
    assert len(routes_of(app)) > 15


async def test_a_route_that_is_not_in_the_table_is_found(fresh_app: Application) -> None:
    fresh_app.front._app.add_route("/new", lambda request: None)  # type: ignore[attr-defined]
    assert {pair for pair in routes_of(fresh_app) if find(*pair) is None} == {("HEAD", "/new"), ("GET", "/new")}


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/health/live", OPEN),
        ("HEAD", "/health/ready", OPEN),
        ("POST", "/predict", {"predict"}),
        ("POST", "/predict/batch", {"predict"}),
        ("POST", "/feedback", {"feedback"}),
        ("GET", "/experiments/a/disagreements", {"feedback"}),
        ("GET", "/experiments/a/report", {"metrics"}),
        ("GET", "/metrics", {"metrics"}),
        ("GET", "/metrics\n", {"metrics"}),
        ("GET", "/experiments/a/disagreements\n", {"feedback"}),
        ("DELETE", "/clients", {"admin"}),
        ("GET", "/models", ANY),
        ("GET", "/models/gru/1", ANY),
        ("POST", "/models/gru/1/load", {"admin"}),
        ("PUT", "/models/gru/aliases/stable", {"admin"}),
        ("DELETE", "/models/gru/1", {"admin"}),
        ("GET", "/ui/experiments/a", {"metrics"}),
        ("GET", "/ui/static/1/page.js", ANY),
        ("GET", "/nowhere", ANY),
        ("POST", "/nowhere", {"admin"}),
        ("OPTIONS", "/predict", {"admin"}),
        ("POST", "/health/live", {"admin"}),
    ],
)
def test_the_table_says_what_a_key_needs(method: str, path: str, scopes: object) -> None:
    assert needed(method, path) == scopes


def test_only_health_is_open() -> None:
    assert {path for (_, path), scopes in TABLE.items() if not scopes} == {"/health/live", "/health/ready"}
