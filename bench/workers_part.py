"""Scaling with workers: how many requests a processor second answers with two of them, against one."""

from bench.findings import Bar, Part, Spread
from bench.saturation import saturate, saturation_table
from bench.servers import service
from bench.workplace import Workplace
from service.settings import Settings

_ONE = service("1 worker", NUNCHI_WORKERS="1")
_TWO = service("2 workers", NUNCHI_WORKERS="2")


def measure(workplace: Workplace) -> Part:
    """Load the service with one worker and with two."""
    share, text = None, "Not measured: this release has no NUNCHI_WORKERS."
    if "workers" in Settings.model_fields:
        found = saturate(workplace, (_ONE, _TWO))
        text = f"{_TEXT}\n\n{saturation_table(found, _TWO.name)}"
        if not found.reasons:
            per_cpu_s = [[figure.per_cpu_s for figure in found.figures[server.name]] for server in (_TWO, _ONE)]
            share = Spread.ratio(*per_cpu_s)
    bar = Bar("two workers against one: requests per CPU second of the server's processes", 0.8, 0.9, "x", share)
    return Part("Workers", text, [bar])


_TEXT = """Closed loop as above. On a machine whose processors the generator shares, requests per CPU second are what
counts: they are what more processors would multiply."""
