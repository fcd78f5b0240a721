"""Whether one object is as it should be, judged from its own status alone, as kstatus would and a little stricter.

Stricter or kinder than kstatus in this: a Job must complete (or be suspended), a Pod that failed has failed, a paused
Deployment is left alone, a DaemonSet updated OnDelete need not be updated, and ``observedGeneration`` may be text.
Nothing here fails a workload for what its pods do; ``readiness`` does, with more evidence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Object = Mapping[str, Any]

NO_DEADLINE = 2**31 - 1
"""The ``progressDeadlineSeconds`` by which a Deployment says that it has none."""


class HealthState(StrEnum):
    """What an object's status says of it."""

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    NOT_FOUND = "NotFound"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """A state and a few words about it, fit to follow the object's name and a colon."""

    state: HealthState
    message: str = ""

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to wait for."""
        return self.state is HealthState.CURRENT


CURRENT = Health(HealthState.CURRENT)


def status(obj: Object | None) -> Health:
    """The health of ``obj``; None is an object that is not there."""
    if obj is None:
        return Health(HealthState.NOT_FOUND, "it does not exist")
    if (obj.get("metadata") or {}).get("deletionTimestamp"):
        return Health(HealthState.TERMINATING, "it is being deleted")
    return _unobserved(obj) or _abnormal(obj) or _RULES.get(group_kind(obj), _custom)(obj)


def missing(manifest: Object) -> Health:
    """The health of an object that was applied and is not there: a Job that cleans up after itself is done."""
    spec = manifest.get("spec") or {}
    if group_kind(manifest) == ("batch", "Job") and spec.get("ttlSecondsAfterFinished") is not None:
        return CURRENT
    return status(None)


def group_kind(obj: Object) -> tuple[str, str]:
    """The API group and kind, by which alone a kind is known: others have a Service or Job of their own."""
    return str(obj.get("apiVersion") or "").rpartition("/")[0], str(obj.get("kind") or "")


def reported(obj: Object) -> Mapping[str, Any]:
    """Its status, empty when there is none or when it is no map, as custom resources may have it."""
    found = obj.get("status")
    return found if isinstance(found, Mapping) else {}


def condition(obj: Object, kind: str) -> Mapping[str, Any]:
    """The condition of that type, empty when there is none."""
    entries = reported(obj).get("conditions")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("type") == kind:
            return entry
    return {}


def is_true(obj: Object, kind: str) -> bool:
    """Whether the condition is there and True."""
    return bool(condition(obj, kind).get("status") == "True")


def is_observed(obj: Object) -> bool:
    """Whether its controller has seen its newest generation, as far as it tells."""
    return _unobserved(obj) is None


def _unobserved(obj: Object) -> Health | None:
    generation = (obj.get("metadata") or {}).get("generation")
    seen = reported(obj).get("observedGeneration")
    # Text that is no number is some digest of an older API; nothing can be read from it.
    if seen is None or generation is None or (isinstance(seen, str) and not seen.isdecimal()):
        return None
    if isinstance(seen, bool) or not isinstance(seen, int | str):
        return Health(HealthState.UNKNOWN, "its observedGeneration is no number")
    if int(seen) == int(generation):
        return None
    return _waiting(f"its controller has seen generation {seen}, not yet {generation}")


def _abnormal(obj: Object) -> Health | None:
    """What the two conditions say that are present only when something is."""
    if is_true(obj, "Reconciling"):
        return _waiting(_said(obj, "Reconciling", "its controller is at work"))
    if is_true(obj, "Stalled"):
        return _failed(_said(obj, "Stalled", "its controller has given up"))
    return None


def _waiting(message: str) -> Health:
    return Health(HealthState.IN_PROGRESS, message)


def _failed(message: str) -> Health:
    return Health(HealthState.FAILED, message)


def _said(obj: Object, kind: str, otherwise: str) -> str:
    entry = condition(obj, kind)
    return str(entry.get("message") or entry.get("reason") or otherwise)


def _number(values: Any, key: str, otherwise: int = 0) -> int:
    """The whole number at ``key``, ``otherwise`` when absent."""
    found = values.get(key) if isinstance(values, Mapping) else None
    return found if isinstance(found, int) else otherwise


def _short(obj: Object, wanted: int, *keys: tuple[str, str]) -> Health | None:
    """The first count of the status that is below ``wanted``, in words."""
    found = reported(obj)
    for key, word in keys:
        if (count := _number(found, key)) < wanted:
            return _waiting(f"{count} of {wanted} replicas are {word}")
    return None


def _surplus(obj: Object, wanted: int) -> Health | None:
    extra = _number(reported(obj), "replicas") - wanted
    return _waiting(f"{extra} replicas more than wanted are still there") if extra > 0 else None


def _custom(obj: Object) -> Health:
    """A custom resource: its Ready condition, if it has any."""
    ready = condition(obj, "Ready")
    seen, generation = ready.get("observedGeneration"), (obj.get("metadata") or {}).get("generation")
    if isinstance(seen, int) and isinstance(generation, int) and seen < generation:
        return _waiting(f"its Ready condition speaks of generation {seen}, not yet of {generation}")
    if not ready or ready.get("status") == "True":
        return CURRENT
    return _waiting(_said(obj, "Ready", "it is not ready"))


def _deployment(obj: Object) -> Health:
    spec = obj.get("spec") or {}
    if spec.get("paused") is True:
        return Health(HealthState.CURRENT, "it is paused")
    progressing = condition(obj, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return _failed(_said(obj, "Progressing", "it made no progress in time"))
    wanted = _number(spec, "replicas", 1)
    if counts := (
        _short(obj, wanted, ("replicas", "created"), ("updatedReplicas", "updated"))
        or _surplus(obj, wanted)
        or _short(obj, wanted, ("availableReplicas", "available"), ("readyReplicas", "ready"))
    ):
        return counts
    has_deadline = _number(spec, "progressDeadlineSeconds", NO_DEADLINE) != NO_DEADLINE
    if has_deadline and progressing.get("reason") != "NewReplicaSetAvailable":
        return _waiting("its new ReplicaSet is not available yet")
    return CURRENT if is_true(obj, "Available") else _waiting("it is not available yet")


def _stateful_set(obj: Object) -> Health:
    spec, found = obj.get("spec") or {}, reported(obj)
    update = spec.get("updateStrategy") or {}
    if update.get("type") == "OnDelete":
        return Health(HealthState.CURRENT, "its pods are updated when they are deleted")
    wanted = _number(spec, "replicas", 1)
    if counts := _short(obj, wanted, ("replicas", "created"), ("readyReplicas", "ready")) or _surplus(obj, wanted):
        return counts
    partition = _number(update.get("rollingUpdate"), "partition")
    if partition:
        return _short(obj, wanted - partition, ("updatedReplicas", "updated")) or CURRENT
    if counts := _short(obj, wanted, ("currentReplicas", "of the current revision")):
        return counts
    is_rolled_out = found.get("currentRevision") == found.get("updateRevision")
    return CURRENT if is_rolled_out else _waiting("not all its pods are of the newest revision")


def _daemon_set(obj: Object) -> Health:
    found = reported(obj)
    if "observedGeneration" not in found or "desiredNumberScheduled" not in found:
        return _waiting("its controller has not seen it yet")
    wanted = _number(found, "desiredNumberScheduled")
    is_rolled = ((obj.get("spec") or {}).get("updateStrategy") or {}).get("type") != "OnDelete"
    updated = [("updatedNumberScheduled", "updated")] if is_rolled else []
    counts = [("currentNumberScheduled", "scheduled"), *updated, ("numberAvailable", "available")]
    return _short(obj, wanted, *counts, ("numberReady", "ready")) or CURRENT


def _replica_set(obj: Object) -> Health:
    if is_true(obj, "ReplicaFailure"):
        return _waiting(_said(obj, "ReplicaFailure", "its pods cannot be created"))
    wanted = _number(obj.get("spec"), "replicas", 1)
    counts = (("fullyLabeledReplicas", "created"), ("availableReplicas", "available"), ("readyReplicas", "ready"))
    return _short(obj, wanted, *counts) or _surplus(obj, wanted) or CURRENT


def _pod(obj: Object) -> Health:
    found = reported(obj)
    phase = found.get("phase")
    if phase == "Succeeded":
        return CURRENT
    if phase == "Failed":
        return _failed(str(found.get("reason") or "it ended with a failure"))
    if phase == "Running" and is_true(obj, "Ready"):
        return CURRENT
    if condition(obj, "PodScheduled").get("status") == "False":
        return _waiting(_said(obj, "PodScheduled", "it has no node yet"))
    return _waiting("it is not ready yet")


def _job(obj: Object) -> Health:
    for kind in ("Failed", "FailureTarget"):
        if is_true(obj, kind):
            return _failed(_said(obj, kind, "it failed"))
    if is_true(obj, "Complete"):
        return CURRENT
    if (obj.get("spec") or {}).get("suspend") is True:
        return Health(HealthState.CURRENT, "it is suspended")
    return _waiting("it is not complete yet")


def _claim(obj: Object) -> Health:
    phase = reported(obj).get("phase")
    if phase == "Lost":
        return _failed("its volume is gone")
    return CURRENT if phase == "Bound" else _waiting("it is not bound to a volume yet")


def _service(obj: Object) -> Health:
    spec = obj.get("spec") or {}
    is_bare = spec.get("type") == "LoadBalancer" and not spec.get("clusterIP")
    return _waiting("it has no address within the cluster yet") if is_bare else CURRENT


def _definition(obj: Object) -> Health:
    established = condition(obj, "Established")
    if condition(obj, "NamesAccepted").get("status") == "False":
        return _failed(_said(obj, "NamesAccepted", "its names are taken"))
    if established.get("status") == "False" and established.get("reason") != "Installing":
        return _failed(_said(obj, "Established", "it cannot be served"))
    return CURRENT if established.get("status") == "True" else _waiting("it is not served yet")


def _api_service(obj: Object) -> Health:
    return CURRENT if is_true(obj, "Available") else _waiting(_said(obj, "Available", "it is not available yet"))


def _always(_: Object) -> Health:
    return CURRENT


_RULES: Mapping[tuple[str, str], Callable[[Object], Health]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "ReplicationController"): _replica_set,
    ("", "Pod"): _pod,
    ("batch", "Job"): _job,
    ("batch", "CronJob"): _always,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("", "ConfigMap"): _always,
    ("", "Secret"): _always,
    ("policy", "PodDisruptionBudget"): _always,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
}
