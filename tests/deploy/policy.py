"""What a container has to be, as functions that name what is wrong.

The rules are those of the CIS Docker Benchmark 1.6 (sections 4 and 5) and of Kubernetes' restricted profile that a file
can keep, and a few of our own.
"""

import json
import re
from collections.abc import Iterator, Sequence

from tests.deploy.files import Instruction, Tree

_PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}")
"""A tag for whoever reads it, and the digest, which is what is pulled."""
_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|_KEY\b|_KEY=")
_FETCHES = re.compile(r"\b(curl|wget|git clone|apt-get|apk|npm)\b|https?://")
_OF_THE_HOST = ("privileged", "pid", "ipc", "uts", "userns_mode", "cgroup", "cgroup_parent", "devices", "volumes_from")
LEAST_UID = 10_000


def compose_complaints(project: Tree) -> list[str]:
    """Name everything about a Compose project that exposes more than it must."""
    return [
        f"{name}: {complaint}"
        for name, service in project["services"].items()
        for complaint in (*_hardening(service), *_image(service), *_reach(service), *_limits(service))
    ]


def _hardening(service: Tree) -> Iterator[str]:
    if service.get("read_only") is not True:
        yield "its root can be written"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
        yield "it keeps capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "it can gain privileges"
    if any(service.get(key) for key in _OF_THE_HOST):
        yield "it shares what is the host's"
    if any("unconfined" in option or "disable" in option for option in service.get("security_opt", [])):
        yield "its confinement is lifted"
    if service.get("init") is not True:
        yield "nothing reaps its children"
    if not all({"noexec", "nosuid", "nodev"} <= set(re.split("[:,]", mount)) for mount in service.get("tmpfs", [""])):
        yield "its temporary files can be run"


def _image(service: Tree) -> Iterator[str]:
    for name, value in service.get("environment", {}).items():
        if _SECRET.search(name) and value and not str(value).startswith("${"):
            yield f"{name} is written down"
    if "build" not in service and not _PINNED.fullmatch(service.get("image", "")):
        yield "its image is not pinned"
    if "build" not in service and service.get("user", "root").split(":")[0] in ("0", "root"):
        yield "it runs as root"


def _reach(service: Tree) -> Iterator[str]:
    if service.get("network_mode") == "host":
        yield "it shares the host's network"
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"it is published on every address: {port}"
    for volume in service.get("volumes", []):
        source = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", volume).split(":")[0]
        if source.startswith((".", "/")) and not volume.endswith(":ro"):
            yield f"it can write to the host: {volume}"
        if source in ("/", "/etc", "/boot", "/dev", "/lib", "/proc", "/sys", "/usr"):
            yield f"it sees what is the host's: {source}"
        if "docker.sock" in source:
            yield "it holds the Docker socket"


def _limits(service: Tree) -> Iterator[str]:
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    yield from (f"no limit of {resource}" for resource in ("cpus", "memory", "pids") if resource not in limits)
    if "stop_grace_period" not in service:
        yield "no time to stop"
    if "build" not in service and "test" not in service.get("healthcheck", {}):
        yield "no health check"
    if service.get("logging", {}).get("options", {}).keys() != {"max-size", "max-file"}:
        yield "its log can fill the disk"


def dockerfile_complaints(instructions: Sequence[Instruction], targets: Sequence[str]) -> list[str]:
    """Name everything about a Dockerfile that builds or runs with more than it must."""
    stages = {i.stage: i.text.split()[0] for i in instructions if i.name == "FROM"}
    found = [f"{base}: not pinned" for base in stages.values() if base not in stages and not _PINNED.fullmatch(base)]
    found += [complaint for i in instructions for complaint in _instruction(i)]
    found += [f"no target {target}" for target in targets if target not in stages]
    for target in targets:
        lineage = _lineage(target, stages)
        final = {i.name: i.text for stage in lineage for i in instructions if i.stage == stage}
        found += [f"{target}: {complaint}" for complaint in _final(final)]
    for i in instructions:
        if i.name == "RUN" and "pip install" in i.text:
            settings = " ".join(
                j.text for j in instructions if j.name == "ENV" and j.stage in _lineage(i.stage, stages)
            )
            if "PIP_REQUIRE_HASHES=1" not in settings:
                found.append(f"{i.stage}: installs without hashes")
    return found


def _instruction(i: Instruction) -> Iterator[str]:
    if i.name == "ADD":
        yield f"{i.stage}: ADD can fetch and unpack"
    if i.name == "COPY" and i.text.split()[0] in (".", "./", "/"):
        yield f"{i.stage}: COPY of whatever lies there"
    if i.name in ("ENV", "ARG") and _SECRET.search(i.text):
        yield f"{i.stage}: a secret would stay in the image"
    if i.name == "RUN" and _FETCHES.search(i.text):
        yield f"{i.stage}: fetches what no hash holds"


def _lineage(stage: str, stages: dict[str, str]) -> list[str]:
    """Return a stage and those it builds on, the first of them first."""
    return [*_lineage(stages[stage], stages), stage] if stage in stages else []


def _final(final: dict[str, str]) -> Iterator[str]:
    user = final.get("USER", "0").split(":")[0]
    if not user.isdigit() or int(user) < LEAST_UID:
        yield f"runs as {user}"
    for name in ("ENTRYPOINT", "CMD"):
        if not _is_exec_form(final.get(name, "")):
            yield f"{name} is not in exec form: a shell would take the signals"
    if final.get("STOPSIGNAL") != "SIGTERM":
        yield "does not say how it is stopped"
    check = final.get("HEALTHCHECK", "")
    if not _is_exec_form(check.partition("CMD ")[2]) or '"python"' not in check:
        yield "its health check is not Python in exec form"


def _is_exec_form(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False


def kubernetes_complaints(deployment: Tree) -> list[str]:
    """Name everything about a Deployment that the restricted profile, or a stop under load, would not forgive."""
    pod = deployment["spec"]["template"]["spec"]
    checks = (_container_rights, _container_limits)
    return [
        *_pod(pod),
        *(each for container in pod["containers"] for check in checks for each in check(container, pod)),
    ]


def _pod(pod: Tree) -> Iterator[str]:
    security = pod.get("securityContext", {})
    if pod.get("enableServiceLinks") is not False:
        yield "NUNCHI_ variables of a Service would stop the start"
    if pod.get("automountServiceAccountToken") is not False:
        yield "it holds a token for the cluster"
    if security.get("runAsNonRoot") is not True or security.get("runAsUser", 0) < LEAST_UID:
        yield "it may run as root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "no seccomp profile"
    shared = any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
    if shared or any("hostPath" in volume for volume in pod.get("volumes", [])):
        yield "it shares what is the host's"
    for volume in pod.get("volumes", []):
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"the volume {volume['name']} can fill the disk"


def _container_rights(container: Tree, _: Tree) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("privileged") or security.get("runAsUser", LEAST_UID) < LEAST_UID:
        yield "it may do what root may"
    if any(_SECRET.search(entry["name"]) and entry.get("value", "/")[0] != "/" for entry in container.get("env", [])):
        yield "a secret is written down"
    if not re.fullmatch(r".+(:(?!latest)[\w.-]+|@sha256:[0-9a-f]{64})", container.get("image", "")):
        yield "its image is whatever is the latest"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "its root can be written"
    if security.get("capabilities", {}).get("drop") != ["ALL"]:
        yield "it keeps capabilities"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "it can gain privileges"


def _container_limits(container: Tree, pod: Tree) -> Iterator[str]:
    for kind in ("requests", "limits"):
        if container.get("resources", {}).get(kind, {}).keys() != {"cpu", "memory"}:
            yield f"no {kind} of processor and memory"
    variables = {variable["name"]: variable.get("value") for variable in container.get("env", [])}
    if "NUNCHI_API_KEYS_FILE" not in variables or variables.get("NUNCHI_AUTH") == "off":
        yield "it asks nobody for a key"
    paths = {name: container.get(f"{name}Probe", {}).get("httpGet", {}).get("path") for name in _PROBES}
    yield from (f"its {name} probe asks {path}" for name, path in paths.items() if path != _PROBES[name])
    delay_s = float(variables.get("NUNCHI_STOP_DELAY_S") or 0)
    if not delay_s or delay_s + 15 > pod.get("terminationGracePeriodSeconds", 30):
        yield "it is killed before it has answered what it accepted"


_PROBES = {"startup": "/health/ready", "readiness": "/health/ready", "liveness": "/health/live"}
