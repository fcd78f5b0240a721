"""What a release keeps, and what looking at it costs."""

from collections.abc import Mapping
from typing import Any

import pytest

from landlord.api.failures import Forbidden, Missing, Transient
from landlord.api.names import deployer_username
from landlord.api.refs import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS, REPLICA_SETS, SECRETS, SERVICES, Resource
from landlord.core.release.rendered import Entry, Rendered
from landlord.reconcilers.release.inventory import Eyes, Inventory, Item, inventory, worth_watching
from tests.unit.reconcilers.release import objects_cluster as made
from tests.unit.reconcilers.release.objects_cluster import NAMESPACE, ObjectsCluster, manifest

Object = dict[str, Any]


class Kinds:
    async def resource(self, api_version: str, kind: str) -> Resource | None:
        return {"ConfigMap": CONFIG_MAPS, "Namespace": NAMESPACES}.get(kind)


class Watched(dict[Resource, Mapping[str, Object]]):
    def objects(self, namespace: str, resource: Resource) -> Mapping[str, Object] | None:
        assert namespace == NAMESPACE
        return self.get(resource)


def eyes(cluster: ObjectsCluster, **watched: Mapping[str, Object]) -> Eyes:
    return Eyes(cluster, Watched({made.KINDS[kind]: objects for kind, objects in watched.items()}))


def rendered(kind: str, name: str, *, namespace: str = "", hooks: tuple[str, ...] = ()) -> Rendered:
    return Rendered("v1", kind, name, namespace, {"metadata": {"name": name}}, hooks)


SETTINGS, OTHER = manifest("ConfigMap", "settings"), manifest("ConfigMap", "other")
WEB, SERVICE, JOB = manifest("Deployment", "web"), manifest("Service", "web"), manifest("Job", "once")


def names(found: Mapping[Entry, Object]) -> set[str]:
    return {f"{entry.kind}/{entry.name}" for entry in found}


async def test_objects_without_a_namespace_live_in_the_releases_and_cluster_scoped_ones_in_none() -> None:
    kept = await inventory([rendered("ConfigMap", "a"), rendered("Namespace", "b", namespace="x")], "shop", Kinds())
    assert [item.entry for item in kept.items] == [
        Entry("v1", "ConfigMap", "shop", "a"),
        Entry("v1", "Namespace", "", "b"),
    ]
    assert [item.namespace for item in kept.items] == ["shop", None]
    assert kept.resources == (CONFIG_MAPS, NAMESPACES)


async def test_hooks_are_not_kept_and_unserved_kinds_are_named() -> None:
    given = [rendered("ConfigMap", "a", hooks=("pre-install",)), rendered("Widget", "b")]
    kept = await inventory(given, "shop", Kinds())
    assert kept.items == ()
    assert kept.unserved == (Entry("v1", "Widget", "shop", "b"),)


async def test_of_what_is_rendered_twice_the_last_counts() -> None:
    first, last = rendered("ConfigMap", "a"), Rendered("v1", "ConfigMap", "a", "shop", {"data": {"a": "last"}})
    kept = await inventory([first, rendered("Widget", "b"), last, rendered("Widget", "b")], "shop", Kinds())
    assert [item.manifest for item in kept.items] == [last.obj]
    assert kept.unserved == (Entry("v1", "Widget", "shop", "b"),)


def test_what_never_changes_state_is_not_watched_and_what_workloads_make_is() -> None:
    assert worth_watching([CONFIG_MAPS, SECRETS, SERVICES]) == (SERVICES,)
    assert worth_watching([CONFIG_MAPS, DEPLOYMENTS, PODS]) == (DEPLOYMENTS, PODS, REPLICA_SETS)
    assert worth_watching([NAMESPACES]) == ()


async def test_watched_objects_cost_nothing_and_others_are_read_by_name_as_the_deployer() -> None:
    cluster = ObjectsCluster()
    cluster.put(JOB)
    live = await eyes(cluster, Deployment={"web": WEB}, Service={}).live(made.inventory(JOB, WEB, SERVICE))
    assert names(live.objects) == {"Job/once", "Deployment/web"}
    assert live.missing == (made.item(SERVICE).entry,)
    assert cluster.requests == [("get", "Job/once")]
    assert cluster.users == {deployer_username(NAMESPACE)}


async def test_for_what_has_no_state_its_manifest_stands_until_a_fresh_look() -> None:
    cluster = ObjectsCluster()
    live = await eyes(cluster).live(made.inventory(SETTINGS))
    assert live.objects == {made.item(SETTINGS).entry: SETTINGS}
    assert cluster.requests == []
    assert (await eyes(cluster).live(made.inventory(SETTINGS), fresh=True)).missing == (made.item(SETTINGS).entry,)


async def test_a_fresh_look_believes_no_watch() -> None:
    cluster = ObjectsCluster()
    live = await eyes(cluster, Deployment={"web": WEB}).live(made.inventory(WEB), fresh=True)
    assert live.missing == (made.item(WEB).entry,)


async def test_what_may_not_be_read_is_unseen_and_not_missing() -> None:
    cluster = ObjectsCluster(refused={("get", "Job"): Forbidden("no right")})
    live = await eyes(cluster).live(made.inventory(JOB))
    assert live.unseen == {made.item(JOB).entry: "no right"}
    assert live.missing == ()


async def test_what_is_served_no_more_is_unseen_and_not_missing() -> None:
    entry = Entry("example.org/v1", "Widget", NAMESPACE, "one")
    kept = Inventory(NAMESPACE, (), (entry,))
    for live in (await eyes(ObjectsCluster()).live(kept), await eyes(ObjectsCluster()).heads(kept)):
        assert live.unseen == {entry: "The API server does not serve Widget of example.org/v1."}
        assert live.missing == ()


async def test_an_outage_is_no_answer() -> None:
    cluster = ObjectsCluster(refused={("get", "Job"): Transient("lost")})
    with pytest.raises(Transient):
        await eyes(cluster).live(made.inventory(JOB))


async def test_heads_are_one_list_for_each_kind() -> None:
    cluster = ObjectsCluster()
    for obj in (SETTINGS, manifest("ConfigMap", "foreign"), WEB):
        cluster.put(obj)
    live = await eyes(cluster).heads(made.inventory(SETTINGS, OTHER, WEB))
    assert names(live.objects) == {"ConfigMap/settings", "Deployment/web"}
    assert all(obj["metadata"]["managedFields"] for obj in live.objects.values())
    assert live.missing == (made.item(OTHER).entry,)
    assert sorted(cluster.requests) == [("list", "ConfigMap"), ("list", "Deployment")]


async def test_heads_that_may_not_be_listed_are_read_by_name() -> None:
    cluster = ObjectsCluster(refused={("list", "ConfigMap"): Forbidden("no right")})
    cluster.put(SETTINGS)
    live = await eyes(cluster).heads(made.inventory(SETTINGS))
    assert names(live.objects) == {"ConfigMap/settings"}


async def test_heads_of_a_kind_that_is_served_no_more_are_unseen_and_not_missing() -> None:
    """It may be a version that is no more: the object is there under another one, and not to be made anew."""
    cluster = ObjectsCluster(refused={("list", "ConfigMap"): Missing("no such kind")})
    live = await eyes(cluster).heads(made.inventory(SETTINGS))
    assert live.missing == ()
    assert live.unseen == {made.item(SETTINGS).entry: "The API server does not serve ConfigMap of v1."}


async def test_heads_of_cluster_scoped_objects_are_read_by_name() -> None:
    cluster = ObjectsCluster()
    entry = Entry("v1", "Namespace", "", "shop")
    item = Item(entry, NAMESPACES, {})
    cluster.objects["Namespace", "shop"] = {"metadata": {"name": "shop"}}
    live = await eyes(cluster).heads(Inventory(NAMESPACE, (item,)))
    assert list(live.objects) == [entry]
    assert cluster.requests == [("get", "Namespace/shop")]


def owned_by(kind: str, name: str, owner: Object) -> Object:
    obj = manifest(kind, name)
    obj["metadata"] |= {"uid": name, "ownerReferences": [{"uid": owner["metadata"]["uid"], "controller": True}]}
    return obj


async def test_pods_belong_to_a_deployment_through_its_replica_sets() -> None:
    cluster = ObjectsCluster()
    web = cluster.put(WEB)
    mine, others = owned_by("ReplicaSet", "web-1", web), owned_by("ReplicaSet", "x", {"metadata": {"uid": "x0"}})
    pods = {pod["metadata"]["name"]: pod for pod in (owned_by("Pod", "web-1-a", mine), owned_by("Pod", "x-a", others))}
    watched = {"ReplicaSet": {"web-1": mine, "x": others}, "Pod": pods}
    looking = eyes(cluster, Deployment={"web": web}, **watched)
    owned = await looking.owned(await looking.live(made.inventory(WEB)), NAMESPACE)
    assert [pod["metadata"]["name"] for pod in owned.pods] == ["web-1-a"]
    assert [each["metadata"]["name"] for each in owned.replica_sets] == ["web-1"]


async def test_pods_that_are_not_watched_are_listed_and_a_bare_pod_is_its_own() -> None:
    cluster = ObjectsCluster()
    pod = cluster.put(manifest("Pod", "bare"))
    cluster.put(manifest("Pod", "foreign"))
    looking = eyes(cluster)
    owned = await looking.owned(await looking.live(made.inventory(pod)), NAMESPACE)
    assert [each["metadata"]["name"] for each in owned.pods] == ["bare"]


async def test_warnings_are_those_about_these_very_objects() -> None:
    cluster = ObjectsCluster()
    web = cluster.put(WEB)
    for name, uid in (("a", web["metadata"]["uid"]), ("b", "other")):
        cluster.objects["Event", name] = {"metadata": {"name": name}, "regarding": {"uid": uid}}
    found = await eyes(cluster).warnings(NAMESPACE, [web])
    assert [event["metadata"]["name"] for event in found] == ["a"]


@pytest.mark.parametrize("failure", [Forbidden("no right"), Missing("no such kind")])
async def test_every_object_of_a_kind_that_cannot_be_listed_is_none(failure: Exception) -> None:
    cluster = ObjectsCluster(refused={("list", "Service"): failure})  # type: ignore[dict-item]
    assert await eyes(cluster).every(NAMESPACE, SERVICES) == ()
