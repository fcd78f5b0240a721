"""Cordoned namespaces stand still, namespaces for releases take nothing else; Kubernetes itself goes on in both."""

import secrets

import pytest

from landlord.api import names
from sandbox.waiting import wait_until
from tests.actors import Actor, Object
from tests.policies import Settle
from tests.tenancy import Tenancy, config_map, deployment, pod, service

pytestmark = pytest.mark.cluster

CONTROLLERS = [
    "system:serviceaccount:kube-system:deployment-controller",
    "system:serviceaccount:kube-system:replicaset-controller",
    "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
    "system:kube-controller-manager",
]


@pytest.fixture(scope="module")
def still(settle: Settle) -> Tenancy:
    """A tenancy that is cordoned."""
    return settle(labels={names.LABEL_CORDONED: "true"})


@pytest.fixture(scope="module")
def released(settle: Settle) -> Tenancy:
    """A tenancy that takes releases only."""
    return settle(labels={names.LABEL_WORKLOADS: "ReleasesOnly"})


def existing(tenancy: Tenancy) -> list[Object]:
    """One object of each of several kinds, made by break-glass."""
    made = [
        config_map(tenancy.namespace, "old"),
        deployment(tenancy.namespace, "old"),
        service(tenancy.namespace, "old"),
        pod(tenancy.namespace, "old"),
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "old", "namespace": tenancy.namespace}},
    ]
    for one in made:
        tenancy.break_glass.apply(one).allowed()
    return made


def leaving(tenancy: Tenancy) -> Object:
    """A Deployment that is being deleted and that a finalizer of some controller holds."""
    held = deployment(tenancy.namespace, f"held-{secrets.token_hex(3)}")
    held["metadata"]["finalizers"] = ["controller.example/cleanup"]
    tenancy.break_glass.create(held).allowed()
    tenancy.break_glass.delete(held).allowed()
    return held


@pytest.mark.parametrize("guard", ["still", "released"])
def test_what_is_being_deleted_already_may_go_but_not_change(request: pytest.FixtureRequest, guard: str) -> None:
    tenancy: Tenancy = request.getfixturevalue(guard)
    held = leaving(tenancy)
    assert not tenancy.editor.patch(held, {"spec": {"replicas": 3}}).ok
    tenancy.editor.delete(held).allowed()
    tenancy.editor.patch(held, {"metadata": {"finalizers": None}}).allowed()
    assert tenancy.admin.get(held).status == 404


class TestCordon:
    @pytest.mark.parametrize("who", ["owner", "editor", "deployer", "admin"])
    def test_nothing_is_created_changed_or_deleted(self, still: Tenancy, who: str) -> None:
        actor: Actor = getattr(still, who)
        for fresh in (config_map(still.namespace, "new"), deployment(still.namespace, "new"), pod(still.namespace)):
            actor.create(fresh).denied_by("landlord-cordon")
        for old in existing(still):
            words = actor.patch(old, {"metadata": {"labels": {"a": "b"}}}).denied_by("landlord-cordon")
            assert "is cordoned" in words
            actor.delete(old).denied_by("landlord-cordon")
        if who != "deployer":  # it has no right to delete collections
            actor.delete_all(config_map(still.namespace)).denied_by("landlord-cordon")

    @pytest.mark.parametrize("who", ["owner", "editor", "deployer", "admin"])
    def test_nothing_is_scaled(self, still: Tenancy, who: str) -> None:
        old = deployment(still.namespace, "old")
        still.break_glass.apply(old).allowed()
        getattr(still, who).patch(old, {"spec": {"replicas": 1}}, "scale").denied_by("landlord-cordon")

    @pytest.mark.parametrize("who", ["owner", "admin"])
    def test_nobody_is_let_in(self, still: Tenancy, who: str) -> None:
        head = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}
        role = still.here({**head, "metadata": {"name": "x"}, "rules": []})
        getattr(still, who).create(role).denied_by("landlord-cordon")

    def test_a_debug_container_does_not_get_in(self, still: Tenancy) -> None:
        target = existing(still)[3]
        debug = {"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox"}]}}
        still.editor.patch(target, debug, "ephemeralcontainers").denied_by("landlord-cordon")

    def test_an_application_cannot_change_what_its_account_may(self, still: Tenancy) -> None:
        worker = still.admin.impersonating(f"system:serviceaccount:{still.namespace}:worker", "system:masters")
        worker.create(config_map(still.namespace, "by-app")).denied_by("landlord-cordon")

    def test_an_application_keeps_its_lease_and_tells_events(self, still: Tenancy) -> None:
        worker = still.admin.impersonating(f"system:serviceaccount:{still.namespace}:worker", "system:masters")
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "leader"}}
        worker.apply(still.here(lease)).allowed()
        event: Object = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}}
        event["involvedObject"] = {"kind": "Pod", "namespace": still.namespace, "name": "old"}
        worker.apply(still.here(event)).allowed()

    @pytest.mark.parametrize("name", CONTROLLERS)
    def test_controllers_of_kubernetes_go_on(self, still: Tenancy, name: str) -> None:
        controller = still.admin.impersonating(name, "system:masters")
        controller.create(pod(still.namespace, "by-controller"), dry_run=True).allowed()
        old = existing(still)[1]
        controller.patch(old, {"spec": {"replicas": 0}}, "scale").allowed()

    def test_nodes_go_on(self, still: Tenancy) -> None:
        node = still.admin.impersonating("system:node:n1", "system:masters")
        target = existing(still)[3]
        node.patch(target, {"status": {"phase": "Running"}}, "status").allowed()
        node.delete(target).allowed()

    def test_nodes_can_be_drained(self, still: Tenancy) -> None:
        target = pod(still.namespace, "drained")  # another one than those that tests before have ended
        still.break_glass.apply(target).allowed()
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": target["metadata"]}
        path = f"/api/v1/namespaces/{still.namespace}/pods/drained/eviction"
        still.admin.request("POST", path, eviction).allowed()

    def test_the_operator_goes_on(self, still: Tenancy) -> None:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "extra"}}
        still.operator.create(still.here(account)).allowed()
        still.operator.delete(still.here(account)).allowed()

    def test_the_namespace_itself_stays_the_admins(self, still: Tenancy) -> None:
        target = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": still.namespace}}
        still.admin.patch(target, {"metadata": {"labels": {"cost-centre": "7"}}}).allowed()

    def test_lifting_the_cordon_opens_the_namespace(self, settle: Settle) -> None:
        tenancy = settle(labels={names.LABEL_CORDONED: "true"})
        tenancy.editor.create(config_map(tenancy.namespace)).denied_by("landlord-cordon")
        target = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenancy.namespace}}
        lifted = {"metadata": {"labels": {names.LABEL_CORDONED: None}}}
        tenancy.editor.patch(target, lifted).forbidden()
        tenancy.operator.patch(target, lifted).allowed()
        wait_until(
            lambda: tenancy.editor.create(config_map(tenancy.namespace)).ok,
            seconds=10,
            what="A write after the cordon was lifted",
        )


class TestReleasesOnly:
    @pytest.mark.parametrize("who", ["owner", "editor", "admin"])
    def test_nobody_but_the_deployer_writes_what_runs(self, released: Tenancy, who: str) -> None:
        actor: Actor = getattr(released, who)
        for fresh in (
            deployment(released.namespace, "new"),
            service(released.namespace, "new"),
            pod(released.namespace),
        ):
            assert "releases only" in actor.create(fresh).denied_by("landlord-releases")
        for old in existing(released)[1:4]:
            actor.patch(old, {"metadata": {"labels": {"a": "b"}}}).denied_by("landlord-releases")
            actor.delete(old).denied_by("landlord-releases")
        actor.patch(deployment(released.namespace, "old"), {"spec": {"replicas": 1}}, "scale").denied_by(
            "landlord-releases"
        )
        debug = {"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox"}]}}
        actor.patch(pod(released.namespace, "old"), debug, "ephemeralcontainers").denied_by("landlord-releases")

    def test_the_deployer_writes_what_runs(self, released: Tenancy) -> None:
        for fresh in (deployment(released.namespace, "by-release"), service(released.namespace, "by-release")):
            released.deployer.create(fresh).allowed()
            released.deployer.patch(fresh, {"metadata": {"labels": {"a": "b"}}}).allowed()
            released.deployer.delete(fresh).allowed()

    def test_the_deployer_of_another_namespace_does_not(self, released: Tenancy) -> None:
        other = released.admin.impersonating(names.deployer_username("other"), "system:masters")
        other.create(deployment(released.namespace, "x")).denied_by("landlord-releases")
        impostor = released.admin.impersonating(
            f"system:serviceaccount:{released.namespace}:{released.namespace}", "system:masters"
        )
        impostor.create(deployment(released.namespace, "x")).denied_by("landlord-releases")

    @pytest.mark.parametrize("who", ["editor", "admin"])
    def test_values_secrets_and_data_come_by_other_ways(self, released: Tenancy, who: str) -> None:
        actor: Actor = getattr(released, who)
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": released.namespace}}
        for free in (config_map(released.namespace, "values"), secret):
            actor.create(free, dry_run=True).allowed()

    @pytest.mark.parametrize("name", CONTROLLERS)
    def test_controllers_of_kubernetes_go_on(self, released: Tenancy, name: str) -> None:
        controller = released.admin.impersonating(name, "system:masters")
        controller.create(pod(released.namespace, "by-controller"), dry_run=True).allowed()

    def test_pods_of_a_release_come_and_go(self, released: Tenancy) -> None:
        wanted = deployment(released.namespace, "runs")
        wanted["spec"]["replicas"] = 1
        released.deployer.create(wanted).allowed()
        pods = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "", "namespace": released.namespace}}

        def count() -> int:
            items = released.admin.get(pods).allowed()["items"]
            return sum(
                item["metadata"]["labels"].get("app") == "runs" for item in items if item["metadata"].get("labels")
            )

        wait_until(lambda: count() == 1, seconds=30, what="The pod of the release")
        released.deployer.delete(wanted).allowed()
        wait_until(lambda: count() == 0, seconds=60, what="The collection of the pod")

    def test_members_write_where_the_policy_says_members(self, tenancy: Tenancy) -> None:
        tenancy.editor.create(deployment(tenancy.namespace, "by-hand"), dry_run=True).allowed()
