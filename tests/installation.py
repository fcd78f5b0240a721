"""Landlord's rendered manifests in the test cluster, as `kubectl apply -k manifests/` gives them to a user.

`install` for whoever starts a cluster himself; the fixture `landlord_installed` for tests.
"""

import subprocess
from pathlib import Path

import pytest

from landlord.api.names import DEPLOYERS_NAMESPACE, OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT
from sandbox.programs import kubectl
from sandbox.waiting import wait_until
from tests.actors import Actor, Object
from tests.cluster import Cluster

MANIFESTS = Path(__file__).resolve().parent.parent / "manifests"
_SECONDS = 60.0

PROBE: Object = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "landlord-viewer", "namespace": DEPLOYERS_NAMESPACE},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "landlord-viewer"},
}


@pytest.fixture(scope="session")
def landlord_installed(cluster: Cluster) -> Actor:
    """The admin of the test cluster, in which `manifests/` are applied and its policies act; once per run."""
    return install(cluster.kubeconfig)


def install(kubeconfig: str) -> Actor:
    """The admin of this file, once `manifests/` are applied, policies act and the members' roles are filled."""
    apply = ["apply", "--server-side", "--force-conflicts", "-k", str(MANIFESTS)]
    command = [str(kubectl()), "--kubeconfig", kubeconfig, *apply]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    admin = Actor.from_kubeconfig(kubeconfig)
    wait_until_guarded(admin)
    return admin


def wait_until_guarded(admin: Actor) -> None:
    """Return once the operator's probe is refused by policy and the aggregated ClusterRoles have their rules."""
    wait_until(lambda: _account_exists(admin), seconds=_SECONDS, what="The operator's ServiceAccount")
    operator = admin.account(OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT)
    wait_until(lambda: is_guarded(operator), seconds=_SECONDS, what="A refusal of the operator's probe by policy")
    wait_until(lambda: _roles_are_filled(admin), seconds=_SECONDS, what="Aggregation of the members' ClusterRoles")


def is_guarded(operator: Actor) -> bool:
    """Whether the policy that confines the operator refuses what RBAC allows it."""
    answer = operator.create(PROBE, dry_run=True)
    return answer.status == 403 and "ValidatingAdmissionPolicy 'landlord-operator-objects'" in answer.message


def _account_exists(admin: Actor) -> bool:
    metadata = {"name": OPERATOR_SERVICE_ACCOUNT, "namespace": OPERATOR_NAMESPACE}
    return admin.get({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}).ok


def _roles_are_filled(admin: Actor) -> bool:
    roles = [
        admin.get({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}})
        for name in ("landlord-viewer", "landlord-editor", "landlord-owner")
    ]
    return all(role.ok and role.body.get("rules") for role in roles)
