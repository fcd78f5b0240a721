"""A release's objects in a real cluster: seen, compared with what Helm stored, corrected, and cleared away."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from landlord.api.failures import Refused
from landlord.api.refs import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS, REPLICA_SETS, RESOURCE_QUOTAS, STATEFUL_SETS
from landlord.core.release.drift import Drift, Ignore
from landlord.core.release.rendered import Entry
from landlord.reconcilers.release.inventory import worth_watching
from landlord.reconcilers.release.stuck import blocking, free, strays, sweep
from tests.admin import Admin
from tests.policies import Settle
from tests.polling import eventually
from tests.release_stage import NAME, Stage, release_stage

Object = dict[str, Any]
SCALED = {"scaled": True}


@pytest.fixture
async def stage(admin: Admin, settle: Settle, tmp_path: Path) -> AsyncIterator[Stage]:
    async with release_stage(admin, settle().namespace, tmp_path) as made:
        yield made


async def look(stage: Stage, *ignore: Ignore) -> tuple[Drift, ...]:
    """The drift found now; all objects must have been seen."""
    found = await stage.drifting.look(stage.ref, await stage.stored(), await stage.inventory(), ignore)
    assert found.unseen == {}
    return found.drifts


async def correct(stage: Stage, *ignore: Ignore) -> tuple[Drift, ...]:
    """Find drift and correct all of it."""
    release, inventory = await stage.stored(), await stage.inventory()
    drifts = (await stage.drifting.look(stage.ref, release, inventory, ignore)).drifts
    done = await stage.drifting.correct(stage.ref, release, inventory, drifts, ignore)
    assert [each.failure for each in done if each.failure] == []
    return drifts


def told(drifts: tuple[Drift, ...]) -> set[tuple[str, str, str]]:
    """Kind, pointer and manager of every change; an object that is gone has ``gone`` for both."""
    changes = {(each.entry.kind, one.pointer, one.manager) for each in drifts for one in each.changes}
    return changes | {(each.entry.kind, "gone", "gone") for each in drifts if each.is_gone}


async def test_discovery_knows_a_real_api_server(stage: Stage) -> None:
    assert await stage.discovery.resource("apps/v1", "Deployment") == DEPLOYMENTS
    assert await stage.discovery.resource("v1", "Namespace") == NAMESPACES
    assert await stage.discovery.resource("nothing.example/v1", "Thing") is None
    assert stage.discovery.is_namespaced("landlord.dev/v1alpha1", "Tenant") is False
    told = await stage.discovery.capabilities()
    assert told.kube_version.startswith("v1.")
    assert {"v1", "v1/Pod", "apps/v1/StatefulSet", "landlord.dev/v1alpha1/Tenant"} <= set(told.api_versions)
    assert not [each for each in told.api_versions if each.endswith("/status")]


async def test_live_objects_are_the_same_read_by_name_and_watched(stage: Stage) -> None:
    await stage.deploy()
    inventory = await stage.inventory()
    by_name = await stage.eyes.live(inventory)
    assert by_name.missing == ()
    kinds = worth_watching(inventory.resources)
    stage.scopes.hold(stage.ref, stage.namespace, kinds)
    await eventually(lambda: all(stage.scopes.objects(stage.namespace, kind) is not None for kind in kinds))
    await eventually(lambda: stage.scopes.objects(stage.namespace, PODS))
    assert stage.scopes.objects(stage.namespace, CONFIG_MAPS) is None
    stage.requests.clear()
    watched = await stage.eyes.live(inventory)
    assert watched.objects.keys() == by_name.objects.keys()
    assert stage.requests == {"GET": 1}
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


async def test_what_helm_deployed_is_no_drift_and_a_second_look_only_lists_metadata(stage: Stage) -> None:
    await stage.deploy(**SCALED)
    assert await look(stage) == ()
    release, inventory = await stage.stored(), await stage.inventory()
    await eventually(lambda: stage.kubectl("get", "deploy", "web", "-o=jsonpath={.status.readyReplicas}") == "1")
    stage.requests.clear()
    found = await stage.drifting.look(stage.ref, release, inventory)
    assert (found.drifts, found.compared) == ((), 0)
    assert stage.requests == {"LIST": 4}


async def test_a_hand_edited_image_is_named_put_back_and_the_next_upgrade_may_change_it(stage: Stage) -> None:
    await stage.deploy()
    stage.kubectl("set", "image", "deploy/web", "web=registry.example/app:evil")
    assert told(await look(stage)) == {("Deployment", "/spec/template/spec/containers/0/image", "kubectl-set")}
    await correct(stage)
    live = await stage.admin.get(stage.path("deployments", "web", "apps/v1"))
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/app:1"
    assert await look(stage) == ()
    assert (await stage.stored()).number == 1
    await stage.deploy(image="registry.example/app:2")
    live = await stage.admin.get(stage.path("deployments", "web", "apps/v1"))
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/app:2"


async def test_without_correction_the_next_upgrade_of_that_field_would_fail(stage: Stage) -> None:
    await stage.deploy()
    stage.kubectl("set", "image", "deploy/web", "web=registry.example/app:evil")
    code, said = await stage.try_deploy(image="registry.example/app:2")
    assert code != 0
    assert "conflict" in said


async def test_replicas_scaled_by_hand_are_put_back_and_may_then_be_changed(stage: Stage) -> None:
    await stage.deploy()
    stage.kubectl("scale", "deploy/web", "--replicas=3")
    assert told(await correct(stage)) == {("Deployment", "/spec/replicas", "kubectl")}
    live = await stage.admin.get(stage.path("deployments", "web", "apps/v1"))
    assert live["spec"]["replicas"] == 1
    await stage.deploy(replicas=2)
    assert await look(stage) == ()


async def test_a_removed_field_and_a_changed_key_are_put_back_and_may_then_be_dropped(stage: Stage) -> None:
    await stage.deploy()
    stage.kubectl("patch", "cm/settings", "--type=merge", '-p={"data":{"level":"debug","motd":null,"own":"kept"}}')
    stage.kubectl("set", "env", "deploy/web", "LEVEL-")
    found = await correct(stage)
    assert {kind for kind, _, _ in told(found)} == {"ConfigMap", "Deployment"}
    assert {pointer for kind, pointer, _ in told(found) if kind == "ConfigMap"} == {"/data/level", "/data/motd"}
    settings = await stage.admin.get(stage.path("configmaps", "settings"))
    assert settings["data"] == {"level": "info", "motd": "hello", "own": "kept"}
    await stage.deploy(env=False)
    live = await stage.admin.get(stage.path("deployments", "web", "apps/v1"))
    assert not live["spec"]["template"]["spec"]["containers"][0].get("env")


async def test_a_deleted_service_is_made_anew_as_the_releases_own(stage: Stage) -> None:
    await stage.deploy()
    stage.kubectl("delete", "service", "web")
    assert told(await correct(stage)) == {("Service", "gone", "gone")}
    live = await stage.admin.get(stage.path("services", "web"))
    assert live["metadata"]["annotations"]["meta.helm.sh/release-name"] == NAME
    assert await look(stage) == ()
    await stage.deploy(service=False)
    assert await stage.admin.find(stage.path("services", "web")) is None


async def test_removed_marks_of_helm_are_put_back(stage: Stage) -> None:
    await stage.deploy()
    stage.kubectl("annotate", "cm/settings", "meta.helm.sh/release-name-")
    stage.kubectl("label", "cm/settings", "app.kubernetes.io/managed-by-")
    await correct(stage)
    live = await stage.admin.get(stage.path("configmaps", "settings"))
    assert live["metadata"]["annotations"]["meta.helm.sh/release-name"] == NAME
    await stage.deploy(level="debug")


async def test_what_others_add_is_no_drift(stage: Stage) -> None:
    await stage.deploy()
    stage.kubectl("label", "deploy/web", "team=shop")
    stage.kubectl("annotate", "service/web", "note=hello")
    stage.kubectl("set", "env", "deploy/web", "MORE=1")
    assert await look(stage) == ()


async def test_what_an_autoscaler_owns_is_no_drift_and_survives_corrections(stage: Stage) -> None:
    await stage.deploy(**SCALED)
    stage.kubectl("scale", "deploy/scaled", "--replicas=4")
    assert await look(stage) == ()
    stage.kubectl("set", "image", "deploy/scaled", "web=registry.example/app:evil")
    found = await correct(stage)
    assert {pointer for _, pointer, _ in told(found)} == {"/spec/template/spec/containers/0/image"}
    live = await stage.admin.get(stage.path("deployments", "scaled", "apps/v1"))
    assert live["spec"]["replicas"] == 4
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/app:1"


async def test_ignored_fields_are_left_to_others(stage: Stage) -> None:
    await stage.deploy()
    ignore = Ignore(("/data/level",), kind="ConfigMap")
    stage.kubectl("patch", "cm/settings", "--type=merge", '-p={"data":{"level":"debug"}}')
    assert await look(stage, ignore) == ()
    stage.kubectl("patch", "cm/settings", "--type=merge", '-p={"data":{"motd":"evil"}}')
    assert {pointer for _, pointer, _ in told(await correct(stage, ignore))} == {"/data/motd"}
    live = await stage.admin.get(stage.path("configmaps", "settings"))
    assert live["data"] == {"level": "debug", "motd": "hello"}


async def test_an_apply_by_somebody_else_in_helms_name_is_seen(stage: Stage) -> None:
    await stage.deploy()
    assert await look(stage) == ()
    path = stage.path("configmaps", "settings")
    live = await stage.admin.get(path)
    meta = {key: live["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    forged = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {**live["data"], "level": "evil"}}

    async def seen() -> bool:
        # The time of an entry counts in seconds, so an apply within Helm's own second shows none.
        forged["data"]["level"] += "l"
        await stage.admin.apply(path, forged, manager="helm")
        return {pointer for _, pointer, _ in told(await look(stage))} == {"/data/level"}

    await eventually(seen)


async def test_a_release_applied_on_the_client_side_is_looked_at_and_not_corrected(stage: Stage) -> None:
    await stage.deploy("--server-side=false")
    assert await look(stage) == ()
    stage.kubectl("patch", "cm/settings", "--type=merge", '-p={"data":{"level":"debug"}}')
    drifts = await look(stage)
    assert {pointer for _, pointer, _ in told(drifts)} == {"/data/level"}
    with pytest.raises(Refused, match="client side"):
        await stage.drifting.correct(stage.ref, await stage.stored(), await stage.inventory(), drifts)


async def test_an_object_that_another_release_took_over_is_left_alone(stage: Stage) -> None:
    await stage.deploy()
    stage.kubectl("annotate", "--overwrite", "cm/settings", "meta.helm.sh/release-name=other")
    found = await stage.drifting.look(stage.ref, await stage.stored(), await stage.inventory())
    assert found.drifts == ()
    assert list(found.unseen.values()) == [f"settings belongs to Helm release {stage.namespace}/other now."]


async def test_what_a_failed_upgrade_created_is_swept_and_nothing_else(stage: Stage) -> None:
    await stage.deploy()
    code, _ = await stage.try_deploy(extra=["stray", "kept-stray", "foreign"], broken=True)
    assert code != 0
    stage.kubectl("annotate", "--overwrite", "cm/foreign", "meta.helm.sh/release-name=other")
    failed, kept = await stage.inventory(2), await stage.inventory(1)
    await stage.deploy(level="debug")
    assert await stage.admin.find(stage.path("configmaps", "stray")) is not None
    left = strays([failed], [kept, await stage.inventory()])
    assert left is not None
    done = await sweep(stage.cluster, stage.eyes, NAME, left)
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
