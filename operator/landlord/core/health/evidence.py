"""What can be seen at a workload that is not ready: signs at its pods, at its controller and in events."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from landlord.core.health.belongings import NO_REPLICA_SET, Belongings, is_since, meta, moment, title
from landlord.core.health.kstatus import Health, HealthState, Object, condition, group_kind, reported
from landlord.core.health.refusals import brief, cause, of_creation, of_mount, of_pull, refusal
from landlord.core.health.signs import Finding, Sign

CRASHES = 3
"""Restarts in one attempt, without having become ready, that make a crash loop."""
STEADY = timedelta(minutes=1)
"""A container without a readiness probe counts as ready the moment it runs; so long it must run to have been."""
SETTLED = timedelta(seconds=10)
"""How long a container that has been restarted must run before it is believed: between crashes it looks ready, too."""
CONFIG_GRACE = timedelta(seconds=15)
"""How old a pod must be before what it refers to counts as missing: the chart itself may make it late."""

_PULLS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"})
_NODE_REASONS = frozenset(
    {"Evicted", "NodeLost", "NodeAffinity", "NodeShutdown", "Terminated", "Preempting", "UnexpectedAdmissionError"}
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is the same for all objects of one look."""

    started: datetime
    now: datetime
    restarts_before: Mapping[str, int] = field(default_factory=dict)
    are_secrets_synced: bool = True
    events: Mapping[tuple[str, str], Sequence[Object]] = field(default_factory=dict)

    def events_of(self, obj: Object, *reasons: str) -> Iterator[Object]:
        """Events of these reasons about ``obj`` since the deploy, the newest first."""
        about = self.events.get((str(obj.get("kind")), str(meta(obj).get("name"))), ())
        found = [event for event in about if event.get("reason") in reasons]
        recent = [event for event in found if (seen_at(event) or self.now) >= self.started]
        yield from sorted(recent, key=lambda event: seen_at(event) or self.now, reverse=True)


def by_object(events: Iterable[Object]) -> dict[tuple[str, str], list[Object]]:
    """Events by kind and name of what they are about, in whichever of the two APIs they were read."""
    index: dict[tuple[str, str], list[Object]] = {}
    for event in events:
        about = event.get("regarding") or event.get("involvedObject") or {}
        index.setdefault((str(about.get("kind")), str(about.get("name"))), []).append(event)
    return index


def seen_at(event: Object) -> datetime | None:
    """When the event was last seen."""
    times = (
        (event.get("series") or {}).get("lastObservedTime"),
        *(event.get(key) for key in ("lastTimestamp", "deprecatedLastTimestamp", "eventTime")),
        meta(event).get("creationTimestamp"),
    )
    return next(filter(None, map(moment, times)), None)


def findings(obj: Object, health: Health, mine: Belongings, scene: Scene) -> Iterator[Finding]:
    """The signs at one object that is not Current, the plain fact of that included."""
    what = title(obj)
    yield from _of_health(obj, health, scene.started)
    yield from _of_controller(obj, mine, scene)
    for pod in mine.new_pods:
        yield from _of_pod(pod, what, scene, is_counted=group_kind(obj) != ("batch", "Job"))
    if group_kind(obj) == ("", "PersistentVolumeClaim"):
        for event in scene.events_of(obj, "ProvisioningFailed"):
            yield Finding(Sign.VOLUME, what, f"{what} gets no volume: {brief(_note(event))}.", seen_at(event))


_FAILED = {
    ("apps", "Deployment"): Sign.DEADLINE_EXCEEDED,
    ("batch", "Job"): Sign.JOB_FAILED,
    ("", "PersistentVolumeClaim"): Sign.VOLUME,
}

_TELLS = {("apps", "Deployment"): "Progressing", ("batch", "Job"): "Failed"}
"""The condition by which each kind says that it has failed."""


def _of_health(obj: Object, health: Health, started: datetime) -> Iterator[Finding]:
    what = title(obj)
    match health.state:
        case HealthState.FAILED:
            since = moment(condition(obj, _TELLS.get(group_kind(obj), "Stalled")).get("lastTransitionTime"))
            # A rollback to a ReplicaSet that is there already leaves the old failure standing for a while.
            is_old = since is not None and since < started.replace(microsecond=0)
            sign = Sign.OBJECT_FAILED if is_old else _FAILED.get(group_kind(obj), Sign.OBJECT_FAILED)
            yield Finding(sign, what, f"{what} has failed: {brief(health.message)}.", since)
        case HealthState.NOT_FOUND:
            yield Finding(Sign.OBJECT_MISSING, what, f"{what} is not there, though it was applied.")
        case _:
            yield Finding(Sign.NOT_READY, what, f"{what} is not ready: {brief(health.message)}.")


def _of_controller(obj: Object, mine: Belongings, scene: Scene) -> Iterator[Finding]:
    """Why pods are not even created, as conditions and events tell."""
    what = title(obj)
    progressing = condition(obj, "Progressing")
    if progressing.get("reason") == NO_REPLICA_SET:
        yield _uncreated(what, progressing.get("message"), moment(progressing.get("lastTransitionTime")))
    for each in filter(None, (obj, mine.new_set)):
        failure = condition(each, "ReplicaFailure")
        if failure.get("status") == "True":
            yield _uncreated(what, failure.get("message"), moment(failure.get("lastTransitionTime")))
        for event in scene.events_of(each, "FailedCreate"):
            if _is_unanswered(event, mine.new_pods):
                yield _uncreated(what, _note(event), seen_at(event))
                break


def _is_unanswered(event: Object, pods: Sequence[Object]) -> bool:
    """Whether no pod was created after the event, so that it still holds."""
    at = seen_at(event)
    return at is None or not any(is_since(pod, at) for pod in pods)


def _uncreated(what: str, message: object, since: datetime | None) -> Finding:
    why = f"Pods of {what} cannot be created: {brief(refusal(str(message)))}."
    return Finding(of_creation(str(message)), what, why, since)


def _note(event: Object) -> str:
    return str(event.get("note") or event.get("message") or "")


def _of_pod(pod: Object, what: str, scene: Scene, *, is_counted: bool) -> Iterator[Finding]:
    if condition(pod, "Ready").get("status") == "True":
        return
    name = f"Pod {meta(pod).get('name')} of {what}" if title(pod) != what else what
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        since = moment(scheduled.get("lastTransitionTime"))
        yield Finding(Sign.UNSCHEDULABLE, what, f"{name} gets no node: {brief(scheduled.get('message'))}.", since)
        return
    found = reported(pod)
    reason = str(found.get("reason") or "")
    if (
        reason in _NODE_REASONS
        or reason.startswith("OutOf")
        or condition(pod, "DisruptionTarget").get("status") == "True"
    ):
        words = brief(f"{reason} {found.get('message') or ''}") or "its node was disrupted"
        yield Finding(Sign.NODE, what, f"{name} lost its place on the node: {words}.")
    for status in [*(found.get("initContainerStatuses") or ()), *(found.get("containerStatuses") or ())]:
        yield from _of_container(pod, status, (what, name), scene, is_counted=is_counted)
    yield from _of_start(pod, what, name, scene)


def _of_start(pod: Object, what: str, name: str, scene: Scene) -> Iterator[Finding]:
    """Why no container was even tried: volumes and the sandbox, which only events tell."""
    if any((status.get("state") or {}).get("running") for status in reported(pod).get("containerStatuses") or ()):
        return
    for event in scene.events_of(pod, "FailedMount", "FailedAttachVolume"):
        yield Finding(of_mount(_note(event)), what, f"{name} gets no volume: {brief(_note(event))}.", seen_at(event))
        break
    for event in scene.events_of(pod, "FailedCreatePodSandBox"):
        yield Finding(Sign.NODE, what, f"{name} cannot be started by its node: {brief(_note(event))}.", seen_at(event))
        break


def _of_container(
    pod: Object, status: Mapping[str, Any], names: tuple[str, str], scene: Scene, *, is_counted: bool
) -> Iterator[Finding]:
    what, name = names[0], f"Container {status.get('name')} of {names[1]}"
    waiting = (status.get("state") or {}).get("waiting") or {}
    reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in _PULLS:
        yield _of_image(pod, status, message, what, name, scene)
    elif reason == "InvalidImageName":
        yield Finding(Sign.INVALID_IMAGE_NAME, what, f"{name} has an invalid image name: {brief(status.get('image'))}.")
    elif reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        yield _of_configuration(pod, reason, message, what, name, scene)
    if is_counted:
        yield from _of_crashes(pod, status, what, name, scene)


def _of_image(pod: Object, status: Mapping[str, Any], message: str, what: str, name: str, scene: Scene) -> Finding:
    image = str(status.get("image") or "")
    sign = of_pull(message, image)
    if sign is Sign.POD_TROUBLE:
        # Older kubelets say why only in the event.
        for event in scene.events_of(pod, "Failed"):
            if image in _note(event) and (told := of_pull(_note(event), image)) is not Sign.POD_TROUBLE:
                sign, message = told, _note(event)
                break
    if sign is Sign.IMAGE_UNAUTHORIZED and not scene.are_secrets_synced:
        sign = Sign.POD_TROUBLE
    return Finding(sign, what, f"{name} cannot pull {image}: {brief(cause(message, image))}.")


def _of_configuration(pod: Object, reason: str, message: str, what: str, name: str, scene: Scene) -> Finding:
    created = moment(meta(pod).get("creationTimestamp")) or scene.started
    is_sure = reason == "CreateContainerConfigError" and scene.are_secrets_synced
    sign = Sign.CONTAINER_CONFIG if is_sure and scene.now - created >= CONFIG_GRACE else Sign.POD_TROUBLE
    return Finding(sign, what, f"{name} cannot be made: {brief(message or reason)}.")


def _of_crashes(pod: Object, status: Mapping[str, Any], what: str, name: str, scene: Scene) -> Iterator[Finding]:
    count = int(status.get("restartCount") or 0) - restarts_before(pod, status, scene)
    ended = ended_last(status)
    if status.get("ready") or count <= 0 or not ended:
        return
    is_loop = count >= CRASHES and not (_was_ready(pod) and _ran_for(ended) >= STEADY)
    sign = Sign.POD_TROUBLE
    if is_loop:
        sign = Sign.OUT_OF_MEMORY if ended.get("reason") == "OOMKilled" else Sign.CRASH_LOOP
    why = f"{name} has ended {count} times since the deploy, last {_end(ended)}, and is not ready."
    yield Finding(sign, what, why, moment(ended.get("finishedAt")))


def _end(ended: Mapping[str, Any]) -> str:
    match ended.get("reason"):
        case "OOMKilled":
            return "for want of memory"
        case "StartError" | "ContainerCannotRun":
            return f"because it cannot be started ({brief(ended.get('message'))})"
        case _:
            # Never the message: it is what the program wrote last, and that may be a secret.
            return f"with exit code {ended.get('exitCode')}"


def unsettled(what: str, mine: Belongings, scene: Scene) -> Finding | None:
    """A container of a ready pod that has only just come back from a crash."""
    for pod in mine.new_pods:
        for status in reported(pod).get("containerStatuses") or ():
            count = int(status.get("restartCount") or 0) - restarts_before(pod, status, scene)
            began = moment(((status.get("state") or {}).get("running") or {}).get("startedAt"))
            if count > 0 and began and timedelta() <= scene.now - began < SETTLED:
                name = f"Container {status.get('name')} of Pod {meta(pod).get('name')} of {what}"
                why = f"{name} has ended {count} times since the deploy and has only just been started again."
                return Finding(Sign.CRASH_LOOP if count >= CRASHES else Sign.POD_TROUBLE, what, why, began)
    return None


def container_key(pod: Object, status: Mapping[str, Any]) -> str:
    """``<pod uid>/<container>``, by which restarts are counted."""
    return f"{meta(pod).get('uid')}/{status.get('name')}"


def restarts_before(pod: Object, status: Mapping[str, Any], scene: Scene) -> int:
    """Restarts that do not count: those before the deploy, all of them where they are not known."""
    known = scene.restarts_before.get(container_key(pod, status))
    if known is not None:
        return known
    return 0 if is_since(pod, scene.started) else int(status.get("restartCount") or 0)


def ended_last(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the container ended last, empty when it never did."""
    for key in ("state", "lastState"):
        if ended := (status.get(key) or {}).get("terminated"):
            return dict(ended)
    return {}


def _ran_for(ended: Mapping[str, Any]) -> timedelta:
    begin, end = moment(ended.get("startedAt")), moment(ended.get("finishedAt"))
    return end - begin if begin and end else timedelta()


def _was_ready(pod: Object) -> bool:
    """Whether its Ready condition ever changed since the pod began."""
    changed, began = moment(condition(pod, "Ready").get("lastTransitionTime")), moment(reported(pod).get("startTime"))
    return changed is not None and began is not None and changed - began > timedelta(seconds=5)
