"""Which pods block a StatefulSet, which objects are strays, and that only these go."""

from typing import Any

import pytest

from landlord.api.failures import Forbidden
from landlord.api.names import deployer_username
from landlord.api.releases import RevisionMeta
from landlord.reconcilers.release.inventory import Eyes, Inventory, Item
from landlord.reconcilers.release.stuck import blocking, failed_before, free, strays, sweep, tidy
from tests.unit.reconcilers.release.objects_cluster import NAMESPACE, ObjectsCluster, inventory, item, manifest

Object = dict[str, Any]
MARKS = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": NAMESPACE}


def stateful_set(name: str = "db", *, seen: int = 2, **spec: Any) -> Object:
    obj = manifest("StatefulSet", name, spec=spec)
    obj["metadata"] |= {"uid": f"uid-{name}", "generation": 2}
    obj["status"] = {"observedGeneration": seen, "currentRevision": "good", "updateRevision": "good"}
    return obj


def pod(name: str, revision: str = "bad", *, ready: bool = False, **meta: Any) -> Object:
    obj = manifest("Pod", name, status={"conditions": [{"type": "Ready", "status": str(ready)}]})
    owner = {"uid": f"uid-{name.rpartition('-')[0]}", "controller": True}
    labels = {"controller-revision-hash": revision}
    obj["metadata"] |= {"uid": name, "labels": labels, "ownerReferences": [owner], **meta}
    return obj


def chosen(stateful_sets: list[Object], *pods: Object) -> list[str]:
    return [each["metadata"]["name"] for each in blocking(stateful_sets, pods)]


def test_a_pod_of_another_revision_that_is_not_ready_blocks() -> None:
    assert chosen([stateful_set()], pod("db-0", "good", ready=True), pod("db-1")) == ["db-1"]


def test_one_pod_at_a_time_and_the_last_first() -> None:
    assert chosen([stateful_set()], pod("db-2"), pod("db-10"), pod("db-9")) == ["db-10"]


def test_every_stateful_set_has_its_own_turn_and_pods_of_others_are_not_touched() -> None:
    sets = [stateful_set(), stateful_set("queue")]
    assert chosen(sets, pod("db-1"), pod("queue-1"), pod("stranger-1")) == ["db-1", "queue-1"]


@pytest.mark.parametrize(
    "pods",
    [
        [pod("db-1", ready=True)],
        [pod("db-1", "good")],
        [pod("db-1", "")],
        [pod("db-1"), pod("db-0", deletionTimestamp="now")],
        [],
    ],
    ids=["ready", "right revision", "no revision", "one is going", "none"],
)
def test_nothing_is_deleted_that_does_not_block(pods: list[Object]) -> None:
    assert chosen([stateful_set()], *pods) == []


@pytest.mark.parametrize(
    "owner",
    [
        stateful_set(podManagementPolicy="Parallel"),
        stateful_set(updateStrategy={"type": "OnDelete"}),
        stateful_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}),
        stateful_set(ordinals={"start": 1}, updateStrategy={"rollingUpdate": {"partition": 1}}),
        stateful_set(seen=1),
        {**stateful_set(), "status": {}},
    ],
    ids=["parallel", "on delete", "below the partition", "below the shifted partition", "not seen yet", "no status"],
)
def test_only_stateful_sets_that_make_pods_in_order_and_have_seen_the_rollback_are_helped(owner: Object) -> None:
    assert chosen([owner], pod("db-1")) == []


def test_a_shifted_set_is_helped_at_or_above_its_partition() -> None:
    owner = stateful_set(ordinals={"start": 1}, updateStrategy={"rollingUpdate": {"partition": 1}})
    assert chosen([owner], pod("db-2")) == ["db-2"]


async def test_only_the_very_pods_are_deleted_as_the_deployer() -> None:
    cluster = ObjectsCluster()
    there = cluster.put(manifest("Pod", "db-1"))
    replaced = {"metadata": {"name": "db-2", "uid": "before"}}
    cluster.put(manifest("Pod", "db-2"))
    gone = {"metadata": {"name": "db-3", "uid": "gone"}}
    assert await free(cluster, NAMESPACE, [replaced, gone, there]) == ("db-1",)
    assert list(cluster.objects) == [("Pod", "db-2")]
    assert cluster.users == {deployer_username(NAMESPACE)}


SETTINGS, NEW, WEB = manifest("ConfigMap", "settings"), manifest("ConfigMap", "new"), manifest("Deployment", "web")


def test_strays_are_what_failed_revisions_alone_have() -> None:
    left = strays([inventory(SETTINGS, NEW), inventory(NEW, WEB)], [inventory(SETTINGS), inventory(WEB)])
    assert left == inventory(NEW)
    assert strays([inventory(SETTINGS)], [inventory(SETTINGS)]) is None
    assert strays([], [inventory(SETTINGS)]) is None


def test_another_version_of_the_same_api_is_the_same_object() -> None:
    old = item(WEB)
    new = Item(
        type(old.entry)("apps/v2", "Deployment", NAMESPACE, "web"),
        type(old.resource)("apps", "v2", "deployments", "Deployment", namespaced=True),
        WEB,
    )
    assert strays([Inventory(NAMESPACE, (old,))], [Inventory(NAMESPACE, (new,))]) is None


def test_claims_of_volumes_are_no_strays() -> None:
    one = item(SETTINGS)
    claim = Item(type(one.entry)("v1", "PersistentVolumeClaim", NAMESPACE, "data"), one.resource, {})
    assert strays([Inventory(NAMESPACE, (claim,))], []) is None


class Unwatched:
    def objects(self, namespace: str, resource: object) -> None:
        return None


async def swept(cluster: ObjectsCluster, *objects: Object) -> dict[str, object]:
    done = await sweep(cluster, Eyes(cluster, Unwatched()), "web", inventory(*objects))
    return {entry.name: failure for entry, failure in done.items()}


async def test_strays_with_the_releases_marks_are_deleted() -> None:
    cluster = ObjectsCluster()
    cluster.put(NEW, annotations=MARKS)
    assert await swept(cluster, NEW, SETTINGS) == {"new": None}
    assert cluster.objects == {}


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"annotations": {**MARKS, "meta.helm.sh/release-name": "other"}},
        {"annotations": {**MARKS, "meta.helm.sh/release-namespace": "elsewhere"}},
        {"annotations": {**MARKS, "helm.sh/resource-policy": "keep"}},
        {"annotations": MARKS, "deletionTimestamp": "now"},
    ],
    ids=["no marks", "another release", "another namespace", "to be kept", "going already"],
)
async def test_strays_of_others_and_what_is_to_be_kept_stay(meta: Object) -> None:
    cluster = ObjectsCluster()
    cluster.put(NEW, **meta)
    assert await swept(cluster, NEW) == {}
    assert ("delete", "ConfigMap/new") not in cluster.requests


async def test_what_cannot_be_deleted_is_told_and_stops_no_other() -> None:
    refusal = Forbidden("no right")
    cluster = ObjectsCluster(refused={("delete", "ConfigMap"): refusal})
    for obj in (NEW, WEB):
        cluster.put(obj, annotations=MARKS)
    assert await swept(cluster, NEW, WEB) == {"new": refusal, "web": None}


def history(*statuses: str) -> list[RevisionMeta]:
    return [RevisionMeta(number, status) for number, status in enumerate(statuses, 1)]


@pytest.mark.parametrize(
    ("statuses", "failed"),
    [
        (["superseded", "failed", "pending-upgrade", "failed", "deployed"], (4, 3, 2)),
        (["failed", "superseded", "failed", "deployed"], (3,)),
        (["superseded", "deployed"], ()),
        (["deployed"], ()),
    ],
)
def test_what_failed_before_a_revision_ends_at_the_last_that_was_deployed(
    statuses: list[str], failed: tuple[int, ...]
) -> None:
    revisions = history(*statuses)
    assert failed_before(revisions[::-1], len(statuses)) == failed
    assert failed_before([*revisions, RevisionMeta(9, "failed")], len(statuses)) == failed


async def tidied(
    cluster: ObjectsCluster, revisions: dict[int, Inventory], *statuses: str
) -> tuple[list[str], list[int]]:
    """Names of what was deleted, and the revisions that were read for it."""
    asked: list[int] = []

    async def read(number: int) -> Inventory | None:
        asked.append(number)
        return revisions.get(number)

    done = await tidy(cluster, Eyes(cluster, Unwatched()), "web", history(*statuses), len(statuses), read)
    return [entry.name for entry in done], asked


async def test_after_a_deploy_what_failed_ones_created_is_deleted() -> None:
    cluster = ObjectsCluster()
    for obj in (SETTINGS, NEW, WEB):
        cluster.put(obj, annotations=MARKS)
    revisions = {1: inventory(SETTINGS), 2: inventory(SETTINGS, NEW), 3: inventory(SETTINGS, WEB)}
    assert await tidied(cluster, revisions, "superseded", "failed", "deployed") == (["new"], [3, 2])
    assert set(cluster.objects) == {("ConfigMap", "settings"), ("Deployment", "web")}


async def test_where_nothing_failed_or_the_new_revision_cannot_be_read_nothing_is_deleted() -> None:
    cluster = ObjectsCluster()
    cluster.put(NEW, annotations=MARKS)
    assert await tidied(cluster, {1: inventory(NEW)}, "superseded", "deployed") == ([], [])
    assert await tidied(cluster, {1: inventory(NEW)}, "failed", "deployed") == ([], [2])
    assert await tidied(cluster, {2: inventory(SETTINGS)}, "failed", "deployed") == ([], [2, 1])
    assert cluster.objects
