"""No method that the reports do not use: each would have to be right, and nobody would notice if it were not."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import service

SERVICE = Path(service.__file__).parent
STATISTICS = SERVICE / "statistics"


def public(tree: ast.Module) -> set[str]:
    """Return the names that a file gives to others: functions, classes and constants."""
    found = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assigned = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    found |= {target.id for target in assigned if isinstance(target, ast.Name)}
    return {name for name in found if not name.startswith("_")}


def used(tree: ast.AST) -> Iterator[str]:
    """Yield the names that are read in a piece of code, of its own module or of another."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("service.statistics."):
            yield from (f"{(node.module or '').rpartition('.')[2]}.{alias.name}" for alias in node.names)


def reached(statistics: dict[str, ast.Module], outside: list[ast.Module]) -> set[str]:
    """Return what code outside uses, as `module.name`, with all that it needs in turn."""
    defined: dict[str, ast.stmt] = {}
    for module, tree in statistics.items():
        for node in tree.body:
            names = [node.name] if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else []
            names += [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
            defined |= {f"{module}.{name}": node for name in names}
    imported = {module: dict(aliases(tree)) for module, tree in statistics.items()}
    waiting = [name for tree in outside for name in used(tree) if name in defined]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        module = name.partition(".")[0]
        local = {node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)} - {name.partition(".")[2]}
        needed = {imported[module].get(each, f"{module}.{each}") for each in local} | set(used(defined[name]))
        waiting += [each for each in needed if each in defined]
    return found


def aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the names that a file takes from others of the package, with where they are from."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("service.statistics."):
            yield from ((each.name, f"{(node.module or '').rpartition('.')[2]}.{each.name}") for each in node.names)


def parsed(paths: Iterator[Path]) -> dict[str, ast.Module]:
    return {str(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def unused(statistics: dict[str, ast.Module], outside: list[ast.Module]) -> set[str]:
    """Return the public names that nothing outside leads to."""
    names = {f"{module}.{name}" for module, tree in statistics.items() for name in public(tree)}
    return names - reached(statistics, outside)


def test_everything_in_statistics_is_used_by_the_service() -> None:
    statistics = {Path(path).stem: tree for path, tree in parsed(STATISTICS.glob("*.py")).items()}
    outside = [tree for path, tree in parsed(SERVICE.rglob("*.py")).items() if Path(path).parent != STATISTICS]
    assert unused(statistics, outside) == set()


@pytest.mark.parametrize(
    ("using", "left"),
    [
        ("from service.statistics import sign\nsign.one()", {"sign.two", "sign.LEVEL", "other.three"}),
        ("from service.statistics.sign import two", {"sign.one"}),
        ("one()\ntwo()", {"sign.one", "sign.two", "sign.LEVEL", "other.three"}),
    ],
)
def test_what_only_tests_would_use_is_found(using: str, left: set[str]) -> None:
    sign = "from service.statistics.other import three\nLEVEL = 1\ndef one(): pass\ndef two(): return three(LEVEL)\n"
    statistics = {"sign": ast.parse(sign), "other": ast.parse("def three(): three()")}
    assert unused(statistics, [ast.parse(using)]) == left
