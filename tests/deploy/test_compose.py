"""docker-compose.yml: closed to the outside, pinned, limited, and its parts find each other."""

import copy
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from service.settings import Settings, variable
from tests.deploy import files, queries
from tests.deploy.policy import compose_complaints

Change = Callable[[files.Tree], object]

LOOSENED: dict[str, Change] = {
    "grafana: its root can be written": lambda s: s["grafana"].pop("read_only"),
    "prometheus: it keeps capabilities": lambda s: s["prometheus"].pop("cap_drop"),
    "service: it can gain privileges": lambda s: s["service"].pop("security_opt"),
    "service: it shares what is the host's": lambda s: s["service"].update(privileged=True),
    "prometheus: it shares what is the host's": lambda s: s["prometheus"].update(devices=["/dev/mem:/dev/mem"]),
    "grafana: it shares what is the host's": lambda s: s["grafana"].update(userns_mode="host"),
    "service: its confinement is lifted": lambda s: s["service"]["security_opt"].append("seccomp:unconfined"),
    "grafana: GF_SECURITY_ADMIN_PASSWORD is written down": lambda s: s["grafana"]["environment"].update(
        GF_SECURITY_ADMIN_PASSWORD="admin"
    ),
    "prometheus: it sees what is the host's: /proc": lambda s: s["prometheus"]["volumes"].append("/proc:/host:ro"),
    "service: nothing reaps its children": lambda s: s["service"].pop("init"),
    "service: its temporary files can be run": lambda s: s["service"].update(tmpfs=["/tmp"]),
    "grafana: its image is not pinned": lambda s: s["grafana"].update(image="grafana/grafana:latest"),
    "prometheus: its image is not pinned": lambda s: s["prometheus"].update(
        image=s["prometheus"]["image"].partition("@")[0]
    ),
    "prometheus: it runs as root": lambda s: s["prometheus"].pop("user"),
    "service: it shares the host's network": lambda s: s["service"].update(network_mode="host"),
    "grafana: it is published on every address: 3000:3000": lambda s: s["grafana"].update(ports=["3000:3000"]),
    "service: it can write to the host: ./models:/app/models": lambda s: s["service"].update(
        volumes=["./models:/app/models"]
    ),
    "prometheus: it holds the Docker socket": lambda s: s["prometheus"]["volumes"].append(
        "/var/run/docker.sock:/var/run/docker.sock:ro"
    ),
    "service: no limit of memory": lambda s: s["service"]["deploy"]["resources"]["limits"].pop("memory"),
    "service: no time to stop": lambda s: s["service"].pop("stop_grace_period"),
    "grafana: no health check": lambda s: s["grafana"].pop("healthcheck"),
    "service: its log can fill the disk": lambda s: s["service"].pop("logging"),
}


def test_no_container_has_more_than_it_needs() -> None:
    assert compose_complaints(files.compose()) == []


@pytest.mark.parametrize("complaint", LOOSENED)
def test_a_loosened_container_is_found(complaint: str) -> None:
    project = copy.deepcopy(files.compose())
    LOOSENED[complaint](project["services"])
    assert complaint in compose_complaints(project)


def test_a_gpu_is_asked_for_only_by_its_profile() -> None:
    services = files.compose()["services"]
    with_device = {
        name
        for name, service in services.items()
        if "devices" in service["deploy"]["resources"].get("reservations", {})
    }
    assert with_device == {"service-gpu"}
    assert {name for name, service in services.items() if service.get("profiles")} == {"service-gpu"}


def test_every_build_target_exists() -> None:
    stages = {instruction.stage for instruction in files.dockerfile()}
    builds = [service["build"] for service in files.compose()["services"].values() if "build" in service]
    assert [build["target"] for build in builds] == ["cpu", "gpu"]
    assert {build["target"] for build in builds} <= stages


def test_everything_mounted_from_the_checkout_is_there() -> None:
    for source in mounts().values():
        assert source.exists(), source


def test_the_example_names_exactly_the_variables_that_compose_reads() -> None:
    text = (files.ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    without_value = {
        name
        for service in files.compose()["services"].values()
        for name, value in service.get("environment", {}).items()
        if value is None
    }
    example = (files.ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == (
        set(re.findall(r"\$\{([A-Z_]+)", text)) | without_value
    )


def test_only_settings_that_the_service_knows_are_passed_on() -> None:
    known = {variable(field) for field in Settings.model_fields}
    for service in ("service", "service-gpu"):
        assert set(files.compose()["services"][service]["environment"]) <= known


def test_whoever_reaches_the_port_may_ask_unless_the_operator_wants_keys() -> None:
    for name in ("service", "service-gpu"):
        service = files.compose()["services"][name]
        assert service["environment"]["NUNCHI_AUTH"] == "${NUNCHI_AUTH:-off}"
        assert service["environment"]["NUNCHI_API_KEYS_FILE"] is None
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_services_may_be_asked_under_the_names_that_others_know_them_by() -> None:
    for name in ("service", "service-gpu"):
        service = files.compose()["services"][name]
        allowed = service["environment"]["NUNCHI_ALLOWED_HOSTS"].removeprefix("${NUNCHI_ALLOWED_HOSTS:-").rstrip("}")
        assert {*service["networks"]["default"]["aliases"], name} <= set(allowed.split(","))


def test_the_keys_of_the_example_lie_where_the_service_may_write() -> None:
    example = (files.ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.search(r"^#NUNCHI_API_KEYS_FILE=(\w+)/\S+$", example, re.MULTILINE)
    assert named is not None
    assert any(volume.endswith(f"/{named[1]}") for volume in files.compose()["services"]["service"]["volumes"])


def test_the_experiments_of_the_example_are_there_in_the_container_and_can_change() -> None:
    example = (files.ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.search(r"^#NUNCHI_EXPERIMENTS=(\S+)$", example, re.MULTILINE)
    assert named is not None
    [workdir] = [i.text for i in files.dockerfile() if i.name == "WORKDIR"]
    directory, _, name = f"{workdir}/{named[1]}".rpartition("/")
    assert (mounts("service")[directory] / name).is_file()  # editors replace a file, and a mount would keep the old one
    assert "NUNCHI_EXPERIMENTS" in files.compose()["services"]["service"]["environment"]


def test_the_mounted_store_is_the_one_that_the_image_serves() -> None:
    image = [i for i in files.dockerfile() if i.stage == "runtime"]
    workdir = next(i.text for i in image if i.name == "WORKDIR")
    assert f"{workdir}/{Settings.model_fields['model_store'].default.relative_to(files.ROOT)}" in mounts("service")


def test_grafana_has_no_account_unless_a_password_is_given() -> None:
    environment = files.compose()["services"]["grafana"]["environment"]
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "${GRAFANA_ADMIN_PASSWORD:+false}"
    assert environment["GF_AUTH_DISABLE_LOGIN_FORM"] == "${GRAFANA_ADMIN_PASSWORD:+false}"
    settings = (files.GRAFANA / "grafana.ini").read_text(encoding="utf-8")
    assert "disable_initial_admin_creation = true" in settings
    assert "disable_login_form = true" in settings


def test_prometheus_finds_the_service_by_the_name_it_answers_to() -> None:
    [found] = scrape_job("nunchi")["dns_sd_configs"]
    for service in ("service", "service-gpu"):
        described = files.compose()["services"][service]
        assert found["names"] == described["networks"]["default"]["aliases"]
        assert str(described["ports"][0]).endswith(f":{found['port']}")
    assert found["port"] == Settings.model_fields["port"].default


def test_prometheus_keeps_more_than_the_longest_window_of_the_rules() -> None:
    windows = [int(days) for query in queries.rule_queries() for days in re.findall(r"\[(\d+)d\]", query.expression)]
    command = " ".join(files.compose()["services"]["prometheus"]["command"])
    kept = re.search(r"retention\.time=(\d+)d", command)
    assert kept is not None
    assert int(kept[1]) > max(windows)


def test_grafana_reads_prometheus_where_it_listens_and_as_often_as_it_scrapes() -> None:
    [source] = files.read_yaml(files.GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    host, port = source["url"].removeprefix("http://").split(":")
    assert files.compose()["services"][host]["ports"][0].endswith(f":{port}")
    scraped = files.read_yaml(files.PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped


def test_what_grafana_is_told_to_read_is_mounted_there() -> None:
    mounted = mounts("grafana")
    [provider] = files.read_yaml(files.GRAFANA / "provisioning" / "dashboards" / "nunchi.yml")["providers"]
    directory = mounted[provider["options"]["path"]]
    assert (directory / "models.json").is_file()
    home = re.search(r"default_home_dashboard_path = (\S+)", (files.GRAFANA / "grafana.ini").read_text("utf-8"))
    assert home is not None
    assert Path(home[1]).parent.as_posix() == provider["options"]["path"]
    assert (directory / Path(home[1]).name).is_file()
    for kind in ("datasources", "dashboards"):
        assert mounted[f"/etc/grafana/provisioning/{kind}"] == files.GRAFANA / "provisioning" / kind


def test_prometheus_reads_the_configuration_and_rules_that_are_mounted() -> None:
    mounted = mounts("prometheus")
    command = files.compose()["services"]["prometheus"]["command"]
    assert "--config.file=/etc/prometheus/prometheus.yml" in command
    for pattern in files.read_yaml(files.PROMETHEUS / "prometheus.yml")["rule_files"]:
        assert list(mounted["/etc/prometheus"].glob(pattern))


def mounts(*names: str) -> dict[str, Path]:
    """Return what is mounted from the checkout: path in the container -> path here."""
    services = files.compose()["services"]
    found = {}
    for name in names or services:
        for volume in services[name].get("volumes", []):
            source, target = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", volume).split(":")[:2]
            if source.startswith("."):
                found[target] = files.ROOT / source
    return found


def scrape_job(name: str) -> files.Tree:
    jobs = files.read_yaml(files.PROMETHEUS / "prometheus.yml")["scrape_configs"]
    found: files.Tree = next(job for job in jobs if job["job_name"] == name)
    return found
