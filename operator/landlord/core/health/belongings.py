"""Which pods speak for a workload: its own, and only those made for its newest revision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from landlord.core.health.kstatus import Object, condition, group_kind, is_observed, reported

REVISION = "deployment.kubernetes.io/revision"
NO_REPLICA_SET = "ReplicaSetCreateError"
"""Why a Deployment has none for its newest revision: a quota or policy on ReplicaSets."""
DAEMON_GENERATION = "deprecated.daemonset.template.generation"


@dataclass(frozen=True, slots=True)
class Belongings:
    """What belongs to one workload: pods of its newest revision, other pods, and ReplicaSets newest first."""

    new_pods: tuple[Object, ...] = ()
    old_pods: tuple[Object, ...] = ()
    new_set: Object | None = None
    old_sets: tuple[Object, ...] = ()


def of(obj: Object, pods: Sequence[Object], replica_sets: Sequence[Object], started: datetime) -> Belongings:
    """What belongs to ``obj``; nothing while its controller has not seen its newest generation.

    Until then the newest revision that can be seen is the old one, and its pods must not speak for the new.
    """
    if not is_observed(obj):
        return Belongings()
    match group_kind(obj):
        case ("", "Pod"):
            return Belongings(new_pods=(obj,))
        case ("apps", "Deployment"):
            return _of_deployment(obj, pods, replica_sets)
        case ("apps", "StatefulSet"):
            newest = reported(obj).get("updateRevision")
            return _split(owned(obj, pods), lambda pod: label(pod, "controller-revision-hash") == newest)
        case ("apps", "DaemonSet"):
            return _of_daemon_set(obj, pods, started)
        case _:
            return _of_others(obj, pods, replica_sets, started)


def _of_deployment(obj: Object, pods: Sequence[Object], replica_sets: Sequence[Object]) -> Belongings:
    sets = sorted(owned(obj, replica_sets), key=_revision, reverse=True)
    if not sets:
        return Belongings()
    if condition(obj, "Progressing").get("reason") == NO_REPLICA_SET:
        return Belongings(old_pods=tuple(pod for each in sets for pod in owned(each, pods)), old_sets=tuple(sets))
    new_pods = owned(sets[0], pods)
    old_pods = [pod for each in sets[1:] for pod in owned(each, pods)]
    return Belongings(tuple(new_pods), tuple(old_pods), sets[0], tuple(sets[1:]))


def _revision(replica_set: Object) -> int:
    text = str((meta(replica_set).get("annotations") or {}).get(REVISION, "0"))
    return int(text) if text.isdecimal() else 0


def _of_daemon_set(obj: Object, pods: Sequence[Object], started: datetime) -> Belongings:
    generation = (meta(obj).get("annotations") or {}).get(DAEMON_GENERATION)
    if generation is None:
        return _split(owned(obj, pods), lambda pod: is_since(pod, started))
    return _split(owned(obj, pods), lambda pod: label(pod, "pod-template-generation") == generation)


def _of_others(obj: Object, pods: Sequence[Object], replica_sets: Sequence[Object], started: datetime) -> Belongings:
    """Pods of a Job or ReplicaSet, and of custom workloads those made since the deploy: their revisions are unknown."""
    mine = owned(obj, pods) + [pod for each in owned(obj, replica_sets) for pod in owned(each, pods)]
    if group_kind(obj) in (("batch", "Job"), ("apps", "ReplicaSet")):
        return Belongings(new_pods=tuple(mine))
    return _split(mine, lambda pod: is_since(pod, started))


def _split(pods: Iterable[Object], is_new: Any) -> Belongings:
    mine = list(pods)
    return Belongings(tuple(pod for pod in mine if is_new(pod)), tuple(pod for pod in mine if not is_new(pod)))


def owned(owner: Object, candidates: Sequence[Object]) -> list[Object]:
    """The candidates that this object controls and that are not on their way out."""
    uid = meta(owner).get("uid")
    return [
        each
        for each in candidates
        if not meta(each).get("deletionTimestamp")
        and uid
        and any(ref.get("uid") == uid for ref in meta(each).get("ownerReferences") or ())
    ]


def meta(obj: Object) -> Object:
    """Its metadata."""
    found = obj.get("metadata")
    return found if isinstance(found, dict) else {}


def label(obj: Object, key: str) -> str | None:
    """The label's value."""
    return (meta(obj).get("labels") or {}).get(key)


def title(obj: Object) -> str:
    """``Kind/name``, by which findings and baselines speak of it."""
    return f"{obj.get('kind')}/{meta(obj).get('name')}"


def is_since(obj: Object, started: datetime) -> bool:
    """Whether it was created at or after ``started``, to the second as Kubernetes counts."""
    created = moment(meta(obj).get("creationTimestamp"))
    return created is not None and created >= started.replace(microsecond=0)


def moment(text: object) -> datetime | None:
    """A timestamp as Kubernetes writes it, time zone and all; None for anything else."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) and text else None
        return found.astimezone(UTC) if found and found.tzinfo else None
    except (ValueError, OverflowError):
        return None
