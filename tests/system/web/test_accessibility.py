"""Every page in every state, as axe sees it: no violation."""

import pytest

from tests.system.web.conftest import Open
from tests.system.web.states import LOOKS, STATES, violations

pytestmark = [pytest.mark.system, pytest.mark.browser]

CASES = [(state, look) for state in STATES for look in LOOKS if (state, look) != ("cut", list(LOOKS)[1])]
"""A text that is cut has the most elements of all: once is enough."""


@pytest.mark.parametrize(("state", "look"), CASES)
def test_axe_finds_nothing(opened: Open, state: str, look: str) -> None:
    path, go = STATES[state]
    page = opened(path, expected="404", **LOOKS[look])
    page.wait_for_load_state("networkidle")
    go(page)
    assert violations(page) == []


def test_axe_finds_what_is_wrong(opened: Open) -> None:
    page = opened()
    page.evaluate("document.querySelector('label[for=text]').remove(); document.documentElement.lang = ''")
    assert len(violations(page)) >= 2
