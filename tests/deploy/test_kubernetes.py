"""The Kubernetes manifest: what the restricted profile asks for, and a stop that loses nothing."""

import copy
import re
from collections.abc import Callable

import pytest

from tests.deploy import files
from tests.deploy.policy import kubernetes_complaints

Change = Callable[[files.Tree], object]


def container(pod: files.Tree) -> files.Tree:
    found: files.Tree = pod["containers"][0]
    return found


LOOSENED: dict[str, Change] = {
    "NUNCHI_ variables of a Service would stop the start": lambda pod: pod.pop("enableServiceLinks"),
    "it holds a token for the cluster": lambda pod: pod.pop("automountServiceAccountToken"),
    "it may run as root": lambda pod: pod["securityContext"].update(runAsUser=0),
    "no seccomp profile": lambda pod: pod["securityContext"].pop("seccompProfile"),
    "it shares what is the host's": lambda pod: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    "it may do what root may": lambda pod: container(pod)["securityContext"].update(privileged=True),
    "a secret is written down": lambda pod: container(pod)["env"].append({"name": "NUNCHI_SECRET", "value": "abc"}),
    "its image is whatever is the latest": lambda pod: container(pod).update(image="nunchi"),
    "the volume x can fill the disk": lambda pod: pod["volumes"].append({"name": "x", "emptyDir": {}}),
    "its root can be written": lambda pod: container(pod)["securityContext"].pop("readOnlyRootFilesystem"),
    "it keeps capabilities": lambda pod: container(pod)["securityContext"].pop("capabilities"),
    "it can gain privileges": lambda pod: container(pod)["securityContext"].pop("allowPrivilegeEscalation"),
    "no limits of processor and memory": lambda pod: container(pod)["resources"]["limits"].pop("memory"),
    "it asks nobody for a key": lambda pod: container(pod)["env"].append({"name": "NUNCHI_AUTH", "value": "off"}),
    "its liveness probe asks /health/ready": lambda pod: container(pod)["livenessProbe"]["httpGet"].update(
        path="/health/ready"
    ),
    "its readiness probe asks None": lambda pod: container(pod).pop("readinessProbe"),
    "it is killed before it has answered what it accepted": lambda pod: pod.update(terminationGracePeriodSeconds=15),
}


def test_a_pod_has_no_more_than_it_needs_and_time_to_stop() -> None:
    assert kubernetes_complaints(files.kubernetes()["Deployment"]) == []


@pytest.mark.parametrize("complaint", LOOSENED)
def test_a_loosened_pod_is_found(complaint: str) -> None:
    deployment = copy.deepcopy(files.kubernetes()["Deployment"])
    LOOSENED[complaint](deployment["spec"]["template"]["spec"])
    assert complaint in kubernetes_complaints(deployment)


def test_the_service_selects_the_pods_and_their_port() -> None:
    deployment, service = files.kubernetes()["Deployment"], files.kubernetes()["Service"]
    template = deployment["spec"]["template"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    [port] = container(template["spec"])["ports"]
    assert [entry["targetPort"] for entry in service["spec"]["ports"]] == [port["name"]]
    assert template["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])


def test_the_user_is_the_one_of_the_image() -> None:
    [user] = [i.text for i in files.dockerfile() if i.name == "USER"]
    security = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]["securityContext"]
    assert user == f"{security['runAsUser']}:{security['runAsGroup']}"


def test_every_mounted_volume_exists() -> None:
    pod = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]
    assert {mount["name"] for mount in container(pod)["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_keys_are_mounted_where_they_are_looked_for_and_can_change() -> None:
    pod = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]
    [variable] = [each for each in container(pod)["env"] if each["name"] == "NUNCHI_API_KEYS_FILE"]
    directory, _, name = variable["value"].rpartition("/")
    [mount] = [each for each in container(pod)["volumeMounts"] if each["mountPath"] == directory]
    assert "subPath" not in mount  # a file that is mounted so never changes
    [volume] = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert {"key": "keys", "path": name} in volume["secret"]["items"]
    text = (files.DEPLOY / "kubernetes" / "nunchi.yaml").read_text(encoding="utf-8")
    assert f"--from-file=keys={name}" in text


def test_experiments_are_looked_for_where_the_manifest_says_and_can_change() -> None:
    text = (files.DEPLOY / "kubernetes" / "nunchi.yaml").read_text(encoding="utf-8")
    named = re.search(r"--from-literal=(\w+)=(\S+)/(\S+) \\\n#\s+--from-file=(\S+)=(\S+)\n", text)
    assert named is not None
    key, directory, *keys, source = named.groups()
    assert keys == ["experiments.toml"] * 2
    assert (files.ROOT / source).is_file()
    pod = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]
    [variable] = [each for each in container(pod)["env"] if each["name"] == "NUNCHI_EXPERIMENTS"]
    assert variable["valueFrom"]["configMapKeyRef"] == {"name": "nunchi", "key": key, "optional": True}
    [mount] = [each for each in container(pod)["volumeMounts"] if each["mountPath"] == directory]
    assert "subPath" not in mount  # a file that is mounted so never changes
    [volume] = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert volume["configMap"] == {"name": "nunchi", "optional": True}
