"""Images and priority classes: what a tenant may run, wherever the image hides and however its name is written."""

from collections.abc import Callable

import pytest

from tests.actors import Object
from tests.policies import Settle
from tests.tenancy import Tenancy, deployment, pod

pytestmark = pytest.mark.cluster

POLICY = "landlord-workloads"
REGISTRIES = "registry.example/team, docker.io/library,docker.io/bitnami/redis,localhost:5000"


@pytest.fixture(scope="module")
def limited(settle: Settle) -> Tenancy:
    """A tenancy whose registries and priority classes are restricted."""
    return settle(
        annotations={
            "landlord.dev/policy.registries": REGISTRIES,
            "landlord.dev/policy.priority-classes": "calm,urgent",
        }
    )


@pytest.mark.parametrize(
    "image",
    [
        "registry.example/team/app",
        "registry.example/team/app:1.2",
        "registry.example/team:1",
        "registry.example/team/deep/app@sha256:" + "a" * 64,
        "registry.example/team/app:1@sha256:" + "a" * 64,
        "nginx",
        "nginx:1.27",
        "library/nginx",
        "docker.io/nginx",
        "index.docker.io/library/nginx",
        "bitnami/redis:7",
        "docker.io/bitnami/redis/sub",
        "localhost:5000/app:dev",
    ],
)
def test_images_below_an_allowed_prefix_run(limited: Tenancy, image: str) -> None:
    limited.editor.create(pod(limited.namespace, image=image), dry_run=True).allowed()


@pytest.mark.parametrize(
    "image",
    [
        "registry.example/teamwork/app",
        "registry.example/other/app",
        "registry.example.evil/team/app",
        "registry.example:8443/team/app",
        "evil.example/registry.example/team/app",
        "REGISTRY.EXAMPLE/team/app",
        "registry.example/team@evil.example/app",
        "registry.example/team/app@evil.example/app",
        "registry.example/team/app@sha256:xyz",
        "bitnami/postgres",
        "docker.io/bitnami/redis-cluster",
        "someone/nginx",
        "index.docker.io/someone/nginx",
        "localhost/app",
        "localhost:5001/app",
        "ghcr.io/registry.example/team/app",
    ],
)
def test_images_from_elsewhere_do_not(limited: Tenancy, image: str) -> None:
    words = limited.editor.create(pod(limited.namespace, image=image), dry_run=True).denied_by(POLICY)
    assert image in words
    assert "registry.example/team, docker.io/library" in words


EVIL = "evil.example/app"
HIDEOUTS: dict[str, Callable[[str], Object]] = {
    "init container": lambda where: pod(where, initContainers=[{"name": "init", "image": EVIL}]),
    "second container": lambda where: pod(
        where, containers=[{"name": "a", "image": "nginx"}, {"name": "b", "image": EVIL}]
    ),
    "image volume": lambda where: pod(where, volumes=[{"name": "v", "image": {"reference": EVIL}}]),
    "deployment": lambda where: deployment(where, image=EVIL),
    "init container of a deployment": lambda where: deployment(where, initContainers=[{"name": "i", "image": EVIL}]),
}


@pytest.mark.parametrize("hidden", HIDEOUTS.values(), ids=HIDEOUTS.keys())
@pytest.mark.parametrize("who", ["owner", "editor", "deployer", "admin"])
def test_no_place_of_a_pod_hides_an_image(limited: Tenancy, hidden: Callable[[str], Object], who: str) -> None:
    getattr(limited, who).create(hidden(limited.namespace), dry_run=True).denied_by(POLICY)


def templated(kind: str, where: str, image: str) -> Object:
    """A workload of the kind with one container of the image."""
    base = deployment(where, image=image)
    template, selector = base["spec"]["template"], base["spec"]["selector"]
    once = {"metadata": template["metadata"], "spec": {**template["spec"], "restartPolicy": "Never"}}
    group, spec = {
        "StatefulSet": ("apps/v1", {"serviceName": "x", "selector": selector, "template": template, "replicas": 0}),
        "DaemonSet": ("apps/v1", {"selector": selector, "template": template}),
        "ReplicaSet": ("apps/v1", {"selector": selector, "template": template, "replicas": 0}),
        "ReplicationController": ("v1", {"selector": {"app": "app"}, "template": template, "replicas": 0}),
        "Job": ("batch/v1", {"template": once, "suspend": True}),
        "CronJob": (
            "batch/v1",
            {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": once}}},
        ),
    }[kind]
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "app", "namespace": where}, "spec": spec}


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"])
def test_every_kind_that_makes_pods_is_read(limited: Tenancy, kind: str) -> None:
    limited.editor.create(templated(kind, limited.namespace, EVIL), dry_run=True).denied_by(POLICY)
    limited.editor.create(templated(kind, limited.namespace, "nginx"), dry_run=True).allowed()


def test_a_debug_container_of_a_foreign_image_is_refused(limited: Tenancy) -> None:
    running = pod(limited.namespace, "debugged", image="nginx")
    limited.editor.create(running).allowed()
    for image, allowed in ((EVIL, False), ("docker.io/library/busybox", True)):
        debug = {"name": "debug", "image": image, "targetContainerName": "app"}
        answer = limited.editor.patch(running, {"spec": {"ephemeralContainers": [debug]}}, "ephemeralcontainers")
        assert answer.ok == allowed, answer.message
        if not allowed:
            answer.denied_by(POLICY)


def test_an_image_is_not_changed_to_a_foreign_one(limited: Tenancy) -> None:
    running = pod(limited.namespace, "changed", image="nginx")
    limited.editor.create(running).allowed()
    containers = limited.editor.get(running).allowed()["spec"]["containers"]
    containers[0]["image"] = EVIL
    limited.editor.patch(running, {"spec": {"containers": containers}}).denied_by(POLICY)
    containers[0]["image"] = "nginx:2"
    limited.editor.patch(running, {"spec": {"containers": containers}}).allowed()


def test_a_list_that_was_tightened_lets_old_workloads_be_tidied_and_removed(settle: Settle) -> None:
    tenancy = settle()
    old = deployment(tenancy.namespace, image=EVIL)
    tenancy.editor.create(old).allowed()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenancy.namespace}}
    tightened = {"metadata": {"annotations": {"landlord.dev/policy.registries": "registry.example"}}}
    tenancy.operator.patch(namespace, tightened).allowed()
    tenancy.editor.patch(old, {"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 0}}).allowed()
    tenancy.editor.create(pod(tenancy.namespace, image=EVIL), dry_run=True).denied_by(POLICY)
    other = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "evil.example/other"}]}}}}
    tenancy.editor.patch(old, other).denied_by(POLICY)
    tenancy.editor.delete(old).allowed()


def test_an_empty_list_allows_nothing(settle: Settle) -> None:
    tenancy = settle(annotations={"landlord.dev/policy.registries": ""})
    words = tenancy.editor.create(pod(tenancy.namespace, image="nginx"), dry_run=True).denied_by(POLICY)
    assert "below none" in words


def test_without_a_list_every_image_runs(tenancy: Tenancy) -> None:
    tenancy.editor.create(pod(tenancy.namespace, image=EVIL), dry_run=True).allowed()


@pytest.mark.parametrize("name", ["other", "system-cluster-critical"])
def test_a_priority_class_that_is_not_listed_is_refused(limited: Tenancy, name: str) -> None:
    wanted = deployment(limited.namespace, image="nginx", priorityClassName=name)
    assert "calm, urgent" in limited.editor.create(wanted, dry_run=True).denied_by(POLICY)


@pytest.mark.parametrize("name", ["calm", "urgent", ""])
def test_a_listed_priority_class_or_none_is_fine(limited: Tenancy, name: str) -> None:
    wanted = deployment(limited.namespace, image="nginx", priorityClassName=name)
    limited.editor.create(wanted, dry_run=True).allowed()


def test_classes_of_the_system_need_to_be_listed_even_without_a_list(tenancy: Tenancy, settle: Settle) -> None:
    critical = deployment(tenancy.namespace, priorityClassName="system-node-critical")
    tenancy.editor.create(critical, dry_run=True).denied_by(POLICY)
    tenancy.editor.create(pod(tenancy.namespace, priorityClassName="system-node-critical"), dry_run=True).denied_by(
        POLICY
    )
    tenancy.editor.create(deployment(tenancy.namespace, priorityClassName="any"), dry_run=True).allowed()
    platform = settle(annotations={"landlord.dev/policy.priority-classes": "system-node-critical"})
    critical["metadata"]["namespace"] = platform.namespace
    platform.editor.create(critical, dry_run=True).allowed()


def test_break_glass_runs_any_image(limited: Tenancy) -> None:
    limited.break_glass.create(pod(limited.namespace, image=EVIL), dry_run=True).allowed()


def test_pods_made_by_controllers_are_checked_too(limited: Tenancy) -> None:
    controller = limited.admin.impersonating("system:serviceaccount:kube-system:replicaset-controller")
    controller.create(pod(limited.namespace, image=EVIL), dry_run=True).denied_by(POLICY)
    controller.create(pod(limited.namespace, image="nginx"), dry_run=True).allowed()


def test_a_pod_of_many_containers_and_a_long_list_stays_within_the_cost_of_an_expression(settle: Settle) -> None:
    prefixes = [f"registry{number}.example/" + "/".join(["team"] * 20) for number in range(32)]
    tenancy = settle(annotations={"landlord.dev/policy.registries": ",".join(prefixes)})
    containers = [{"name": f"c{n}", "image": f"{prefixes[-1]}/app{n}:{'1' * 100}"} for n in range(60)]
    tenancy.editor.create(pod(tenancy.namespace, containers=containers), dry_run=True).allowed()
    containers[-1]["image"] = EVIL
    tenancy.editor.create(pod(tenancy.namespace, containers=containers), dry_run=True).denied_by(POLICY)
