"""Drift of a release in a real cluster: found, told, corrected in Helm's name, and taken up by the next upgrade."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from landlord.api.failures import Refused
from landlord.core.release.drift import Drift, Ignore
from tests.admin import Admin
from tests.policies import Settle
from tests.polling import eventually
from tests.release_stage import NAME, Stage, release_stage
from tests.tenancy import deployment

Object = dict[str, Any]
SCALED = {"scaled": True}
MANY_KINDS = Path(__file__).with_name("many_kinds.yaml")
IMAGE = "/spec/template/spec/containers/0/image"
POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"


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


@asynccontextmanager
async def mutated(stage: Stage, expression: str) -> AsyncIterator[None]:
    """While it lasts, admission changes Deployments of the namespace, whoever writes them."""
    if await stage.admin.find(POLICIES) is None:
        pytest.skip("needs MutatingAdmissionPolicy, which this API server does not serve")
    name, bindings = stage.namespace, POLICIES.replace("policies", "policybindings")
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
    spec = {
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
            "resourceRules": [{**rule, "resources": ["deployments"]}],
        },
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        "reinvocationPolicy": "Never",
    }
    await stage.admin.create(POLICIES, {"metadata": {"name": name}, "spec": spec})
    await stage.admin.create(bindings, {"metadata": {"name": name}, "spec": {"policyName": name}})
    try:
        probe = deployment(name, "probe")
        collection = stage.path("deployments", "", "apps/v1").rstrip("/")

        async def acts() -> bool:
            return (await stage.admin.create(collection, probe, dryRun="All"))["spec"]["replicas"] != 0

        await eventually(acts)
        yield
    finally:
        await stage.admin.delete(f"{bindings}/{name}")
        await stage.admin.delete(f"{POLICIES}/{name}")


async def test_what_helm_deployed_is_no_drift_and_a_second_look_only_lists_metadata(stage: Stage) -> None:
    await stage.deploy(**SCALED)
    assert await look(stage) == ()
    release, inventory = await stage.stored(), await stage.inventory()
    await eventually(lambda: stage.kubectl("get", "deploy", "web", "-o=jsonpath={.status.readyReplicas}") == "1")
    stage.requests.clear()
    found = await stage.drifting.look(stage.ref, release, inventory)
    assert (found.drifts, found.compared) == ((), 0)
    assert stage.requests == {"LIST": 4}


async def test_common_kinds_in_untidy_writing_are_no_drift(stage: Stage) -> None:
    (stage.chart / "templates" / "many.yaml").write_text(MANY_KINDS.read_text())
    await stage.deploy()
    found = await stage.drifting.look(stage.ref, await stage.stored(), await stage.inventory())
    assert told(found.drifts) == set()
    assert found.unseen == {}
    assert found.compared == 20
    stage.drifting.forget(stage.ref)
    stage.kubectl("patch", "secret/many", "--type=merge", '-p={"data":{"user":"ZXZpbA=="}}')
    stage.kubectl("patch", "service/many", "--type=json", '-p=[{"op":"remove","path":"/spec/ports/0"}]')
    assert {(kind, pointer) for kind, pointer, _ in told(await correct(stage))} == {
        ("Secret", "/data/user"),
        ("Service", "/spec/ports/0"),
    }
    assert await look(stage) == ()
    await stage.deploy(level="debug")


async def test_a_hand_edited_image_is_named_put_back_and_the_next_upgrade_may_change_it(stage: Stage) -> None:
    await stage.deploy()
    stage.kubectl("set", "image", "deploy/web", "web=registry.example/app:evil")
    assert told(await look(stage)) == {("Deployment", IMAGE, "kubectl-set")}
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
    assert {pointer for _, pointer, _ in told(found)} == {IMAGE}
    live = await stage.admin.get(stage.path("deployments", "scaled", "apps/v1"))
    assert live["spec"]["replicas"] == 4
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/app:1"


async def test_replicas_are_the_charts_again_when_their_autoscaler_is_gone(stage: Stage) -> None:
    await stage.deploy()
    stage.kubectl("autoscale", "deploy/web", "--min=1", "--max=5")
    stage.kubectl("scale", "deploy/web", "--replicas=4")
    assert await look(stage) == ()
    stage.kubectl("delete", "hpa/web")
    assert {pointer for _, pointer, _ in told(await correct(stage))} == {"/spec/replicas"}
    live = await stage.admin.get(stage.path("deployments", "web", "apps/v1"))
    assert live["spec"]["replicas"] == 1
    assert await look(stage) == ()


async def test_what_admission_changes_is_no_drift_and_stays_through_corrections(stage: Stage) -> None:
    async with mutated(stage, "Object{spec: Object.spec{replicas: 2, minReadySeconds: 3}}"):
        await stage.deploy()
        path = stage.path("deployments", "web", "apps/v1")
        assert (await stage.admin.get(path))["spec"]["replicas"] == 2
        assert await look(stage) == ()
        stage.kubectl("set", "image", "deploy/web", "web=registry.example/app:evil")
        assert {pointer for _, pointer, _ in told(await correct(stage))} == {IMAGE}
        live = await stage.admin.get(path)
        assert (live["spec"]["replicas"], live["spec"]["minReadySeconds"]) == (2, 3)
        assert await look(stage) == ()


async def test_admission_that_came_after_the_deploy_makes_no_drift(stage: Stage) -> None:
    await stage.deploy()
    async with mutated(stage, "Object{spec: Object.spec{replicas: 2, minReadySeconds: 3}}"):
        assert await look(stage) == ()
        stage.kubectl("annotate", "deploy/web", "note=hello")
        stage.kubectl("set", "image", "deploy/web", "web=registry.example/app:evil")
        assert {pointer for _, pointer, _ in told(await look(stage))} == {IMAGE}


async def test_ignored_fields_are_left_to_others(stage: Stage) -> None:
    await stage.deploy()
    ignore = Ignore(("/data/level",), kind="ConfigMap")
    stage.kubectl("patch", "cm/settings", "--type=merge", '-p={"data":{"level":"debug"}}')
    assert await look(stage, ignore) == ()
    stage.kubectl("patch", "cm/settings", "--type=merge", '-p={"data":{"motd":"evil"}}')
    assert {pointer for _, pointer, _ in told(await correct(stage, ignore))} == {"/data/motd"}
    live = await stage.admin.get(stage.path("configmaps", "settings"))
    assert live["data"] == {"level": "debug", "motd": "hello"}


async def test_what_others_added_within_what_is_ignored_is_not_taken_from_them(stage: Stage) -> None:
    await stage.deploy()
    ignore = Ignore(("/data",), kind="ConfigMap")
    stage.kubectl("patch", "cm/settings", "--type=merge", '-p={"data":{"level":"debug","own":"kept"}}')
    stage.kubectl("label", "cm/settings", "app.kubernetes.io/managed-by-")
    assert {pointer.rpartition("/")[2] for _, pointer, _ in told(await correct(stage, ignore))} == {
        "app.kubernetes.io~1managed-by"
    }
    path = stage.path("configmaps", "settings")
    assert (await stage.admin.get(path))["data"] == {"level": "debug", "motd": "hello", "own": "kept"}
    await stage.deploy("--force-conflicts", level="warn")
    assert (await stage.admin.get(path))["data"] == {"level": "warn", "motd": "hello", "own": "kept"}


async def test_an_ignored_item_of_a_list_is_the_one_of_the_same_name(stage: Stage) -> None:
    await stage.deploy()
    ignore = Ignore((IMAGE,))
    side = '{"name":"side","image":"registry.example/side:1"}'
    stage.kubectl("set", "image", "deploy/web", "web=registry.example/app:hotfix")
    stage.kubectl(
        "patch",
        "deploy/web",
        "--type=json",
        f'-p=[{{"op":"add","path":"/spec/template/spec/containers/0","value":{side}}}]',
    )
    assert await look(stage, ignore) == ()
    stage.kubectl("scale", "deploy/web", "--replicas=3")
    assert {pointer for _, pointer, _ in told(await correct(stage, ignore))} == {"/spec/replicas"}
    live = await stage.admin.get(stage.path("deployments", "web", "apps/v1"))
    images = {each["name"]: each["image"] for each in live["spec"]["template"]["spec"]["containers"]}
    assert images == {"side": "registry.example/side:1", "web": "registry.example/app:hotfix"}
    await stage.deploy("--force-conflicts", image="registry.example/app:2")


@pytest.mark.parametrize("pointer", ["/data/password", "/stringData/password"])
async def test_an_ignored_key_of_a_secret_is_left_however_it_is_written(stage: Stage, pointer: str) -> None:
    (stage.chart / "templates" / "keys.yaml").write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: first, user: app}\n"
    )
    await stage.deploy()
    ignore = Ignore((pointer,), kind="Secret")
    stage.kubectl("patch", "secret/keys", "--type=merge", '-p={"stringData":{"password":"rotated"}}')
    assert await look(stage, ignore) == ()
    stage.kubectl("patch", "secret/keys", "--type=merge", '-p={"stringData":{"user":"evil"}}')
    assert {place for _, place, _ in told(await correct(stage, ignore))} == {"/data/user"}
    live = await stage.admin.get(stage.path("secrets", "keys"))
    assert live["data"] == {"password": "cm90YXRlZA==", "user": "YXBw"}


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
