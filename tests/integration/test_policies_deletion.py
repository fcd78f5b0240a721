"""Whatever guards a namespace, it can be deleted: guards never leave one in Terminating, and garbage is collected."""

import pytest

from landlord.api import names
from sandbox.waiting import wait_until
from tests.actors import Object
from tests.policies import Settle
from tests.tenancy import Tenancy, binding, config_map, deployment, ours, pod, service

pytestmark = pytest.mark.cluster

EVERY_GUARD = {
    "labels": {names.LABEL_CORDONED: "true", names.LABEL_WORKLOADS: "ReleasesOnly"},
    "annotations": {
        f"landlord.dev/policy.{name}": ""
        for name in (
            "registries",
            "ingress-hosts",
            "ingress-classes",
            "storage-classes",
            "priority-classes",
            "service-types",
        )
    },
}
_SECONDS = 90.0


def namespace_of(tenancy: Tenancy) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenancy.namespace}}


def gone(tenancy: Tenancy, target: Object) -> None:
    """Wait until the object is no more."""

    def is_gone() -> bool:
        return tenancy.admin.get(target).status == 404

    wait_until(is_gone, seconds=_SECONDS, what=f"The end of {target['kind']} {target['metadata']['name']}")


def fill(tenancy: Tenancy) -> None:
    """What a living tenant has beside Landlord's objects: workloads, a claim, roles, and a running pod."""
    where = tenancy.namespace
    running = deployment(where, "running")
    running["spec"]["replicas"] = 1
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": "data", "namespace": where}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": []}
    for one in (
        config_map(where),
        running,
        service(where),
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata},
        {**role, "metadata": metadata},
        binding("data", where, role="data", kind="Role", accounts=[(where, "worker")]),
    ):
        tenancy.break_glass.create(one).allowed()


@pytest.mark.parametrize("guards", [{}, EVERY_GUARD], ids=["plain", "under every guard"])
def test_the_operator_deletes_a_tenants_namespace_with_all_that_is_in_it(
    settle: Settle, guards: dict[str, dict[str, str]]
) -> None:
    tenancy = settle(**guards)
    fill(tenancy)
    tenancy.operator.delete(namespace_of(tenancy)).allowed()
    gone(tenancy, namespace_of(tenancy))


def test_the_admin_deletes_a_tenants_namespace_that_is_not_protected(settle: Settle) -> None:
    tenancy = settle(**EVERY_GUARD)
    tenancy.admin.delete(namespace_of(tenancy)).allowed()
    gone(tenancy, namespace_of(tenancy))


def test_other_controllers_let_go_of_their_finalizers_while_a_guarded_namespace_ends(settle: Settle) -> None:
    tenancy = settle(**EVERY_GUARD)
    held = config_map(tenancy.namespace, "held")
    held["metadata"]["finalizers"] = ["controller.example/cleanup"]
    tenancy.break_glass.create(held).allowed()
    stranger = tenancy.admin.impersonating("system:serviceaccount:platform:controller", "system:masters")
    release = {"metadata": {"finalizers": None}}
    stranger.patch(held, release).denied_by("landlord-cordon")
    tenancy.operator.delete(namespace_of(tenancy)).allowed()
    wait_until(
        lambda: "deletionTimestamp" in tenancy.admin.get(held).allowed()["metadata"],
        seconds=_SECONDS,
        what="The deletion of what a finalizer holds",
    )
    wait_until(lambda: stranger.patch(held, release).ok, seconds=10, what="The removal of the finalizer")
    gone(tenancy, namespace_of(tenancy))


@pytest.mark.parametrize("guards", [{}, EVERY_GUARD], ids=["plain", "under every guard"])
def test_garbage_is_collected(settle: Settle, guards: dict[str, dict[str, str]]) -> None:
    tenancy = settle(**guards)
    where = tenancy.namespace
    owner = tenancy.break_glass.create(config_map(where, "owner")).allowed()
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    owned: list[Object] = [
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": {"podSelector": {}}},
        {"apiVersion": "v1", "kind": "ServiceAccount"},
        binding("owned", where, role="landlord-viewer", users=["sam"]),
        service(where, "owned"),
        pod(where, "owned"),
        config_map(where, "owned"),
    ]
    for one in owned:
        one["metadata"] = {"name": "owned", "namespace": where, "labels": ours("x"), "ownerReferences": [reference]}
        tenancy.break_glass.create(one).allowed()
    tenancy.break_glass.delete(config_map(where, "owner")).allowed()
    for one in owned:
        gone(tenancy, one)


def test_in_a_namespace_that_ends_nothing_of_landlords_is_relabelled(settle: Settle) -> None:
    tenancy = settle()
    held = config_map(tenancy.namespace, "held")
    held["metadata"]["finalizers"] = ["controller.example/cleanup"]
    tenancy.break_glass.create(held).allowed()
    tenancy.operator.delete(namespace_of(tenancy)).allowed()
    relabelled = {"metadata": {"labels": {names.LABEL_TENANT: "evil"}}}
    tenancy.admin.patch(namespace_of(tenancy), relabelled).denied_by("landlord-namespaces")
    tenancy.admin.patch(held, {"metadata": {"finalizers": None}}).allowed()
    gone(tenancy, namespace_of(tenancy))
