"""Requests/s at saturation: closed loops against several servers in turn."""

from collections.abc import Sequence
from typing import NamedTuple

from bench import closed_loop
from bench.findings import Spread, short, table
from bench.processes import cpu_s, family, memory_mb
from bench.running import CannotRunError, Running
from bench.servers import Server
from bench.workplace import Alternation, Look, Workplace, alternate, nothing

_GENERATOR_LIMIT = 0.9
"""A generator that is busier than this share of a processor may itself be what was measured."""


class Saturated(NamedTuple):
    """What one server did in one round.

    Attributes:
        per_s: requests/s.
        per_cpu_s: requests per processor second of all its processes.
        errors: requests that failed.
        memory_mb: of all its processes, after the load.
        started_s: from the start of the process to the first right answer.
        generator_busy: share of one processor that the generator used.
    """

    per_s: float
    per_cpu_s: float
    errors: int
    memory_mb: float
    started_s: float
    generator_busy: float


def saturate(workplace: Workplace, servers: Sequence[Server], look: Look = nothing) -> Alternation[Saturated]:
    """Load every server as much as it bears; look at each afterwards."""
    plan = workplace.plan

    def measure(server: Server, where: Running, number: int) -> Saturated:
        bodies = workplace.bodies(server)
        first = number * len(workplace.texts) // plan.rounds
        closed_loop.run(where.url, bodies, plan.warmup_s, first + len(workplace.texts) // 2)
        before = cpu_s(family(where.pid))
        load = closed_loop.run(where.url, bodies, plan.closed_s, first)
        if not load.requests:
            raise CannotRunError(f"it answered nothing in {plan.closed_s:g} s")
        members = family(where.pid)
        per_cpu_s = load.requests / max(0.01, cpu_s(members) - before)
        look(server, where)
        return Saturated(load.per_s, per_cpu_s, load.errors, memory_mb(members), where.started_s, load.generator_busy)

    return alternate(workplace, servers, measure)


def rates(found: Alternation[Saturated], name: str) -> list[float]:
    """Return requests/s of a server, one for each round."""
    return [figure.per_s for figure in found.figures[name]]


def against(found: Alternation[Saturated], one: str, other: str) -> Spread | None:
    """Return how many times the requests/s of the other a server answers; None if either could not be measured."""
    if not {one, other} <= found.figures.keys():
        return None
    return Spread.ratio(rates(found, one), rates(found, other))


def saturation_table(found: Alternation[Saturated], reference: str) -> str:
    """Return a row for each server, ratios being those of `reference` to it."""
    heads = ["server", "requests/s", f"{reference} / it", "requests per CPU second", "memory MB", "start s", "failed"]
    rows: list[list[object]] = []
    for name, figures in found.figures.items():
        row = [name, Spread.of([figure.per_s for figure in figures]), against(found, reference, name)]
        row += [short(Spread.of([getattr(figure, column) for figure in figures]).median) for column in _COLUMNS]
        rows.append([*row, sum(figure.errors for figure in figures)])
    text = table(heads, rows)
    busy = [
        name for name, figures in found.figures.items() if max(f.generator_busy for f in figures) > _GENERATOR_LIMIT
    ]
    if busy:
        text += f"\n\nThe generator was busy all the time with: {', '.join(busy)}; they may be faster than shown."
    reasons = [f"- {name}: not measured, {reason}" for name, reason in found.reasons.items()]
    return "\n\n".join([text, "\n".join(reasons)]) if reasons else text


_COLUMNS = ("per_cpu_s", "memory_mb", "started_s")
