"""Small; `python -m tests.prove lifecycle --full` tells some thousand stories."""

import pytest

from service.registry import Registry
from tests.prove import lifecycle
from tests.service.versions.broken import BROKEN


def test_whatever_happens_what_is_promised_of_versions_holds() -> None:
    lifecycle.hold(lifecycle.SMALL)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_registry_with_a_bug_is_found_out(broken: type[Registry]) -> None:
    assert lifecycle.found_out(broken)
