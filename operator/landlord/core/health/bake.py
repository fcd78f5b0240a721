"""Whether a release stays healthy while it bakes: restarts, memory, and workloads that leave Current."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from landlord.core.health.belongings import meta, moment, of, title
from landlord.core.health.evidence import Scene, container_key, ended_last, findings
from landlord.core.health.kstatus import Health, HealthState, Object, group_kind, reported
from landlord.core.health.readiness import not_current, restarts
from landlord.core.health.signs import MOST_NAMED, Finding, Readiness, Sign, State, Weight

MOST_RESTARTS: Final = 3
"""Restarts of one container during the bake that are forgiven."""
MOST_KILLS: Final = 1
"""Kills of one container for want of memory that are forgiven."""
LONGEST_LEAVE: Final = timedelta(seconds=30)
"""How long a workload may be less than Current."""


@dataclass(frozen=True, slots=True)
class Bake:
    """What a bake has seen so far; small enough to be written down, lest a restart of the operator forget it."""

    started: datetime
    restarts: Mapping[str, int] = field(default_factory=dict)
    """Restarts of each container that do not count, by ``<pod uid>/<container>``."""
    kills: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """When each container was killed for want of memory since, by ``<pod uid>/<container>``."""
    unready: Mapping[str, datetime] = field(default_factory=dict)
    """Since when each object (``Kind/name``) has been less than it was."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """How many pods of each workload may be expected to be ready."""


def begin(pods: Sequence[Object], at: datetime) -> Bake:
    """A bake that begins now: restarts and kills so far do not count."""
    return Bake(at, restarts(pods))


def look(
    bake: Bake,
    objects: Sequence[Object | None],
    pods: Sequence[Object],
    replica_sets: Sequence[Object],
    at: datetime,
    *,
    absent: Sequence[Object] = (),
) -> tuple[Bake, Readiness]:
    """The bake after one more observation, and what it says: READY so far, WORKING when it wobbles, or the verdict.

    ``pods`` and ``replica_sets`` are those of the namespace; ``absent`` are the manifests of objects not there.
    """
    sizes = {title(obj): size for obj in objects if obj and (size := _size(bake, obj)) is not None}
    waiting = [each for each in not_current(objects, pods, absent) if not _only_changes(each, sizes)]
    mine = [
        (title(obj), pod)
        for obj in objects
        if obj is not None
        for pod in of(obj, pods, replica_sets, bake.started).new_pods
    ]
    unready = {what: bake.unready.get(what, at) for what in sorted({title(obj) for obj, _ in waiting})}
    seen = replace(bake, kills=_kills(bake, mine), unready=unready, sizes=sizes)
    guilt = next(iter(sorted(_condemning(seen, mine), key=lambda finding: finding.rank)), None)
    if guilt:
        return seen, Readiness(State.GUILTY, guilt.why, guilt.object, guilt.since, guilt.sign)
    if not waiting:
        return seen, Readiness(State.READY, "Everything has stayed ready so far.")
    return seen, replace(_left(seen, waiting, pods, replica_sets, at), waiting_for=tuple(unready)[:MOST_NAMED])


_WANTED: Final = {
    ("apps", "Deployment"): ("spec", "replicas", "availableReplicas"),
    ("apps", "StatefulSet"): ("spec", "replicas", "readyReplicas"),
    ("apps", "ReplicaSet"): ("spec", "replicas", "availableReplicas"),
    ("apps", "DaemonSet"): ("status", "desiredNumberScheduled", "numberReady"),
}
"""Where each kind says how many pods it wants, and under which key of its status how many it has."""


def _counts(obj: Object) -> tuple[int, int] | None:
    """How many pods a workload wants and has; None for what has none."""
    where = _WANTED.get(group_kind(obj))
    if where is None:
        return None
    wanted = (obj.get(where[0]) or {}).get(where[1])
    return (1 if wanted is None else int(wanted)), int(reported(obj).get(where[2]) or 0)


def _size(bake: Bake, obj: Object) -> int | None:
    """The pods a workload may be expected to keep: no more than it wants by now or has had; at first all it wants."""
    counts = _counts(obj)
    if counts is None:
        return None
    wanted, ready = counts
    return min(wanted, max(bake.sizes.get(title(obj), wanted), ready))


def _only_changes(each: tuple[Object, Health], sizes: Mapping[str, int]) -> bool:
    """Whether a workload is not Current only because it grows or is being replaced, and has lost no pod by it."""
    obj, health = each
    counts = _counts(obj)
    is_at_work = health.state is HealthState.IN_PROGRESS
    return is_at_work and counts is not None and counts[1] >= sizes[title(obj)]


def _kills(bake: Bake, mine: Sequence[tuple[str, Object]]) -> dict[str, tuple[str, ...]]:
    """The kills known by now; those of containers that are gone are forgotten."""
    kills: dict[str, tuple[str, ...]] = {}
    for _, pod, status in _containers(mine):
        key = container_key(pod, status)
        times = set(bake.kills.get(key, ()))
        for state in ("state", "lastState"):
            ended = (status.get(state) or {}).get("terminated") or {}
            finished = moment(ended.get("finishedAt"))
            if ended.get("reason") == "OOMKilled" and finished and finished >= bake.started:
                times.add(finished.isoformat())
        if times:
            kills[key] = tuple(sorted(times))
    return kills


def _containers(mine: Sequence[tuple[str, Object]]) -> Iterator[tuple[str, Object, Mapping[str, Any]]]:
    for what, pod in mine:
        for kind in ("initContainerStatuses", "containerStatuses"):
            for status in reported(pod).get(kind) or ():
                yield what, pod, status


def _condemning(bake: Bake, mine: Sequence[tuple[str, Object]]) -> Iterator[Finding]:
    for what, pod, status in _containers(mine):
        name = f"Container {status.get('name')} of Pod {meta(pod).get('name')} of {what}"
        key = container_key(pod, status)
        kills = bake.kills.get(key, ())
        since = moment(ended_last(status).get("finishedAt"))
        if len(kills) > MOST_KILLS:
            why = f"{name} was killed for want of memory {len(kills)} times while baking."
            yield Finding(Sign.OUT_OF_MEMORY, what, why, since)
        count = int(status.get("restartCount") or 0) - bake.restarts.get(key, 0)
        if count > MOST_RESTARTS:
            yield Finding(Sign.RESTARTS, what, f"{name} was restarted {count} times while baking.", since)


def _left(
    bake: Bake,
    waiting: Sequence[tuple[Object, Health]],
    pods: Sequence[Object],
    replica_sets: Sequence[Object],
    at: datetime,
) -> Readiness:
    """What it means that these objects are less than Current: nothing yet, the release's fault, or the node's."""
    scene = Scene(bake.started, at, bake.restarts)
    found = [
        finding
        for obj, health in waiting
        for finding in findings(obj, health, of(obj, pods, replica_sets, bake.started), scene)
    ]
    found.sort(key=lambda finding: finding.rank)
    certain = next((each for each in found if each.weight in (Weight.CONDEMNS, Weight.CONDEMNS_IF_NEW)), None)
    if certain:
        return Readiness(State.GUILTY, certain.why, certain.object, certain.since, certain.sign)
    longest = min(waiting, key=lambda each: (bake.unready[title(each[0])], title(each[0])))
    what, health = title(longest[0]), longest[1]
    since = bake.unready[what]
    why = f"{what} is no longer ready: {health.message}."
    if at - since <= LONGEST_LEAVE:
        return Readiness(State.WORKING, why, what, since, Sign.LEFT_CURRENT)
    shown = [finding for finding in found if finding.object == what]
    excuse = next((each for each in shown if each.weight is Weight.EXCUSES), None)
    if excuse:
        return Readiness(State.ENVIRONMENT, excuse.why, what, since, excuse.sign)
    told = shown[0].why if shown[0].sign is not Sign.NOT_READY else why
    return Readiness(State.GUILTY, told, what, since, Sign.LEFT_CURRENT)
