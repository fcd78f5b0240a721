"""Whether a deployed release is ready, still at work, or bad; and if bad, whose fault it is.

What decides when is one table, ``signs.WEIGHTS``. Before the deadline only what cannot heal by itself condemns; a first
install has nothing to go back to, so there only the deadline does.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from landlord.core.health.belongings import Belongings, meta, of, title
from landlord.core.health.evidence import Scene, by_object, container_key, findings, unsettled
from landlord.core.health.kstatus import (
    CURRENT,
    Health,
    HealthState,
    Object,
    condition,
    group_kind,
    missing,
    reported,
    status,
)
from landlord.core.health.signs import MOST_NAMED, Finding, Readiness, Sign, State, Weight

__all__ = ["Finding", "Readiness", "Sign", "State", "failing", "judge", "not_current", "restarts"]

_NAMELESS: Object = {"kind": "Object", "metadata": {"name": "of the release"}}
_PROVISIONERS = ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner")


def judge(  # noqa: PLR0913 - these are all the facts there are, each by its name
    objects: Sequence[Object | None],
    pods: Sequence[Object],
    replica_sets: Sequence[Object],
    *,
    started: datetime,
    now: datetime,
    deadline: datetime,
    is_first: bool,
    was_failing: Collection[str] = (),
    absent: Sequence[Object] = (),
    events: Sequence[Object] = (),
    are_secrets_synced: bool = True,
    restarts_before: Mapping[str, int] | None = None,
) -> Readiness:
    """The state at ``now`` of the release's ``objects``, and of those that are ``absent``, given as their manifests.

    An object that is not there and whose manifest is not at hand is None; it is waited for.
    ``pods``, ``replica_sets`` and ``events`` are those of the namespace. ``was_failing`` names objects (``Kind/name``)
    that were bad before the deploy, while no attempt was under way: they cannot condemn. ``restarts_before`` is what
    ``restarts`` said then.
    """
    scene = Scene(started, now, restarts_before or {}, are_secrets_synced, by_object(events))
    waiting = not_current(objects, pods, absent)
    if not waiting:
        return _unbelieved(objects, pods, replica_sets, scene, is_over=now >= deadline) or Readiness(
            State.READY, f"All {len(objects) + len(absent)} objects are ready."
        )
    belongings = [of(obj, pods, replica_sets, started) for obj, _ in waiting]
    found = [
        finding
        for (obj, health), mine in zip(waiting, belongings, strict=True)
        for finding in findings(obj, health, mine, scene)
    ]
    answer = _decided(found, was_failing, is_over=now >= deadline, is_first=is_first)
    is_losing = not is_first and any(_loses_old(obj, mine) for (obj, _), mine in zip(waiting, belongings, strict=True))
    named = tuple(sorted({title(obj) for obj, _ in waiting}))[:MOST_NAMED]
    return replace(answer, is_losing_old_pods=is_losing, waiting_for=named)


def _unbelieved(
    objects: Sequence[Object | None],
    pods: Sequence[Object],
    replica_sets: Sequence[Object],
    scene: Scene,
    *,
    is_over: bool,
) -> Readiness | None:
    """Why what looks ready is not yet believed; at the deadline only what has crashed often is not."""
    mine = ((title(obj), of(obj, pods, replica_sets, scene.started)) for obj in objects if obj is not None)
    found = [finding for what, each in mine if (finding := unsettled(what, each, scene))]
    if is_over:
        found = [finding for finding in found if finding.sign is Sign.CRASH_LOOP]
    if not found:
        return None
    return _answer(State.GUILTY if is_over else State.WORKING, min(found, key=lambda finding: finding.rank))


def _decided(found: Iterable[Finding], was_failing: Collection[str], *, is_over: bool, is_first: bool) -> Readiness:
    """The one finding that decides, or that is told while waiting."""
    ranked = sorted(found, key=lambda finding: finding.rank)
    excuses = [finding for finding in ranked if finding.weight is Weight.EXCUSES]
    condemning = [finding for finding in ranked if _condemns(finding, excuses, was_failing)]
    accusing = [each for each in ranked if each.weight is Weight.ACCUSES and each.object not in was_failing]
    if condemning and (is_over or not is_first):
        return _answer(State.GUILTY, _detailed(condemning[0], accusing))
    if not is_over:
        return _answer(State.WORKING, [*condemning, *excuses, *ranked][0])
    if excuses:
        return _answer(State.ENVIRONMENT, excuses[0])
    if accusing:
        return _answer(State.GUILTY, accusing[0])
    return _answer(State.ENVIRONMENT, replace(ranked[0], why=f"{ranked[0].why} It was so before the deploy."))


def _detailed(finding: Finding, accusing: Iterable[Finding]) -> Finding:
    """The finding, and where it says only that time ran out, what its pods show."""
    if finding.sign is not Sign.DEADLINE_EXCEEDED:
        return finding
    mine = (each for each in accusing if (each.sign, each.object) == (Sign.POD_TROUBLE, finding.object))
    detail = next(mine, None)
    return replace(finding, why=f"{finding.why} {detail.why}") if detail else finding


def _condemns(finding: Finding, excuses: Iterable[Finding], was_failing: Collection[str]) -> bool:
    match finding.weight:
        case Weight.CONDEMNS:
            return True
        case Weight.CONDEMNS_IF_NEW:
            return finding.object not in was_failing
        case Weight.CONDEMNS_IF_UNEXPLAINED:
            is_explained = any(excuse.object == finding.object for excuse in excuses)
            return finding.object not in was_failing and not is_explained
        case _:
            return False


def _answer(state: State, finding: Finding) -> Readiness:
    return Readiness(state, finding.why, finding.object, finding.since, finding.sign)


def not_current(
    objects: Sequence[Object | None], pods: Sequence[Object], absent: Sequence[Object]
) -> list[tuple[Object, Health]]:
    """The objects that are not Current, each with its health."""
    healths = [(obj or _NAMELESS, _health(obj, pods)) for obj in objects] + [(obj, missing(obj)) for obj in absent]
    return [(obj, health) for obj, health in healths if not health.is_current]


def _health(obj: Object | None, pods: Sequence[Object]) -> Health:
    health = status(obj)
    if obj is None or group_kind(obj) != ("", "PersistentVolumeClaim") or health.state is not HealthState.IN_PROGRESS:
        return health
    return CURRENT if _waits_for_consumer(obj, pods) else health


def _waits_for_consumer(claim: Object, pods: Sequence[Object]) -> bool:
    """Whether nobody uses the claim and nobody was asked for its volume: so it is to be, until somebody does."""
    notes = meta(claim).get("annotations") or {}
    if any(key in notes for key in _PROVISIONERS):
        return False
    name = meta(claim).get("name")
    volumes = [volume for pod in pods for volume in (pod.get("spec") or {}).get("volumes") or ()]
    return not any((volume.get("persistentVolumeClaim") or {}).get("claimName") == name for volume in volumes)


def _loses_old(obj: Object, mine: Belongings) -> bool:
    """Whether fewer pods than there should be do the work that the old revision did."""
    found = reported(obj)
    match group_kind(obj):
        case ("apps", "Deployment"):
            wanted = sum(int((each.get("spec") or {}).get("replicas") or 0) for each in mine.old_sets)
            available = sum(int(reported(each).get("availableReplicas") or 0) for each in mine.old_sets)
            is_recreated = ((obj.get("spec") or {}).get("strategy") or {}).get("type") == "Recreate"
            return available < wanted or bool(is_recreated and mine.old_sets and not found.get("availableReplicas"))
        case ("apps", "StatefulSet"):
            is_update = found.get("currentRevision") != found.get("updateRevision")
            return is_update and not all(condition(pod, "Ready").get("status") == "True" for pod in mine.new_pods)
        case ("apps", "DaemonSet"):
            return bool(found.get("numberUnavailable"))
        case _:
            return False


def restarts(pods: Sequence[Object]) -> dict[str, int]:
    """Restarts so far by ``<pod uid>/<container>``: the baseline of an attempt or a bake."""
    return {
        container_key(pod, each): int(each.get("restartCount") or 0)
        for pod in pods
        for each in [
            *(reported(pod).get("initContainerStatuses") or ()),
            *(reported(pod).get("containerStatuses") or ()),
        ]
    }


def failing(
    objects: Sequence[Object | None], pods: Sequence[Object], _replica_sets: Sequence[Object] = ()
) -> frozenset[str]:
    """The objects (``Kind/name``) that are not Current: the baseline, taken before a deploy and at rest."""
    return frozenset(title(obj) for obj, _ in not_current(objects, pods, ()))
