"""A release's objects in a real cluster: seen by name and by watch, and cleared away."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from landlord.api.refs import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS, REPLICA_SETS, RESOURCE_QUOTAS, STATEFUL_SETS
from landlord.api.releases import RevisionMeta
from landlord.core.release.rendered import Entry
from landlord.reconcilers.release.inventory import worth_watching
from landlord.reconcilers.release.stuck import blocking, free, tidy
from tests.admin import Admin
from tests.policies import Settle
from tests.polling import eventually
from tests.release_stage import NAME, Stage, release_stage
from tests.tenancy import deployment

Object = dict[str, Any]


@pytest.fixture
async def stage(admin: Admin, settle: Settle, tmp_path: Path) -> AsyncIterator[Stage]:
    async with release_stage(admin, settle().namespace, tmp_path) as made:
        yield made


async def test_discovery_knows_a_real_api_server(stage: Stage) -> None:
    assert await stage.discovery.resource("apps/v1", "Deployment") == DEPLOYMENTS
    assert await stage.discovery.resource("v1", "Namespace") == NAMESPACES
    assert await stage.discovery.resource("nothing.example/v1", "Thing") is None
    assert stage.discovery.is_namespaced("landlord.dev/v1alpha1", "Tenant") is False
    told = await stage.discovery.capabilities()
    assert told.kube_version.startswith("v1.")
    assert {"v1", "v1/Pod", "apps/v1/StatefulSet", "landlord.dev/v1alpha1/Tenant"} <= set(told.api_versions)
    assert not [each for each in told.api_versions if each.endswith("/status")]


async def test_a_kind_that_is_defined_later_is_found(stage: Stage) -> None:
    group = f"{stage.namespace}.example"
    assert await stage.discovery.resource(f"{group}/v1", "Widget") is None
    schema = {"openAPIV3Schema": {"type": "object"}}
    spec = {
        "group": group,
        "names": {"plural": "widgets", "kind": "Widget"},
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    path, name = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", f"widgets.{group}"
    await stage.admin.create(path, {"metadata": {"name": name}, "spec": spec})
    try:
        found = await eventually(lambda: stage.discovery.resource(f"{group}/v1", "Widget"))
        assert found.namespaced
        assert (found.plural, found.group) == ("widgets", group)
    finally:
        await stage.admin.delete(f"{path}/{name}")


async def test_writes_say_what_they_are_warned_of_and_a_dry_run_deletes_nothing(stage: Stage) -> None:
    wanted = deployment(stage.namespace, "noisy")
    wanted["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"memory": "1500m"}}
    heard: list[str] = []
    await stage.cluster.apply(DEPLOYMENTS, wanted, manager="somebody", warnings=heard, dry_run=True)
    assert [text for text in heard if "fractional byte value" in text]
    stored = await stage.cluster.apply(DEPLOYMENTS, deployment(stage.namespace, "calm"), manager="somebody")
    assert stored["metadata"]["managedFields"][0]["manager"] == "somebody"
    uid = stored["metadata"]["uid"]
    assert await stage.cluster.delete(DEPLOYMENTS, "calm", stage.namespace, uid=uid, dry_run=True)
    assert await stage.cluster.get(DEPLOYMENTS, "calm", stage.namespace) is not None
    assert await stage.cluster.delete(DEPLOYMENTS, "calm", stage.namespace, uid=uid, propagation="Orphan")


async def test_live_objects_are_the_same_read_by_name_and_watched(stage: Stage) -> None:
    await stage.deploy()
    inventory = await stage.inventory()
    by_name = await stage.eyes.live(inventory, fresh=True)
    assert by_name.missing == ()
    kinds = worth_watching(inventory.resources)
    stage.scopes.hold(stage.ref, stage.namespace, kinds)
    await eventually(lambda: all(stage.scopes.objects(stage.namespace, kind) is not None for kind in kinds))
    await eventually(lambda: stage.scopes.objects(stage.namespace, PODS))
    assert stage.scopes.objects(stage.namespace, CONFIG_MAPS) is None
    stage.requests.clear()
    watched = await stage.eyes.live(inventory)
    assert watched.objects.keys() == by_name.objects.keys()
    assert stage.requests == {}
    owned = await stage.eyes.owned(watched, stage.namespace)
    assert [pod["metadata"]["labels"]["app"] for pod in owned.pods] == ["web"]
    assert len(owned.replica_sets) == 1


async def test_a_change_of_a_watched_object_is_told_and_one_that_is_gone_is_missing(stage: Stage) -> None:
    await stage.deploy()
    inventory = await stage.inventory()
    stage.scopes.hold(stage.ref, stage.namespace, (*inventory.resources, PODS, REPLICA_SETS))
    await eventually(lambda: stage.scopes.objects(stage.namespace, CONFIG_MAPS) is not None)
    stage.told.clear()
    stage.kubectl("delete", "configmap", "settings")
    await eventually(lambda: stage.told)
    gone = Entry("v1", "ConfigMap", stage.namespace, "settings")

    async def is_missing() -> bool:
        return (await stage.eyes.live(inventory)).missing == (gone,)

    await eventually(is_missing)
    assert (await stage.eyes.live(inventory, fresh=True)).missing == (gone,)
    assert (await stage.eyes.heads(inventory)).missing == (gone,)


async def test_what_the_deployer_may_not_list_says_so(stage: Stage) -> None:
    stage.scopes.hold(stage.ref, stage.namespace, [RESOURCE_QUOTAS])
    await eventually(lambda: "forbidden" in (stage.scopes.problem(stage.namespace, RESOURCE_QUOTAS) or ""))
    assert stage.scopes.objects(stage.namespace, RESOURCE_QUOTAS) is None


async def test_warnings_are_those_about_objects_of_the_release(stage: Stage) -> None:
    await stage.deploy()
    live = await stage.eyes.live(await stage.inventory())
    for name, kind, uid in (("mine", "Warning", None), ("calm", "Normal", None), ("foreign", "Warning", "other")):
        (about,) = [obj["metadata"] for entry, obj in live.objects.items() if entry.kind == "Deployment"]
        regarding = {"kind": "Deployment", "name": "web", "namespace": stage.namespace, "uid": uid or about["uid"]}
        event = {"metadata": {"name": name}, "regarding": regarding, "type": kind, "reason": "Test", "action": "Test"}
        event |= {
            "eventTime": "2026-01-01T00:00:00.000000Z",
            "reportingController": "test",
            "reportingInstance": "test",
        }
        await stage.admin.create(f"/apis/events.k8s.io/v1/namespaces/{stage.namespace}/events", event)
    found = await stage.eyes.warnings(stage.namespace, list(live.objects.values()))
    assert "mine" in [event["metadata"]["name"] for event in found]
    assert not {"calm", "foreign"} & {event["metadata"]["name"] for event in found}


async def test_what_a_failed_upgrade_created_is_swept_and_nothing_else(stage: Stage) -> None:
    await stage.deploy()
    code, _ = await stage.try_deploy(extra=["stray", "kept-stray", "foreign"], broken=True)
    assert code != 0
    stage.kubectl("annotate", "--overwrite", "cm/foreign", "meta.helm.sh/release-name=other")
    await stage.deploy(level="debug")
    assert await stage.admin.find(stage.path("configmaps", "stray")) is not None
    history = [RevisionMeta(number, (await stage.stored(number)).status) for number in (1, 2, 3)]
    done = await tidy(stage.cluster, stage.eyes, NAME, history, 3, stage.inventory)
    assert {entry.name: failure for entry, failure in done.items()} == {"stray": None}
    there = {each["metadata"]["name"] for each in await stage.admin.list(stage.path("configmaps", "").rstrip("/"))}
    assert there == {"settings", "kept-stray", "foreign", "kube-root-ca.crt"}


async def test_a_stateful_set_that_waits_for_a_rejected_pod_is_freed(stage: Stage) -> None:
    await stage.deploy(ordered="registry.example/app:1")
    path = stage.path("statefulsets", "ordered", "apps/v1")

    async def is_ready() -> bool:
        status = (await stage.admin.get(path))["status"]
        return status.get("readyReplicas") == 2 and status["currentRevision"] == status["updateRevision"]

    async def is_stuck() -> bool:
        live = await stage.eyes.owned(await stage.eyes.live(await stage.inventory()), stage.namespace)
        images = {pod["spec"]["containers"][0]["image"] for pod in live.pods if "ordered" in pod["metadata"]["name"]}
        return images == {"registry.example/app:1", "registry.example/app:never-ready"}

    await eventually(is_ready)
    await stage.deploy(ordered="registry.example/app:never-ready")
    await eventually(is_stuck)
    code, said = await stage.helm("rollback", NAME, "1")
    assert code == 0, said

    async def chosen() -> tuple[Object, ...]:
        sets = await stage.eyes.every(stage.namespace, STATEFUL_SETS)
        return blocking(sets, await stage.eyes.every(stage.namespace, PODS))

    (pod,) = await eventually(chosen)
    assert pod["metadata"]["name"] == "ordered-1"
    assert await free(stage.cluster, stage.namespace, [pod]) == ("ordered-1",)
    await eventually(is_ready)
    assert await free(stage.cluster, stage.namespace, [pod]) == ()
    assert await chosen() == ()
