"""A tenant's pods meet the level its namespace says, and its members cannot lower it; one field is varied at a time.

The identifiers are those of the Multi-Tenancy Benchmarks; the first test is their positive control.
"""

from copy import deepcopy

import pytest

from tests.actors import Object
from tests.policies import Settle
from tests.tenancy import Tenancy, pod, service

pytestmark = pytest.mark.cluster

CONTAINER = {
    "MTB-PL1-BC-CPI-3 add capabilities": {"capabilities": {"add": ["SETPCAP"], "drop": ["ALL"]}},
    "MTB-PL1-BC-CPI-4 run as root": {"runAsNonRoot": False},
    "MTB-PL1-BC-CPI-5 privileged": {"privileged": True, "allowPrivilegeEscalation": True},
    "MTB-PL1-BC-CPI-6 privilege escalation": {"allowPrivilegeEscalation": True},
}
POD: dict[str, Object] = {
    "MTB-PL1-BC-HI-1 host path": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
    "MTB-PL1-BC-HI-3 host network": {"hostNetwork": True},
    "MTB-PL1-BC-HI-4 host PID": {"hostPID": True},
    "MTB-PL1-BC-HI-5 host IPC": {"hostIPC": True},
}


@pytest.fixture(scope="module")
def restricted(settle: Settle) -> Tenancy:
    """A tenancy at the default level, without NodePorts."""
    return settle(
        labels={"pod-security.kubernetes.io/enforce": "restricted"},
        annotations={"landlord.dev/policy.service-types": "ClusterIP"},
    )


@pytest.mark.parametrize("who", ["owner", "editor", "deployer"])
def test_a_decent_pod_runs(restricted: Tenancy, who: str) -> None:
    getattr(restricted, who).create(pod(restricted.namespace), dry_run=True).allowed()


@pytest.mark.parametrize("who", ["owner", "editor", "deployer", "admin"])
@pytest.mark.parametrize("change", CONTAINER.values(), ids=CONTAINER.keys())
def test_a_container_that_wants_more_is_refused(restricted: Tenancy, change: Object, who: str) -> None:
    wanted = deepcopy(pod(restricted.namespace))
    wanted["spec"]["containers"][0]["securityContext"].update(change)
    answer = getattr(restricted, who).create(wanted, dry_run=True)
    assert "violates PodSecurity" in answer.message, answer


@pytest.mark.parametrize("who", ["owner", "editor", "deployer", "admin"])
@pytest.mark.parametrize("spec", POD.values(), ids=POD.keys())
def test_a_pod_that_wants_the_host_is_refused(restricted: Tenancy, spec: Object, who: str) -> None:
    answer = getattr(restricted, who).create(pod(restricted.namespace, **spec), dry_run=True)
    assert "violates PodSecurity" in answer.message, answer


def test_a_host_port_is_refused(restricted: Tenancy) -> None:
    wanted = deepcopy(pod(restricted.namespace))
    wanted["spec"]["containers"][0]["ports"] = [{"containerPort": 8086, "hostPort": 8086}]
    assert "violates PodSecurity" in restricted.editor.create(wanted, dry_run=True).message


def test_a_node_port_is_refused(restricted: Tenancy) -> None:
    wanted = service(restricted.namespace, type="NodePort")
    restricted.editor.create(wanted, dry_run=True).denied_by("landlord-services")


@pytest.mark.parametrize("who", ["owner", "editor", "viewer", "deployer"])
def test_no_member_lowers_the_level(restricted: Tenancy, who: str) -> None:
    target: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": restricted.namespace}}
    lowered = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    for subresource in ((), ("status",), ("finalize",)):
        getattr(restricted, who).patch(target, lowered, *subresource).forbidden()
    restricted.admin.patch(target, lowered).denied_by("landlord-namespaces")
