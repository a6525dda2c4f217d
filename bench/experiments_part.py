"""What an experiment costs: every arm reading every text, and one arm alone, against a service without one."""

from pathlib import Path

from bench.findings import Bar, Part, Spread
from bench.http_part import SHARE, latencies, latency_table
from bench.saturation import Saturated, against, rates, saturate, saturation_table
from bench.servers import Server, service
from bench.workplace import Alternation, Workplace, report

_NONE, _ONE, _THREE = "no experiment", "one arm reads a text", "three arms read it"
_ARMS = ("gru", "lstm", "rnn")
_SPLIT, _SHADOW = "split", "shadow"


def measure(workplace: Workplace) -> Part:
    """Load the service without an experiment, with split traffic, and with shadows."""
    store = workplace.given
    chosen = [
        service(_NONE, **_settings(workplace.directory, "none", store)),
        _experiment(workplace.directory, _ONE, _SPLIT, store),
        _experiment(workplace.directory, _THREE, _SHADOW, store),
    ]
    report("  closed loop")
    found = saturate(workplace, chosen)
    report("  open loop")
    rate = SHARE * min(Spread.of(rates(found, server.name)).median for server in chosen)
    per_s = {server.name: rate for server in chosen}
    late = latencies(workplace, chosen, per_s)
    p99 = Spread.ratio(*([figure.p99_ms for figure in late.figures[name]] for name in (_THREE, _NONE)))
    text = _TEXT.format(saturation=saturation_table(found, _THREE), latency=latency_table(late, per_s))
    bars = [
        Bar("requests/s, three arms against one arm of an experiment", 0.75, 0.9, "x", against(found, _THREE, _ONE)),
        Bar("requests/s, three arms against no experiment", 0.75, 0.9, "x", against(found, _THREE, _NONE)),
        Bar("CPU a request, assignment, logging and metrics", 15, 10, "µs", _extra_us(found), at_least=False),
        Bar("p99 of the answer, three arms against no experiment", 1.2, 1.05, "x", p99, at_least=False),
    ]
    return Part("Experiments", text, bars)


def _extra_us(found: Alternation[Saturated]) -> Spread | None:
    """Return what one arm of an experiment costs more than none, of all processes: no arm reads for another there."""
    if not {_ONE, _NONE} <= found.figures.keys():
        return None
    pairs = zip(found.figures[_ONE], found.figures[_NONE], strict=True)
    return Spread.of([(1 / one.per_cpu_s - 1 / none.per_cpu_s) * 1e6 for one, none in pairs])


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

Open loop, Poisson arrivals, at half of the least of these capacities:

{latency}"""
