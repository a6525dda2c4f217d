import subprocess
import tomllib
from collections import Counter

import pytest

from tests import mutation
from tests.mutation import PARTS, ROOT, count, score, section

LINES = [
    "    service.batching.xǁBatcherǁadmit__mutmut_1: killed",
    "    service.rounds.x_next_round__mutmut_2: timeout",
    "    service.cost.x__terms__mutmut_1: survived",
    "    service.versions.policy.x_parse__mutmut_7: no tests",
    "    service.elsewhere.x_a__mutmut_1: killed",
    "",
    "Warning: something: changed",
]


def test_outcomes_are_counted_by_part_and_those_of_other_modules_are_none() -> None:
    counts = count(LINES)
    assert counts["batching"] == {"killed": 1, "timeout": 1, "survived": 1}
    assert counts["registry"] == {"no tests": 1}
    assert counts["traffic"] == counts["feedback"] == {}


def test_what_no_test_reaches_or_nothing_is_known_of_was_not_noticed() -> None:
    assert score(Counter({"killed": 6, "timeout": 2, "survived": 1, "no tests": 1})) == pytest.approx(0.8)
    assert score(Counter({"suspicious": 3, "not checked": 2})) == 0
    assert score(Counter()) == 0


def test_the_section_names_every_part() -> None:
    assert [line.split("|")[1].strip() for line in section(count(LINES)).splitlines() if "`service." in line] == list(
        PARTS
    )


@pytest.mark.parametrize(("survived", "status"), [(2, 0), (3, 1)])
def test_a_part_below_the_bar_fails(survived: int, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = Counter({"killed": 8, "survived": survived})
    monkeypatch.setattr(mutation, "count", lambda lines: dict.fromkeys(PARTS, outcomes))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: type("Done", (), {"stdout": ""}))
    assert mutation.main(["--last"]) == status


def test_the_modules_of_all_parts_are_altered_and_no_others() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    modules = [module.replace(".", "/") + ".py" for modules in PARTS.values() for module in modules]
    assert sorted(settings["only_mutate"]) == sorted(modules)
    for tests in settings["pytest_add_cli_args_test_selection"]:
        assert (ROOT / tests).is_file()
