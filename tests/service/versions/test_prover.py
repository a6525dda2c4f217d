import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from model_store.layout import EXTRA, FUSED_GRAPH, VersionRef, publish, staging, verify
from service.errors import EngineError, NotProvenError
from service.settings import Settings
from service.versions import prover as module
from service.versions.proofs import Outcome, Proofs, digest_of
from service.versions.prover import Prover, _LeftError
from tests.versions import Shape, publish_version

GRU = VersionRef("gru", 1)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    publish_version(tmp_path / "models", shape=Shape(seed=1))
    return tmp_path / "models"


class Bench:
    """A prover, and what it remembers."""

    def __init__(self, models: Path, patience_s: float = 120, command: list[str] | None = None) -> None:
        self.models = models
        self.proofs = Proofs(models.parent / "proofs.json", "these tests")
        settings = Settings(model_store=models)
        self.prover = Prover(settings, self.proofs, patience_s, command or module._COMMAND)

    def outcome(self, ref: VersionRef = GRU) -> Outcome | None:
        return self.proofs.outcome(digest_of(self.models / ref.name / str(ref.version)) or "")

    def pid(self) -> int:
        assert self.prover._process is not None
        return self.prover._process._process.pid


@contextmanager
def bench(models: Path, patience_s: float = 120, command: list[str] | None = None) -> Iterator[Bench]:
    made = Bench(models, patience_s, command)
    try:
        yield made
    finally:
        made.prover.end()


def scripted(*lines: str) -> list[str]:
    """Return a command whose process says that it is ready, reads a question, and then does something else."""
    start = "import json, os, signal, sys, time; print('true', flush=True); question = json.loads(sys.stdin.readline())"
    return [sys.executable, "-c", "\n".join([start, *lines])]


SAY_DIGEST = "print(json.dumps('d' * 64), flush=True)"


def with_graph(models: Path, graph: onnx.GraphProto) -> VersionRef:
    """Publish gru/1 once more, with another graph than that of which the golden examples are."""
    stored = verify(models, GRU)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    with staging(models) as staged:
        shutil.copytree(stored.path, staged, dirs_exist_ok=True)
        (staged / EXTRA / "manifest.json").unlink()
        (staged / FUSED_GRAPH).write_bytes(model.SerializeToString())
        return publish(staged, models, stored.manifest)


def test_a_good_version_is_proven_in_another_process_and_remembered(models: Path) -> None:
    with bench(models) as made:
        digest = made.prover.prove(GRU)
        assert digest == verify(models, GRU).digest
        assert made.outcome() == Outcome(None)
        assert made.pid() != os.getpid()


def test_what_is_remembered_starts_no_process(models: Path) -> None:
    with bench(models) as first:
        first.prover.prove(GRU)
    with bench(models, command=["/nowhere"]) as second:
        second.prover.expect([GRU])
        assert second.prover.prove(GRU) == verify(models, GRU).digest
        assert second.prover._process is None


def test_one_process_proves_all_of_them(models: Path) -> None:
    other = publish_version(models, shape=Shape(seed=2))
    with bench(models) as made:
        made.prover.expect([GRU, other])
        pid = made.pid()
        made.prover.prove(GRU)
        made.prover.prove(other)
        assert made.pid() == pid


def test_the_process_comes_last_in_everything(models: Path) -> None:
    with bench(models) as made:
        made.prover.prove(GRU)
        process = Path(f"/proc/{made.pid()}")
        assert os.getpriority(os.PRIO_PROCESS, made.pid()) >= 10
        assert (process / "oom_score_adj").read_text(encoding="ascii") == "1000\n"
        limits = (process / "limits").read_text(encoding="ascii")
        [data] = [line for line in limits.splitlines() if line.startswith("Max data size")]
        assert int(data.split()[3]) < 2**31


def test_a_version_that_is_not_whole_is_refused_and_not_remembered(models: Path) -> None:
    (models / "gru" / "1" / "saved_model.pb").unlink()
    with bench(models) as made:
        with pytest.raises(EngineError, match=r"^missing: saved_model\.pb$"):
            made.prover.prove(GRU)
        assert made.outcome() is None


def test_a_version_without_a_manifest_is_left_to_the_verification(models: Path) -> None:
    (models / "gru" / "1" / EXTRA / "manifest.json").unlink()
    with bench(models, command=["/nowhere"]) as made:
        assert made.prover.prove(GRU) is None


def endless() -> onnx.GraphProto:
    """Return a graph that is valid, and takes hours."""
    square = np.full((1_500, 1_500), 1e-3, np.float32)
    first = [  # of the ids, lest it be computed beforehand
        helper.make_node("Cast", ["ids"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["numbers"], ["number"], keepdims=0),
        helper.make_node("Mul", ["square", "number"], ["x0"]),
    ]
    products = [helper.make_node("MatMul", ["square", f"x{step}"], [f"x{step + 1}"]) for step in range(20_000)]
    return around([*first, *products], "x20000", [numpy_helper.from_array(square, "square")])


def giant(side: int) -> onnx.GraphProto:
    """Return a graph that is valid, and takes side x side numbers of memory."""
    row, column = np.ones((1, side), np.float32), np.ones((side, 1), np.float32)
    constants = [numpy_helper.from_array(row, "row"), numpy_helper.from_array(column, "column")]
    return around([helper.make_node("Add", ["row", "column"], ["square"])], "square", constants)


def around(nodes: list[onnx.NodeProto], last: str, constants: list[onnx.TensorProto]) -> onnx.GraphProto:
    """Return a graph of a model that computes all this and adds the greatest of it to the ids."""
    end = [
        helper.make_node("ReduceMax", [last], ["greatest"], keepdims=0),
        helper.make_node("Cast", ["ids"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["floats", "greatest"], ["probabilities"]),
    ]
    return helper.make_graph(
        [*nodes, *end],
        "hostile",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["batch", "length"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", "length"])],
        constants,
    )


def test_a_version_that_hangs_is_given_up_and_never_tried_again(models: Path) -> None:
    hanging = with_graph(models, endless())
    with bench(models, patience_s=2) as made:
        with pytest.raises(NotProvenError, match=r"^it was not proven within 2 s$"):
            made.prover.prove(hanging)
        assert made.prover._process is not None
        assert made.prover._process.gone
    with (
        bench(models, command=["/nowhere"]) as again,
        pytest.raises(NotProvenError, match=r"^it was not proven within 2 s, when it was proven last$"),
    ):
        again.prover.prove(hanging)


def test_a_version_that_was_refused_is_proven_again_if_that_is_wanted(models: Path) -> None:
    with bench(models) as made:
        digest = digest_of(models / "gru" / "1") or ""
        made.proofs.remember(digest, Outcome("it crashed"))
        with pytest.raises(NotProvenError):
            made.prover.prove(GRU)
        made.prover.forget(GRU)
        assert made.prover.prove(GRU) == digest


def test_a_version_that_takes_too_much_memory_is_refused(models: Path) -> None:
    greedy = with_graph(models, giant(side=46_000))
    with bench(models) as made:
        with pytest.raises(EngineError, match=r"^it takes more than \d+ MiB of memory$"):
            made.prover.prove(greedy)
        assert made.prover.prove(GRU)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([SAY_DIGEST, "os.kill(os.getpid(), signal.SIGSEGV)"], r"it crashed the process that proved it \(SIGSEGV\)"),
        ([SAY_DIGEST, "os.abort()"], r"it crashed the process that proved it \(SIGABRT\)"),
        ([SAY_DIGEST, "os.kill(os.getpid(), signal.SIGKILL)"], "it was killed .* most likely because memory ran out"),
        ([SAY_DIGEST, "os._exit(0)"], r"it ended the process that proved it \(status 0\)"),
        ([SAY_DIGEST, "os._exit(7)"], r"it ended the process that proved it \(status 7\)"),
        (["os.kill(os.getpid(), signal.SIGSEGV)"], r"it crashed the process that proved it \(SIGSEGV\)"),
    ],
)
def test_a_version_that_ends_the_process_is_refused_with_how(models: Path, lines: list[str], reason: str) -> None:
    with bench(models, command=scripted(*lines)) as made:
        with pytest.raises(NotProvenError, match=f"^{reason}$"):
            made.prover.prove(GRU)
        known = made.proofs.outcome("d" * 64)
        assert (known is not None) is (SAY_DIGEST in lines)


def test_a_signal_that_is_meant_for_the_service_does_not_end_a_proof(models: Path) -> None:
    """A terminal sends it to all processes of a service, and a version must not be taken for what crashed."""
    other = publish_version(models, shape=Shape(seed=2))
    with bench(models) as made:
        made.prover.prove(GRU)
        first = made.pid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(first, number)
        assert made.prover.prove(other)
        assert made.pid() == first


def test_a_process_that_ended_for_want_of_questions_is_started_again(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IDLE_S", 0.05)
    other = publish_version(models, shape=Shape(seed=2))
    with bench(models) as made:
        made.prover.prove(GRU)
        first = made.pid()
        wait_until(lambda: made.prover._process is None or made.prover._process.gone)
        assert not Path(f"/proc/{first}").exists()  # no zombie either
        monkeypatch.setattr(module, "_IDLE_S", 10.0)
        assert made.prover.prove(other)


def test_a_process_that_ends_just_when_it_is_asked_is_started_again(models: Path) -> None:
    lines = [
        f"flag = {str(models.parent / 'once')!r}",
        "real = [sys.executable, '-m', 'service.versions.prove_process', '9']",
        "if os.path.exists(flag): os.execv(sys.executable, real)",
        "open(flag, 'w').close()",
        "print('true', flush=True)",
        "sys.stdin.readline()",
    ]
    with bench(models, command=[sys.executable, "-c", "\n".join(["import os, sys", *lines])]) as made:
        assert made.prover.prove(GRU) == digest_of(models / "gru" / "1")


@pytest.mark.parametrize("command", [["/nowhere"], [sys.executable, "-c", "raise SystemExit(3)"]])
def test_without_a_process_a_version_is_left_to_this_one(
    models: Path, command: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with bench(models, command=command) as made:
        assert made.prover.prove(GRU) is None
        assert made.outcome() is None
    assert [record.getMessage() for record in caplog.records] == ["prover_unavailable"]


def test_the_end_of_the_service_ends_a_proof(models: Path) -> None:
    hanging = with_graph(models, endless())
    made = Bench(models)
    refusals: list[Exception] = []

    def prove() -> None:
        try:
            made.prover.prove(hanging)
        except Exception as error:
            refusals.append(error)

    proving = Thread(target=prove)
    proving.start()
    wait_until(lambda: made.prover._process is not None and made.prover._process._greeted)
    pid = made.pid()
    made.prover.end()
    proving.join(30)
    assert not proving.is_alive()
    assert not Path(f"/proc/{pid}").exists()
    assert made.outcome(hanging) is None
    with pytest.raises(EngineError):
        raise refusals[0]


def test_who_asks_sees_the_end_of_the_process_before_its_pipes_are_closed(models: Path) -> None:
    made = Bench(models)
    made.prover.expect([publish_version(models, shape=Shape(seed=2))])
    process = made.prover._process
    assert process is not None
    with process._asking:
        ending = Thread(target=made.prover.end)
        ending.start()
        wait_until(lambda: process.gone)
        ending.join(0.2)
        meanwhile = process._answers.closed
    ending.join(30)
    assert [meanwhile, process._answers.closed] == [False, True]
    with pytest.raises(_LeftError):
        process.ask(b"{}", 1.0)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
