import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.traffic.__main__ import drawn, main, running_experiment
from deploy.traffic.errors import TrafficError
from deploy.traffic.reviews import Review
from tests.deploy.files import ROOT
from tests.deploy.traffic.stand_in import Answer, answering

REVIEWS = [Review(str(number), "positive") for number in range(50)]


def service(*states: str, refuses: bool = False) -> Any:
    def ask(method: str, path: str, body: Any) -> Answer:
        if path == "/experiments":
            found = [{"name": f"trial-{state}", "state": state, "reason": None} for state in states]
            return 200, {"broken": None, "experiments": found}
        if path == "/predict":
            answer = {"prediction_id": body["text"], "experiment": {"arm": "gru"}}
            return (422, {"detail": "too long"}) if refuses else (200, answer)
        return 200, {"items": [{"status": 202, "detail": None} for _ in body["items"]]}

    return ask


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "reviews.tsv"
    path.write_text("document\tlabel\n" + "".join(f"영화 {number}\t1\n" for number in range(9)), encoding="utf-8")
    return str(path)


def test_it_ends_with_where_the_report_is(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(service("stopped", "running")) as url:
        assert main(["--url", url, "--file", table, "--count", "5"]) == 0
    said = capsys.readouterr().out
    assert said == f"5 answers by gru\n5 labels taken, 0 known before\nreport: {url}/ui/experiments/trial-running\n"


def test_a_service_that_asks_for_a_key_is_said_to(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(service("running"), key="secret") as url:
        assert main(["--url", url, "--file", table]) == 2
    assert "NUNCHI_BEARER_FILE" in capsys.readouterr().err


def test_something_refused_is_shown_and_is_the_exit_status(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(service("running", refuses=True)) as url:
        assert main(["--url", url, "--file", table]) == 1
    assert "9 refused: 422 too long" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("states", "why"), [((), "NUNCHI_EXPERIMENTS=deploy/experiments.toml"), (("stopped",), "trial-stopped is stopped")]
)
def test_nothing_is_sent_where_no_experiment_runs(
    table: str, states: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(service(*states)) as url:
        assert main(["--url", url, "--file", table]) == 2
    assert why in capsys.readouterr().err


def test_an_experiment_that_waits_for_its_models_is_waited_for_but_not_for_ever() -> None:
    looks = iter(["waiting", "waiting", "running"])

    def ask(method: str, path: str, body: Any) -> Answer:
        found = {"name": "trial", "state": next(looks, "waiting"), "reason": "gru/1 is loading"}
        return 200, {"broken": None, "experiments": [found]}

    with answering(ask) as url:
        assert running_experiment(url) == "trial"
        with pytest.raises(TrafficError, match="trial is waiting: gru/1 is loading"):
            running_experiment(url, patience_s=0.2)


def test_a_server_that_knows_no_experiments_is_not_the_service(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(lambda *_: (404, {})) as url:
        assert main(["--url", url, "--file", table]) == 2
    assert "answers 404; is this the service?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value", "complaint"),
    [
        ("--count", "0", "0 is no number from 1"),
        ("--connections", "-1", "-1 is no number from 1"),
        ("--label", "positive", "positive is not like 1=positive"),
    ],
)
def test_a_flag_that_makes_no_sense_is_refused(
    flag: str, value: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([f"{flag}={value}"])
    assert complaint in capsys.readouterr().err


def test_labels_are_named_as_the_flags_say(tmp_path: Path) -> None:
    path = tmp_path / "own.tsv"
    path.write_text("review\tstars\n영화\t5\n시간\t1\n", encoding="utf-8")
    given: list[dict[str, str]] = []

    def ask(method: str, path: str, body: Any) -> Answer:
        given.extend(body["items"] if path == "/feedback/batch" else [])
        answer: Answer = service("running")(method, path, body)
        return answer

    columns = ["--text-column", "review", "--label-column", "stars", "--label", "5=positive", "--label", "1=negative"]
    with answering(ask) as url:
        assert main(["--url", url, "--file", str(path), *columns, "--source", "audit"]) == 0
    assert {(each["prediction_id"], each["label"]) for each in given} == {("영화", "positive"), ("시간", "negative")}
    assert {each["source"] for each in given} == {"audit"}


def test_reviews_are_drawn_by_chance_or_by_a_seed() -> None:
    assert drawn(REVIEWS, 20, seed=1) == drawn(REVIEWS, 20, seed=1)
    assert drawn(REVIEWS, 20, None) != drawn(REVIEWS, 20, None)
    assert sorted(drawn(REVIEWS, None, None)) == sorted(REVIEWS)
    assert len(set(drawn(REVIEWS, 99, 3))) == 50


def test_it_needs_nothing_but_python() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import deploy.traffic.__main__"
    assert subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False).returncode == 0
