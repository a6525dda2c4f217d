"""Whatever happens to versions, in any order, what is promised of them holds; a registry with a bug is found out."""

import logging
from typing import NamedTuple

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

from service.registry import Registry
from tests.service.versions.broken import BROKEN
from tests.service.versions.life_cycle import LifeCycle


class Size(NamedTuple):
    """How many stories are told, and of how many events each at most."""

    stories: int
    events: int


SMALL, FULL = Size(60, 40), Size(3_000, 60)
_SEARCHED = Size(400, 40)
"""The most until a bug is found."""


def hold(size: Size, registry: type[Registry] = Registry, *, always_the_same: bool = False) -> None:
    """Return if nothing is found in so many stories; raise what was found."""

    class Machine(LifeCycle):
        registry_class = registry

    phases = [hypothesis.Phase.generate] if always_the_same else list(hypothesis.Phase)
    settings = hypothesis.settings(
        max_examples=size.stories,
        stateful_step_count=size.events,
        derandomize=always_the_same,
        phases=phases,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    logging.disable(logging.CRITICAL)  # versions are refused by the thousand
    try:
        run_state_machine_as_test(Machine, settings=settings)
    finally:
        logging.disable(logging.NOTSET)


def found_out(registry: type[Registry]) -> bool:
    """Tell whether a registry with a bug is found out."""
    try:
        hold(_SEARCHED, registry, always_the_same=True)
    except hypothesis.errors.Flaky:
        raise
    except Exception:
        return True
    return False


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    hold(size)
    found = {registry: found_out(registry) for registry in BROKEN}
    return "\n".join(
        [
            "## Versions come, fail, move and go in any order",
            "",
            f"{size.stories:,} stories of up to {size.events} events (publish, spoil, remove, load slowly, ask, "
            "answer, look, load, unload, move an alias here or elsewhere, roll back, remove it, begin or end an "
            "experiment), told to the real registry, watcher, policies, aliases and their file (hypothesis). After "
            "every event: no version is closed while it has requests, none is loaded twice, what is in memory is known "
            "and answers, `latest` is the newest that is ready, an alias answers by its version once that is ready and "
            "goes on answering until then, the default model never ceases to answer; in the end what is wanted is "
            "served. Found: nothing.",
            "",
            "| registry with a bug | found out |",
            "|---|---|",
            *(f"| {(registry.__doc__ or '').strip()} | {'yes' if yes else 'no'} |" for registry, yes in found.items()),
        ]
    )
