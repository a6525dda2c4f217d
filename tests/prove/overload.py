"""More than the service can answer, for a while: it answers what it can, refuses the rest at once, and recovers."""

import json
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from model_store.layout import DEFAULT_STORE
from tests.prove.traffic import Numbers, Phase, Sent, message, send
from tests.system.server import serving

REFUSED_S, PROBE_S, RECOVERED_S = 0.02, 0.05, 2.0
NORMAL_S = 0.1
"""What is normal afterwards: the objective of latency in docs/operations.md."""

_BATCH = 256
_WORDS = re.findall(
    r"\S+",
    """배우 연기가 영화 정말 좋았어요 별로 최고 지루해서 끝까지 봤다 재미 없다 ㅋㅋ ㅠㅠ 기대를 많이 했는데
    스토리 음악이 감독 다시 보고 싶은 작품 시간이 아까웠다 그래도""",
)
_SWITCHED_OFF = {
    "NUNCHI_LONGEST_WAIT_S": "3600",
    "NUNCHI_REQUEST_TIMEOUT_S": "3600",
    "NUNCHI_QUEUE_ROWS": "1000000000",
}


class Scenario(NamedTuple):
    """What is sent to what.

    Attributes:
        name: of it.
        engine: NUNCHI_ENGINE.
        texts: of a request.
        factor: how many times what the service can answer arrives.
        goodput: the least share of what it can answer that has to be answered in time.
        deadline_s: X-Request-Timeout of every request.
        clients: connections at which the most is answered, in a closed loop.
    """

    name: str
    engine: str
    texts: int
    factor: float
    goodput: float
    deadline_s: float
    clients: int


SCENARIOS = (
    Scenario("fused, single texts", "onnx", 1, 1.5, 0.6, 0.5, 128),
    Scenario("fused, batches of 256", "onnx", _BATCH, 3, 0.9, 2, 8),
    Scenario("TensorFlow, batches of 256", "tensorflow", _BATCH, 3, 0.9, 2, 8),
    Scenario("TensorFlow, single texts", "tensorflow", 1, 1.5, 0.9, 0.5, 128),
    Scenario("TensorFlow, single texts", "tensorflow", 1, 3, 0.9, 0.5, 128),
)


class Size(NamedTuple):
    """How long, in seconds: the closed loop that finds out what the service can answer, and what is too much."""

    peak_s: float
    overload_s: float
    after_s: float


SMALL, FULL = Size(1, 3, 3), Size(20, 60, 5)


class Found(NamedTuple):
    """What was seen in one scenario.

    Attributes:
        scenario: which.
        peak: requests answered a second by a closed loop.
        arrived: requests a second that arrived afterwards.
        goodput: share of the peak that was answered before the deadline.
        accepted_s, refused_s, probe_s: 99th percentiles of latency.
        statuses: how often each was answered; 0: no answer.
        recovered: whether all was normal for whatever came later than 2 s after the end.
        generator: its share of a processor and by how much it was late, in seconds, at the 99th percentile.
    """

    scenario: Scenario
    peak: float
    arrived: float
    goodput: float
    accepted_s: float
    refused_s: float
    probe_s: float
    statuses: Counter[int]
    recovered: bool
    generator: tuple[float, float]


def prove(scenario: Scenario, size: Size, directory: Path, *, switched_off: bool = False) -> Found:
    """Overload a service with the shipped models; with admission switched off, to see that the proof can fail."""
    log = directory / f"{time.monotonic_ns()}.log"
    serve = serving(
        DEFAULT_STORE,
        log,
        ready=True,
        module="service",
        NUNCHI_ENGINE=scenario.engine,
        NUNCHI_CONNECTIONS="10000",
        NUNCHI_SECRET_FILE=str(directory / "secret"),
        NUNCHI_STORE=f"sqlite:///{directory / 'nunchi.db'}",
        **(_SWITCHED_OFF if switched_off else {}),
    )
    with serve as server:
        _wait_until_all_are_loaded(log)
        requests = messages(scenario, ask=not switched_off)
        closed = Phase("closed", scenario.clients, size.peak_s)
        [_, peak] = send(server.port, requests, [closed._replace(seconds=1), closed])
        per_s = len(peak.latencies_of(200)) / peak.seconds
        phases = [Phase("open", scenario.factor * per_s, size.overload_s), Phase("open", 0.3 * per_s, size.after_s)]
        connections = int(per_s * scenario.factor * 0.1)
        [over, after] = send(server.port, requests, phases, connections)
    return seen(scenario, per_s, over, after)


def seen(scenario: Scenario, peak: float, over: Sent, after: Sent) -> Found:
    """Judge what became of the requests."""
    answered = over.latencies_of(200)
    later = after.after(RECOVERED_S)
    return Found(
        scenario=scenario,
        peak=peak,
        arrived=len(over.status) / over.seconds,
        goodput=int((answered <= scenario.deadline_s).sum()) / over.seconds / peak,
        accepted_s=p99(np.concatenate([over.latencies_of(status) for status in (200, 504, 0)])),
        refused_s=p99(over.latencies_of(429)),
        probe_s=p99(over.probe_s),
        statuses=Counter(over.status.astype(int).tolist()),
        recovered=set(later.status) == {200} and p99(later.latency_s) <= NORMAL_S,
        generator=(over.busy, p99(over.late_s)),
    )


def faults(found: Found) -> list[str]:
    """Name all that is not as it was promised; nothing if it holds."""
    scenario = found.scenario
    said = {
        f"goodput {found.goodput:.0%}": found.goodput < scenario.goodput,
        f"accepted within {1e3 * found.accepted_s:.0f} ms": found.accepted_s > scenario.deadline_s,
        f"refused within {1e3 * found.refused_s:.0f} ms": found.refused_s > REFUSED_S,
        f"probes within {1e3 * found.probe_s:.0f} ms": found.probe_s > PROBE_S,
        "not normal after 2 s": not found.recovered,
        "answers that are neither 200, 429 nor 504": not found.statuses.keys() <= {200, 429, 504},
        "nothing was refused": not found.statuses[429],
    }
    return [fault for fault, holds in said.items() if holds]


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        founds = [prove(scenario, size, Path(directory)) for scenario in SCENARIOS]
        control = prove(
            SCENARIOS[1], size._replace(overload_s=min(20, size.overload_s)), Path(directory), switched_off=True
        )
    return "\n".join(
        [
            "## More than it can answer",
            "",
            f"What the service answers in a closed loop, then more than that for {size.overload_s:.0f} s (open loop, "
            "Poisson; latency counts from when a request was due), then a third of it. The generator shares both "
            "processors. Percentiles are 99th.",
            "",
            "| | peak/s | arrived/s | goodput (bar) | accepted (deadline) | refused (20 ms) | probes (50 ms) | 504 | "
            "normal after 2 s | not as promised |",
            "|---|---:|---:|---:|---:|---:|---:|---:|---|---|",
            *map(_row, founds),
            "",
            f"With admission switched off ({control.scenario.name}): {'; '.join(faults(control)) or 'nothing'}.",
        ]
    )


def messages(scenario: Scenario, *, ask: bool) -> list[bytes]:
    """Return requests, none like another, with texts as long as reviews are, that ask for an answer in time or not."""
    source = random.Random(1)
    texts = [" ".join(source.choices(_WORDS, k=1 + min(30, int(source.expovariate(0.15))))) for _ in range(8_000)]
    groups = [texts[first : first + scenario.texts] for first in range(0, len(texts), scenario.texts)]
    bodies: Sequence[Mapping[str, object]] = (
        [{"text": text} for text in texts] if scenario.texts == 1 else [{"texts": group} for group in groups]
    )
    path = "/predict" if scenario.texts == 1 else "/predict/batch"
    encoded = [json.dumps(body, ensure_ascii=False).encode() for body in bodies]
    headers = {"x_request_timeout": f"{scenario.deadline_s:g}"} if ask else {}
    return [message(path, body, **headers) for body in encoded]


def p99(latencies: Numbers) -> float:
    """Return the 99th percentile, 0 of nothing."""
    return float(np.percentile(latencies, 99, method="higher")) if len(latencies) else 0.0


def _row(found: Found) -> str:
    scenario, busy = found.scenario, f"generator {found.generator[0]:.0%}"
    cells = [
        f"{scenario.name}, {scenario.factor:g}x ({busy})",
        f"{found.peak:,.0f}",
        f"{found.arrived:,.0f}",
        f"{found.goodput:.0%} ({scenario.goodput:.0%})",
        f"{1e3 * found.accepted_s:.0f} ms ({1e3 * scenario.deadline_s:.0f})",
        f"{1e3 * found.refused_s:.1f} ms",
        f"{1e3 * found.probe_s:.1f} ms",
        f"{found.statuses[504]:,}",
        "yes" if found.recovered else "no",
        "; ".join(faults(found)) or "nothing",
    ]
    return f"| {' | '.join(cells)} |"


def _wait_until_all_are_loaded(log: Path) -> None:
    """Return once no version is loading any more, which takes processors."""
    end = time.monotonic() + 240
    while '"all_loaded"' not in log.read_text(encoding="utf-8"):
        assert time.monotonic() < end
        time.sleep(0.1)
