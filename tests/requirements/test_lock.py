"""Every lock is whole: pinned, hashed, from no address, and what pyproject.toml asks for."""

import re

import pytest

from requirements.lock import LOCKS, TESTED_BY
from requirements.sbom import IMAGES
from tests.requirements.locks import REQUIREMENTS, complaints, read

LOOSENED = {
    "uvicorn: without hashes": (r"(uvicorn==\S+) \\\n(    --hash=.*\n)+", r"\1\n"),
    "alembic: without hashes": (r"(alembic==\S+ \\\n    --hash=)sha256:", r"\1md5:"),
    "uvicorn: not pinned": (r"uvicorn==", "uvicorn>="),
    "fastapi: not pinned": (r"fastapi==[\d.]+", "fastapi==0.*"),
    "an option: --index-url https://example.org/simple": (r"\A", "--index-url https://example.org/simple\n"),
    "an option: --extra-index-url=https://example.org": (r"\A", "--extra-index-url=https://example.org\n"),
    "an option: -e .": (r"\A", "-e .\n"),
    "uvicorn: from an address": (r"uvicorn==\S+", "uvicorn @ https://example.org/uvicorn.whl"),
    "uvicorn: not locked": (r"uvicorn==", "uvicorm=="),
    "psycopg: locked without its extras": (r"psycopg\[binary\]", "psycopg"),
    "fastapi: 0.1.0 is locked, pyproject.toml asks for >=0.130": (r"fastapi==[\d.]+", "fastapi==0.1.0"),
}


def text(lock: str) -> str:
    return (REQUIREMENTS / f"{lock}.txt").read_text(encoding="utf-8")


def test_there_is_a_lock_for_everything_that_is_locked_and_no_other() -> None:
    assert {path.stem for path in REQUIREMENTS.glob("*.txt")} == LOCKS.keys()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_lets_nothing_else_be_installed(lock: str) -> None:
    assert complaints(text(lock), LOCKS[lock]) == []


@pytest.mark.parametrize("complaint", LOOSENED)
def test_a_loosened_lock_is_found(complaint: str) -> None:
    before, after = LOOSENED[complaint]
    loosened = re.sub(before, after, text("service"), count=1)
    assert loosened != text("service")
    assert complaint in complaints(loosened, LOCKS["service"])


def packages(lock: str) -> set[tuple[str, str, frozenset[str]]]:
    return {(each.requirement.name, each.version, each.hashes) for each in read(text(lock))}


@pytest.mark.parametrize("shipped", TESTED_BY)
def test_what_is_shipped_is_what_is_tested(shipped: str) -> None:
    assert packages(shipped) <= packages(TESTED_BY[shipped])


def test_every_lock_of_an_image_is_tested() -> None:
    assert set(IMAGES.values()) == TESTED_BY.keys()
