"""A real Prometheus with the project's own configuration watches the real service under traffic."""

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
import yaml

from model_store.layout import DEFAULT_STORE, list_versions
from tests.deploy import files, queries
from tests.system.server import Server, free_port, serving

pytestmark = pytest.mark.system

DEADLINE_S = 60
TEXTS = (
    "배우들 연기가 정말 좋았어요",
    "지루해서 끝까지 못 봤다 ㅠㅠ",
    "최고!",
    "그럭저럭 볼만함",
    "¿Qué película es esta?",
)
EXPERIMENT = """
[[experiment]]
name = "gru-or-lstm"

[[experiment.arms]]
model = "gru"

[[experiment.arms]]
model = "lstm"
"""
REFUSED_BODIES = (b"{", b'{"text": ""}', b'{"text": "a", "unknown": 1}', json.dumps({"text": "가" * 5001}).encode())


def debian_program(name: str) -> str:
    """Return the path of a program of Debian's package prometheus; without it the test fails, it is not skipped."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing: apt-get install --no-install-recommends prometheus", pytrace=False)
    return path


@dataclass(frozen=True)
class Watched:
    """The service and the Prometheus that scrapes it."""

    service: str
    prometheus: str

    def query(self, expression: str) -> list[float]:
        """Return the values of an instant query, NaN left out: a ratio of nothing to nothing is no answer."""
        answer = httpx.post(f"{self.prometheus}/api/v1/query", data={"query": expression}).json()
        assert answer["status"] == "success", answer
        values = [float(series["value"][1]) for series in answer["data"]["result"]]
        return [value for value in values if value == value]  # noqa: PLR0124 - only NaN is not itself

    def waiting_query(self, expression: str) -> list[float]:
        """Ask until there is an answer, at most `DEADLINE_S`; return the last answer."""
        end = time.monotonic() + DEADLINE_S
        while not (values := self.query(expression)) and time.monotonic() < end:
            time.sleep(0.5)
        return values


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Serve a store in which one version is damaged, and an experiment; send traffic, and let Prometheus watch."""
    directory = tmp_path_factory.mktemp("prometheus")
    store = directory / "models"
    fill(store)
    experiments = directory / "experiments.toml"
    experiments.write_text(EXPERIMENT, encoding="utf-8")
    with (
        serving(store, NUNCHI_EXPERIMENTS=str(experiments)) as server,
        traffic(server),
        scraping(directory, server.url) as prometheus,
    ):
        yield Watched(server.url, prometheus)


def fill(store: Path) -> None:
    """Copy the shipped versions and add one that is damaged."""
    shutil.copytree(DEFAULT_STORE, store, ignore=shutil.ignore_patterns(".*"))
    newest = max(ref for ref in list_versions(store) if ref.name == "gru")
    damaged = store / newest.name / str(newest.version + 1)
    shutil.copytree(store / newest.name / str(newest.version), damaged)
    (damaged / "saved_model.pb").write_bytes(b"not what was published")


@contextmanager
def traffic(server: Server) -> Iterator[None]:
    """Send good and bad requests to every model, and labels, some at a time, until the block ends."""
    stop = Event()
    names = loaded_models(server.url)

    def send(sender: int) -> None:
        with httpx.Client(base_url=server.url) as client:
            for number, (name, text) in enumerate(itertools.cycle(itertools.product(names, TEXTS))):
                answer = client.post("/predict", json={"text": f"{text} {sender} {number}"}).json()
                given = {"prediction_id": answer["prediction_id"], "label": "positive", "source": "audit"}
                client.post("/feedback", json=given)
                client.post("/predict", json={"text": text, "model": name})
                client.post("/predict/batch", json={"texts": [*TEXTS, text * 60], "model": name})
                client.post("/predict", content=REFUSED_BODIES[len(text) % len(REFUSED_BODIES)])
                client.post("/predict", json={"text": text, "model": "nobody"})
                client.get("/nowhere")
                client.post("/explain", json={"text": text})
                if stop.wait(0.02):
                    return

    threads = [Thread(target=send, args=(sender,)) for sender in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def loaded_models(url: str) -> list[str]:
    """Wait until no version is loading any more; return the names of those that are ready."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        found = httpx.get(f"{url}/models").json()["models"]
        if all(model["state"] != "loading" for model in found):
            return sorted({model["model"] for model in found if model["state"] == "ready"})
        time.sleep(0.1)
    pytest.fail("the models are still loading")


@contextmanager
def scraping(directory: Path, target: str) -> Iterator[str]:
    """Run Prometheus with the project's configuration, only faster and with the target in a file; yield its address."""
    address = f"127.0.0.1:{free_port()}"
    command = [debian_program("prometheus"), "--config.file", str(configuration(directory, target, address))]
    command += ["--storage.tsdb.path", str(directory / "data"), "--web.listen-address", address]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_until_ready(f"http://{address}/-/ready", directory / "log")
            yield f"http://{address}"
        finally:
            process.terminate()


def configuration(directory: Path, target: str, address: str) -> Path:
    """Write the project's configuration with other targets and a second between scrapes; return its path."""
    settings = files.read_yaml(files.PROMETHEUS / "prometheus.yml")
    settings["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(files.PROMETHEUS / pattern) for pattern in settings["rule_files"]]
    targets = directory / "targets.yml"
    targets.write_text(yaml.safe_dump([{"targets": [target.removeprefix("http://")]}]), encoding="utf-8")
    for job in settings["scrape_configs"]:
        if job["job_name"] == "nunchi":
            del job["dns_sd_configs"]
            job["file_sd_configs"] = [{"files": [str(targets)]}]
        else:
            job["static_configs"] = [{"targets": [address]}]
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def wait_until_ready(url: str, log: Path) -> None:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        try:
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"Prometheus is not ready: {log.read_text(encoding='utf-8')[-2000:]}")


def test_every_query_of_the_dashboards_returns_data(watched: Watched) -> None:
    silent = [
        query.place
        for query in queries.dashboard_queries()
        if not watched.waiting_query(queries.filled_in(query.expression, window="10s"))
    ]
    assert silent == []


def test_every_recording_rule_returns_data(watched: Watched) -> None:
    silent = [rule["record"] for rule in files.recordings() if not watched.waiting_query(rule["record"])]
    assert silent == []


def test_a_query_of_a_metric_that_nobody_exports_returns_no_data(watched: Watched) -> None:
    watched.waiting_query("up")
    assert watched.query("sentiment_request_total") == []


def test_every_variable_of_the_dashboards_offers_a_choice(watched: Watched) -> None:
    variables = [variable for dashboard in files.dashboards().values() for variable in dashboard["templating"]["list"]]
    for variable in variables:
        series, label = variable["definition"].removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
        expression = queries.filled_in(series)
        assert watched.waiting_query(f"count by ({label}) ({expression})"), variable["name"]


def test_every_rule_is_evaluated_without_an_error(watched: Watched) -> None:
    watched.waiting_query("job:slo_requests:rate5m")
    groups = httpx.get(f"{watched.prometheus}/api/v1/rules").json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == {rule.get("record") or rule["alert"] for rule in files.rules()}
    assert {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")} == {}


def test_a_refused_version_raises_its_alert_and_traffic_raises_no_other(watched: Watched) -> None:
    assert watched.waiting_query('ALERTS{alertname="NunchiVersionRefused"}')
    raised = httpx.get(f"{watched.prometheus}/api/v1/alerts").json()["data"]["alerts"]
    assert {alert["labels"]["alertname"] for alert in raised} == {"NunchiVersionRefused"}


def test_what_the_models_did_adds_up(watched: Watched) -> None:
    watched.waiting_query("sentiment_predictions_total")
    served = 'sum(sentiment_predictions_total{role="served"})'
    assert watched.query(f"{served} > 0")
    assert watched.query(f"{served} - sum(sentiment_confidence_count)") == [0]


def test_what_the_arms_of_an_experiment_did_adds_up(watched: Watched) -> None:
    watched.waiting_query("sum(sentiment_pair_comparisons_total) > 0")
    scored = "sum(sentiment_pair_comparisons_total) + sum(sentiment_shadow_dropped_total)"
    assert watched.query(f"{scored} - sum(sentiment_assignments_total)") == [0]
    assert watched.query("sum(sentiment_store_rows_total) > sum(sentiment_assignments_total) / 2")


def test_promtool_finds_nothing_in_the_exported_metrics(watched: Watched) -> None:
    scrape = httpx.get(f"{watched.service}/metrics").text
    assert "sentiment_requests_total{" in scrape
    done = promtool("check", "metrics", text=scrape)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_promtool_finds_what_is_wrong_with_exported_metrics() -> None:
    done = promtool("check", "metrics", text="# TYPE sentiment_requests counter\nsentiment_requests 1\n")
    assert done.returncode != 0


def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    configuration_check = promtool("check", "config", str(files.PROMETHEUS / "prometheus.yml"))
    assert configuration_check.returncode == 0, configuration_check.stdout + configuration_check.stderr
    rules_check = promtool("check", "rules", "--lint=all", "--lint-fatal", *map(str, files.rule_files()))
    assert rules_check.returncode == 0, rules_check.stdout + rules_check.stderr


def test_every_alert_fires_and_is_silent_as_its_promtool_tests_say() -> None:
    done = promtool("test", "rules", *map(str, files.rule_tests()))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_missing_prometheus_fails_and_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.fail.Exception, match=r"apt-get install .*prometheus"):
        debian_program("prometheus")


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [debian_program("promtool"), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
