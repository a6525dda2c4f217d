"""`POST /predict` against its peers: requests/s at saturation, latency at half of the capacity."""

import gc
import time
from collections.abc import Sequence

from bench import servers
from bench.connection import message
from bench.findings import Bar, Chart, Part, Spread, short, table
from bench.open_loop import Latencies, OpenLoop, poisson
from bench.plan import CONNECTIONS
from bench.processes import family, spent_us, thread_times_ns
from bench.running import Running
from bench.saturation import Saturated, against, rates, saturate, saturation_table
from bench.servers import Server
from bench.workplace import Alternation, Look, Workplace, alternate, nothing, report

SHARE = 0.5
"""Of the capacity at which latency is measured."""

_AFTERWARDS_S = 0.3
"""What a server does so long after its answers still belongs to them."""

_ENOUGH = 500
"""Requests in a round, below which a 99th percentile says nothing."""


def measure(workplace: Workplace, chosen: Sequence[Server]) -> Part:
    """Measure saturation first, then latency at rates that follow from it."""
    report("  closed loop")
    saturated = saturate(workplace, chosen)
    report("  open loop")
    per_s = _open_rates(saturated)
    asked = [server for server in chosen if per_s.get(server.name, 0) * workplace.plan.open_s >= _ENOUGH]
    late = latencies(workplace, asked or chosen, per_s)
    text = _TEXT.format(
        connections=CONNECTIONS,
        closed_s=workplace.plan.closed_s,
        open_s=workplace.plan.open_s,
        saturation=saturation_table(saturated, servers.NUNCHI.name),
        latency=latency_table(late, per_s),
    )
    return Part("POST /predict", text, _bars(saturated, late), _charts(saturated, late))


def _open_rates(saturated: Alternation[Saturated]) -> dict[str, float]:
    """Return half of the empty endpoint's capacity, or half of a server's own where that is less."""
    capacity = {name: Spread.of(rates(saturated, name)).median for name in saturated.figures}
    common = capacity.get(servers.EMPTY.name, float("inf"))
    return {name: SHARE * min(own, common) for name, own in capacity.items()}


def latencies(
    workplace: Workplace, chosen: Sequence[Server], per_s: dict[str, float], look: Look = nothing
) -> Alternation[Latencies]:
    """Ask every server at its own rate, by an open loop; look at each afterwards."""
    plan = workplace.plan

    def measure_one(server: Server, where: Running, number: int) -> Latencies:
        messages = [message("/predict", where.port, server.body(text)) for text in workplace.texts]
        gc.collect()
        rate = per_s[server.name]
        OpenLoop(where.port, messages[::-1], poisson(rate, plan.warmup_s, 1000 + number)).run()
        loop = OpenLoop(where.port, messages, poisson(rate, plan.open_s, number))
        time.sleep(_AFTERWARDS_S)
        before = thread_times_ns(family(where.pid))
        found = loop.run()
        time.sleep(_AFTERWARDS_S)
        used_us = spent_us(before, thread_times_ns(family(where.pid)))
        look(server, where)
        return found._replace(cpu_us=used_us / found.requests)

    return alternate(workplace, chosen, measure_one)


def latency_table(late: Alternation[Latencies], per_s: dict[str, float]) -> str:
    """Return a row for each server."""
    heads = ["server", "requests/s", "p50 ms", "p99 ms", "sent late, p99 ms", "generator busy", "failed", "requests"]
    heads.append("CPU µs a request")
    rows: list[list[object]] = []
    for name, figures in late.figures.items():
        p50, p99, sent, busy, cpu = (Spread.of([figure[index] for figure in figures]) for index in (2, 3, 4, 5, 6))
        total = sum(figure.requests for figure in figures)
        enough = total >= _ENOUGH * len(figures)
        failed = sum(figure.errors for figure in figures)
        rows.append(
            [
                name,
                short(per_s[name]),
                p50,
                p99 if enough else "–",
                short(sent.median),
                f"{busy.median:.0%}",
                failed,
                total,
                cpu,
            ]
        )
    return table(heads, rows)


def _bars(saturated: Alternation[Saturated], late: Alternation[Latencies]) -> list[Bar]:
    own, empty = servers.NUNCHI.name, servers.EMPTY.name
    measured = [peer.name for peer in servers.PEERS if peer.name in saturated.figures]
    best = max(measured, key=lambda name: Spread.of(rates(saturated, name)).median, default="")
    p99 = None
    if {own, empty} <= late.figures.keys():
        p99 = Spread.ratio(*([figure.p99_ms for figure in late.figures[name]] for name in (own, empty)))
    return [
        Bar("requests/s, against the empty FastAPI endpoint", 1, 1.5, "x", against(saturated, own, empty)),
        Bar("p99 at half of the empty endpoint's capacity, against it", 2, 1.2, "x", p99, at_least=False),
        Bar(
            f"requests/s, against the best of the peers ({best or 'none ran'})",
            8,
            12,
            "x",
            against(saturated, own, best),
        ),
        Bar(
            "requests/s, against FastAPI + keras_model(x)",
            100,
            250,
            "x",
            against(saturated, own, servers.KERAS_CALL.name),
        ),
    ]


def _charts(saturated: Alternation[Saturated], late: Alternation[Latencies]) -> list[Chart]:
    throughput = {name: Spread.of(rates(saturated, name)) for name in saturated.figures}
    p99 = {
        name: Spread.of([figure.p99_ms for figure in figures])
        for name, figures in late.figures.items()
        if min(figure.requests for figure in figures) >= _ENOUGH
    }
    return [
        Chart("Requests/s at saturation (more is better)", "requests/s", throughput),
        Chart("p99 at half of the empty endpoint's capacity, or of its own if less (less is better)", "ms", p99),
    ]


_TEXT = """Closed loop, {connections} connections, {closed_s:g} s a round: what a server bears. Every server gets all
processors, shares them with the generator (wrk), and starts afresh in every round; ratios are taken within a round.

{saturation}

Open loop, Poisson arrivals, {open_s:g} s a round, at half of the empty endpoint's capacity, or of a server's own where
that is less (one too slow for a 99th percentile is left out): the latency at an ordinary load, from the moment at which
a request was due. What the generator itself was late by is in it.

{latency}"""
