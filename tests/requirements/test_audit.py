"""An audit that could not ask is told apart from one that found nothing."""

import io
import json
from pathlib import Path

import pytest

from requirements.audit import GOOD, UNKNOWN, VULNERABLE, audit

LOCKS = [Path("a.txt"), Path("b.txt")]

KNOWN = {"name": "uvicorn", "version": "0.54.0", "vulns": []}
PASSED_OVER = {"name": "scipy", "skip_reason": "Dependency not found on PyPI and could not be audited: scipy (1.17.1)"}
HARMFUL = {"name": "h11", "version": "0.14.0", "vulns": [{"id": "CVE-2025-43859", "fix_versions": ["0.16.0"]}]}


def said(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def audited(*answers: str) -> tuple[int, str]:
    out, left = io.StringIO(), list(answers)
    return audit(LOCKS[: len(answers)], lambda _: left.pop(0), out), out.getvalue()


def test_nothing_known_against_any_package_is_good() -> None:
    assert audited(said(KNOWN), said(KNOWN, KNOWN)) == (
        GOOD,
        "a.txt: nothing is known against any of its 1 packages\n"
        "b.txt: nothing is known against any of its 2 packages\n",
    )


def test_a_vulnerability_is_named_with_what_repairs_it() -> None:
    status, told = audited(said(KNOWN, HARMFUL))
    assert status == VULNERABLE
    assert "h11 0.14.0: CVE-2025-43859, repaired in 0.16.0" in told


@pytest.mark.parametrize("answer", ["", "<html>", "[]", "{}", said()])
def test_no_answer_is_not_a_good_one(answer: str) -> None:
    status, told = audited(answer)
    assert status == UNKNOWN
    assert "nothing is known against any of its 0" in told or "NOT AUDITED: no answer" in told


def test_a_package_that_was_passed_over_was_not_audited() -> None:
    status, told = audited(said(KNOWN, PASSED_OVER))
    assert status == UNKNOWN
    assert "NOT AUDITED: 1 of 2 packages" in told


def test_the_worst_of_several_is_the_status() -> None:
    assert audited(said(HARMFUL), said(PASSED_OVER))[0] == VULNERABLE
    assert audited(said(PASSED_OVER), said(KNOWN))[0] == UNKNOWN
