"""What Kubernetes and Helm leave behind after a bad upgrade: pods that block a StatefulSet, and objects of nobody.

A StatefulSet that makes its pods in order waits for a pod of the rejected revision to become Ready before it replaces
it, for ever. And an upgrade compares with the last *deployed* revision only, so what a failed one created stays.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from landlord.api.failures import Conflict, LandlordFailure
from landlord.api.names import deployer_username
from landlord.api.refs import PODS
from landlord.api.releases import LOCKED, RevisionMeta
from landlord.clients.cluster import Cluster, Object
from landlord.core.release.rendered import Entry
from landlord.reconcilers.release.drifting import belongs_to
from landlord.reconcilers.release.inventory import Eyes, Inventory, Item

REVISION: Final = "controller-revision-hash"
POLICY: Final = "helm.sh/resource-policy"
KEEP: Final = "keep"
FAILED: Final = "failed"
_HAS_DATA: Final = "PersistentVolumeClaim"
"""Never swept: what is in it cannot be made anew."""

Read = Callable[[int], Awaitable[Inventory | None]]
"""The objects of a revision; None when it is not there any more."""


def blocking(stateful_sets: Iterable[Object], pods: Sequence[Object]) -> tuple[Object, ...]:
    """The pods to delete now, at most one of each StatefulSet: not Ready, and not of the revision it shall have."""
    chosen = (_blocking(each, [pod for pod in pods if _is_made_by(each, pod)]) for each in stateful_sets)
    return tuple(pod for pod in chosen if pod is not None)


async def free(cluster: Cluster, namespace: str, pods: Iterable[Object]) -> tuple[str, ...]:
    """Delete these very pods as the deployer; the names of those that were still there."""
    deployer = cluster.acting_as(deployer_username(namespace))
    freed: list[str] = []
    for pod in pods:
        meta = pod["metadata"]
        try:
            if await deployer.delete(PODS, meta["name"], namespace, uid=meta["uid"]):
                freed.append(meta["name"])
        except Conflict:  # it was replaced meanwhile
            continue
    return tuple(freed)


def strays(failed: Iterable[Inventory], kept: Iterable[Inventory]) -> Inventory | None:
    """The objects of failed revisions that no revision to be kept has; None when there are none.

    ``kept`` are those that run or come next. Claims of volumes are no strays: they hold data.
    """
    wanted = {_identity(item) for each in kept for item in each.items}
    left = {
        _identity(item): (each.namespace, item)
        for each in failed
        for item in each.items
        if item.entry.kind != _HAS_DATA and _identity(item) not in wanted
    }
    if not left:
        return None
    namespace = next(iter(left.values()))[0]
    return Inventory(namespace, tuple(item for _, item in left.values()))


def failed_before(history: Iterable[RevisionMeta], number: int) -> tuple[int, ...]:
    """The revisions between this one and the last that was deployed before it, newest first: all that failed."""
    below = sorted((each for each in history if each.number < number), key=lambda each: each.number, reverse=True)
    return tuple(each.number for each in takewhile(lambda each: each.status == FAILED or each.status in LOCKED, below))


async def tidy(
    cluster: Cluster, eyes: Eyes, release: str, history: Sequence[RevisionMeta], number: int, read: Read
) -> Mapping[Entry, LandlordFailure | None]:
    """After revision ``number`` was deployed over failed ones: delete what these created and it lacks.

    What the last good revision had and this one lacks Helm has deleted itself. When nothing failed, nothing is read.
    """
    failed = failed_before(history, number)
    wanted = await read(number) if failed else None
    if wanted is None:
        return {}
    found = [await read(each) for each in failed]
    left = strays([each for each in found if each is not None], [wanted])
    return await sweep(cluster, eyes, release, left) if left else {}


async def sweep(cluster: Cluster, eyes: Eyes, release: str, left: Inventory) -> Mapping[Entry, LandlordFailure | None]:
    """Delete those of the strays that carry this release's name, as the deployer; what was done with each.

    What the chart says to keep, and what is going already, is left alone and not told.
    """
    deployer = cluster.acting_as(deployer_username(left.namespace))
    there = (await eyes.heads(left)).objects
    done: dict[Entry, LandlordFailure | None] = {}
    for item in left.items:
        head = there.get(item.entry)
        if head is None or not _may_go(head, release, left.namespace):
            continue
        done[item.entry] = None
        try:
            await deployer.delete(item.resource, item.entry.name, item.namespace, uid=head["metadata"]["uid"])
        except LandlordFailure as failure:
            done[item.entry] = failure
    return done


def _blocking(stateful_set: Object, pods: Sequence[Object]) -> Object | None:
    spec, status = stateful_set.get("spec") or {}, stateful_set.get("status") or {}
    strategy = spec.get("updateStrategy") or {}
    wanted = status.get("updateRevision")
    if spec.get("podManagementPolicy", "OrderedReady") != "OrderedReady" or strategy.get("type") == "OnDelete":
        return None
    if not wanted or status.get("observedGeneration") != stateful_set["metadata"].get("generation"):
        return None
    if any(pod["metadata"].get("deletionTimestamp") for pod in pods):
        return None
    first = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    blocked = [
        pod
        for pod in pods
        if _revision(pod) not in ("", wanted) and not _is_ready(pod) and _ordinal(stateful_set, pod) >= first
    ]
    return max(blocked, key=lambda pod: _ordinal(stateful_set, pod), default=None)


def _is_made_by(owner: Object, obj: Object) -> bool:
    uid = owner["metadata"].get("uid")
    return any(
        each.get("uid") == uid and each.get("controller") for each in obj["metadata"].get("ownerReferences") or ()
    )


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _revision(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(REVISION, ""))


def _ordinal(stateful_set: Object, pod: Object) -> int:
    """Its place in the order of updates: pods count from ``spec.ordinals.start``, partitions from zero."""
    start = ((stateful_set.get("spec") or {}).get("ordinals") or {}).get("start") or 0
    last = str(pod["metadata"]["name"]).rpartition("-")[2]
    return int(last) - int(start) if last.isdecimal() else -1


def _identity(item: Item) -> tuple[str, str, str, str]:
    """The object whatever version of its API a chart uses."""
    return item.resource.group, item.entry.kind, item.entry.namespace, item.entry.name


def _may_go(head: Object, release: str, namespace: str) -> bool:
    meta = head["metadata"]
    is_kept = (meta.get("annotations") or {}).get(POLICY) == KEEP
    return belongs_to(head, release, namespace) and not is_kept and not meta.get("deletionTimestamp")
