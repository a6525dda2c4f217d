"""What an experiment costs: every arm reading every text, and one arm alone, against a service without one."""

import time
from pathlib import Path

from bench.findings import Bar, Part, Spread
from bench.http_part import SHARE, latencies, latency_table
from bench.open_loop import Latencies
from bench.running import Running, ask
from bench.saturation import Saturated, against, rates, saturate, saturation_table
from bench.servers import Server, service
from bench.workplace import Alternation, Workplace, report

_NONE, _ONE, _THREE = "no experiment", "one arm reads a text", "three arms read it"
_ARMS = ("gru", "lstm", "rnn")
_SPLIT, _SHADOW = "split", "shadow"


def measure(workplace: Workplace) -> Part:
    """Load the service without an experiment, with split traffic, and with shadows."""
    store, dropped = workplace.given, Dropped(_THREE, len(_ARMS) - 1)
    chosen = [
        service(_NONE, **_settings(workplace.directory, "none", store)),
        _experiment(workplace.directory, _ONE, _SPLIT, store),
        _experiment(workplace.directory, _THREE, _SHADOW, store),
    ]
    report("  closed loop")
    found = saturate(workplace, chosen, dropped.look)
    report("  open loop")
    rate = SHARE * min(Spread.of(rates(found, server.name)).median for server in chosen)
    per_s = {server.name: rate for server in chosen}
    late = latencies(workplace, chosen, per_s, dropped.look)
    text = _TEXT.format(saturation=saturation_table(found, _THREE), latency=latency_table(late, per_s))
    return Part("Experiments", text, _bars(found, late, dropped.percents))


def _bars(found: Alternation[Saturated], late: Alternation[Latencies], dropped: list[float]) -> list[Bar]:
    return [
        Bar("requests/s, three arms against one arm of an experiment", 0.75, 0.9, "x", against(found, _THREE, _ONE)),
        Bar("requests/s, three arms against no experiment", 0.75, 0.9, "x", against(found, _THREE, _NONE)),
        Bar("CPU a request, assignment, logging and metrics", 15, 10, "µs", _extra_us(late), at_least=False),
        Bar("p99 of the answer, three arms against one arm", 1.2, 1.05, "x", _p99(late, _ONE), at_least=False),
        Bar("p99 of the answer, three arms against no experiment", 1.2, 1.05, "x", _p99(late, _NONE), at_least=False),
        Bar("shadows dropped, in the worst of all loops", 1, 0.1, "%", _worst(dropped), at_least=False),
    ]


def _extra_us(late: Alternation[Latencies]) -> Spread | None:
    """Return what one arm of an experiment costs more than none, in all processes: no arm reads for another there.

    By the open loop, where all are asked for as much: the more requests come at once, the less each costs.
    """
    if not {_ONE, _NONE} <= late.figures.keys():
        return None
    pairs = zip(late.figures[_ONE], late.figures[_NONE], strict=True)
    return Spread.of([one.cpu_us - none.cpu_us for one, none in pairs])


def _p99(late: Alternation[Latencies], other: str) -> Spread | None:
    if not {_THREE, other} <= late.figures.keys():
        return None
    return Spread.ratio(*([figure.p99_ms for figure in late.figures[name]] for name in (_THREE, other)))


def _worst(percents: list[float]) -> Spread | None:
    return Spread.of([max(percents)]) if percents else None


class Dropped:
    """Asks how many of the texts that arms should have read beside the one that answered they did not.

    Args:
        name: of the server that is asked.
        shadows: how many arms should read each text.

    Attributes:
        percents: the share, for each time that it was asked.
    """

    def __init__(self, name: str, shadows: int) -> None:
        self._name = name
        self._shadows = shadows
        self.percents: list[float] = []

    def look(self, server: Server, where: Running) -> None:
        """Ask, once nothing is on its way any more."""
        if server.name != self._name:
            return
        counted, before = _counted(where), None
        while counted != before:
            time.sleep(_PAUSE_S)
            counted, before = _counted(where), counted
        written, dropped, lost = counted
        self.percents.append(100 * (dropped + self._shadows * lost) / (self._shadows * (written + lost)))


def _counted(where: Running) -> list[float]:
    """Return how many texts of the experiment were written down, how many shadows dropped, how many texts lost."""
    lines = ask(where.port, "/metrics")[1].decode().splitlines()
    return [sum(float(line.split()[-1]) for line in lines if line.startswith(name)) for name in _COUNTERS]


_COUNTERS = ("sentiment_assignments_total", "sentiment_shadow_dropped_total", "sentiment_observations_lost_total")
_PAUSE_S = 0.2


def _experiment(directory: Path, name: str, mode: str, store: Path) -> Server:
    """Return the service with an experiment of three arms; in split traffic all but a few texts go to the first."""
    weights = (1.0, 1.0, 1.0) if mode == _SHADOW else (1e6, 1e-6, 1e-6)
    arms = "".join(
        f'[[experiment.arms]]\nmodel = "{arm}"\nweight = {weight}\n' for arm, weight in zip(_ARMS, weights, strict=True)
    )
    declared = directory / f"{mode}.toml"
    declared.write_text(f'[[experiment]]\nname = "bench"\nmode = "{mode}"\n{arms}', encoding="utf-8")
    return service(name, NUNCHI_EXPERIMENTS=str(declared), **_settings(directory, mode, store))


def _settings(directory: Path, name: str, store: Path) -> dict[str, str]:
    return {
        "NUNCHI_MODEL_STORE": str(store),
        "NUNCHI_SECRET_FILE": str(directory / "secret"),
        "NUNCHI_VERSIONS_FILE": str(directory / "versions.json"),
        "NUNCHI_STORE": f"sqlite:///{directory / name}.db",
    }


_TEXT = """The service with all shipped models; `gru` answers every request. With an experiment, each text is assigned,
observed and written to SQLite; with three arms, `lstm` and `rnn` read it too, after the answer. Closed loop:

{saturation}

Open loop, Poisson arrivals, at half of the least of these capacities; processor time is that of all the server's
processes, from `schedstat`, recording included. No report is made meanwhile (one comes every half minute, at low
priority):

{latency}"""
