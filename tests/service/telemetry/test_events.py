"""The page of the log explains every event that there is, and none that there is not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import service

SERVICE = Path(service.__file__).parent
PAGE = SERVICE.parent / "docs" / "operations" / "logs.md"
LIBRARY = "library"
"""What `service.logs` calls the lines of others."""


def events(source: str) -> Iterator[str]:
    """Yield the names of the events that a module logs; they are written where they are logged, and never composed."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("log_event", "log_exception"):
            name = node.args[0]
        elif called.endswith("REQUESTS.log"):
            name = node.args[1]
        else:
            continue
        assert isinstance(name, ast.Constant), ast.unparse(node)
        yield str(name.value)


def test_every_event_is_explained_and_every_explanation_has_its_event() -> None:
    logged = {name for path in SERVICE.rglob("*.py") for name in events(path.read_text(encoding="utf-8"))}
    _, _, table = PAGE.read_text(encoding="utf-8").partition("## Every event")
    explained = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(explained) == sorted({*logged, LIBRARY})
    assert {"request", "model_ready", "worker_died"} <= logged


def test_a_name_that_is_composed_is_found() -> None:
    for composed in ('log_event(f"model_{state}")', "log_event(name)"):
        try:
            list(events(composed))
        except AssertionError:
            continue
        raise AssertionError(composed)
