"""Writing one object: what is left of others, what is removed, what is as good as it gets."""

from typing import Any, cast

import pytest

from landlord.api.failures import Conflict, Invalid, LandlordFailure, Missing, Refused, Transient
from landlord.api.refs import RESOURCE_QUOTAS, ROLE_BINDINGS, Ref
from landlord.clients.cluster import Cluster
from landlord.core.child import Child, observe
from landlord.core.manifest import Desired, desired
from landlord.reconcilers.world import World
from landlord.reconcilers.writer import Writer
from tests.unit.reconcilers.memory_cluster import MemoryCluster

LABELS = {"landlord.dev/tenant": "shop"}
QUOTA = Ref("ResourceQuota", "shop-dev", "landlord")


def quota(**hard: str) -> Desired:
    return desired(RESOURCE_QUOTAS, "landlord", "shop-dev", labels=LABELS, spec={"hard": hard})


def binding(role: str = "landlord-owner") -> Desired:
    role_ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    return desired(ROLE_BINDINGS, "b", "shop-dev", labels=LABELS, roleRef=role_ref, subjects=[])


def writer() -> tuple[Writer, MemoryCluster]:
    cluster = MemoryCluster()
    cluster.store("Namespace", {"metadata": {"name": "shop-dev"}})
    return Writer(cast("Cluster", cluster), World()), cluster


def seen(one: Writer, cluster: MemoryCluster, ref: Ref = QUOTA) -> Child:
    child = observe(ref.kind, cluster.objects[ref])
    one.world.upsert(child)
    return child


async def test_what_was_written_is_in_sync_at_once() -> None:
    one, cluster = writer()
    assert not one.in_sync(quota(pods="1"))
    await one.apply(quota(pods="1"))
    assert one.in_sync(quota(pods="1"))
    assert not one.in_sync(quota(pods="2"))
    assert len(cluster.writes) == 1


async def test_keys_that_others_added_to_what_is_ours_are_removed_and_their_labels_stay() -> None:
    one, cluster = writer()
    await one.apply(quota(pods="1"))
    live = cluster.objects[QUOTA]
    labels = {**LABELS, "team": "x", "landlord.dev/environment": "forged"}
    cluster.store(
        "ResourceQuota",
        {**live, "spec": {"hard": {"pods": "1", "secrets": "1"}}, "metadata": {**live["metadata"], "labels": labels}},
    )
    await one.apply(quota(pods="1"))
    assert cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "1"}
    assert cluster.objects[QUOTA]["metadata"]["labels"] == {**LABELS, "team": "x"}
    assert one.in_sync(quota(pods="1"))


async def test_a_form_that_the_server_changes_each_time_is_accepted_until_it_or_the_wish_changes() -> None:
    one, cluster = writer()
    store = cluster.store

    def mutating(kind: str, manifest: Any) -> Any:
        return store(kind, {**manifest, "spec": {"hard": {**manifest["spec"]["hard"], "pods": "7"}}})

    cluster.store = mutating  # type: ignore[method-assign]
    await one.apply(quota(pods="1"))
    assert one.in_sync(quota(pods="1"))
    assert not one.in_sync(quota(pods="2"))
    cluster.store = store  # type: ignore[method-assign]
    live = cluster.objects[QUOTA]
    cluster.store("ResourceQuota", {**live, "spec": {"hard": {"pods": "8"}}})
    seen(one, cluster)
    assert not one.in_sync(quota(pods="1"))


async def test_fields_of_others_are_accepted_only_as_long_as_they_are_left_to_them() -> None:
    one, cluster = writer()
    await one.apply(quota(pods="1"))
    live = cluster.objects[QUOTA]
    cluster.store("ResourceQuota", {**live, "spec": {"hard": {"pods": "5"}}})
    seen(one, cluster)
    pods = ("/spec/hard/pods",)
    await one.apply(quota(pods="1", secrets="1"), pointers=pods)
    assert cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "5", "secrets": "1"}
    assert one.in_sync(quota(pods="1", secrets="1"), pods)
    assert not one.in_sync(quota(pods="1", secrets="1"))


async def test_an_object_that_is_being_deleted_is_waited_for() -> None:
    one, cluster = writer()
    await one.apply(quota(pods="1"))
    live = cluster.objects[QUOTA]
    meta = {**live["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x/y"]}
    cluster.store("ResourceQuota", {**live, "metadata": meta})
    seen(one, cluster)
    assert not one.in_sync(quota(pods="1"))
    with pytest.raises(Transient, match="is being deleted"):
        await one.apply(quota(pods="2"))


async def test_another_object_of_the_same_name_is_not_written() -> None:
    one, cluster = writer()
    await one.apply(quota(pods="1"))
    with pytest.raises(Conflict):
        await one.apply(quota(pods="2"), uid="another")
    assert cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "1"}


async def test_only_the_very_object_is_deleted_and_then_it_is_known_to_be_gone() -> None:
    one, cluster = writer()
    child = await one.apply(quota(pods="1"))
    cluster.destroy(QUOTA)
    cluster.store("ResourceQuota", quota(pods="9").manifest)
    with pytest.raises(Conflict):
        await one.delete(child)
    assert QUOTA in cluster.objects
    again = seen(one, cluster)
    await one.delete(again)
    assert QUOTA not in cluster.objects
    assert one.world.child(QUOTA) is None
    await one.delete(again)


async def test_a_namespace_that_was_deleted_is_known_until_it_is_gone() -> None:
    one, cluster = writer()
    ref = Ref("Namespace", None, "shop-dev")
    live = cluster.objects[ref]
    cluster.store("Namespace", {**live, "metadata": {**live["metadata"], "labels": LABELS}})
    child = seen(one, cluster, ref)
    await one.delete(child)
    assert one.world.child(ref) is not None
    cluster.destroy(ref)
    await one.delete(child)
    assert one.world.child(ref) is None


async def test_a_role_that_does_not_exist_is_told_in_words_that_help() -> None:
    one, cluster = writer()
    cluster.failing = lambda verb, name: (
        Missing('clusterroles.rbac.authorization.k8s.io "extra" not found') if verb == "apply" else None
    )
    with pytest.raises(Refused, match="There is no ClusterRole extra; create it"):
        await one.apply(binding("extra"))
    with pytest.raises(Missing):
        await one.apply(binding("other"))
    with pytest.raises(Missing):
        await one.apply(quota(pods="1"))


@pytest.mark.parametrize("role", ["landlord-owner", None])
async def test_a_binding_that_is_refused_for_another_reason_than_its_role_is_not_deleted(role: str | None) -> None:
    one, cluster = writer()
    if role:
        await one.apply(binding(role))

    def refuse(verb: str, name: str) -> LandlordFailure | None:
        return Invalid("subjects[0]: invalid") if verb == "apply" else None

    cluster.failing = refuse
    with pytest.raises(Invalid):
        await one.apply(binding())
    with pytest.raises(Invalid):
        await one.apply(quota(pods="-1"))
    assert (Ref("RoleBinding", "shop-dev", "b") in cluster.objects) == bool(role)


async def test_in_a_new_namespace_objects_are_created_and_found_ones_are_applied() -> None:
    one, cluster = writer()
    await one.apply(quota(pods="1"), is_new=True)
    assert dict(cluster.writes) == {"create": 1}
    fresh = Writer(cast("Cluster", cluster), World())
    cluster.requests.clear()
    await fresh.apply(quota(pods="2"), is_new=True)
    assert dict(cluster.writes) == {"create": 1, "apply": 1}
    assert cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "2"}
