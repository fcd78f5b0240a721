"""Objects as API servers and kubelets of 1.30 and later report them, cut down to what decisions read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When the attempts of these tests begin."""
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def at(seconds: float) -> str:
    """A timestamp so many seconds after ``T0``, as Kubernetes writes it."""
    return (T0 + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def when(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def condition(kind: str, status: str = "True", reason: str = "", message: str = "", since: float = 0) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at(since)}


def obj(api_version: str, kind: str, name: str, spec: Any = None, status: Any = None, **meta: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "uid": f"{kind.lower()}-{name}", **meta},
    }
    if spec is not None:
        found["spec"] = spec
    if status is not None:
        found["status"] = status
    return found


def owner(of: dict[str, Any]) -> list[dict[str, Any]]:
    meta = of["metadata"]
    return [{"kind": of["kind"], "name": meta["name"], "uid": meta["uid"], "controller": True}]


def deployment(
    name: str = "web",
    replicas: int = 2,
    *,
    ready: int = 2,
    updated: int | None = None,
    total: int | None = None,
    **rest: Any,
) -> dict[str, Any]:
    """A Deployment whose newest ReplicaSet has ``updated`` pods; by default all of them ready."""
    updated = replicas if updated is None else updated
    is_done = ready >= replicas and updated >= replicas
    progressing = rest.pop("progressing", None) or (
        condition("Progressing", "True", "NewReplicaSetAvailable" if is_done else "ReplicaSetUpdated")
    )
    conditions = [condition("Available", "True" if ready else "False"), progressing, *rest.pop("conditions", [])]
    status = {
        "observedGeneration": rest.pop("observed", 2),
        "replicas": max(updated, ready) if total is None else total,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "conditions": conditions,
    }
    spec = {"replicas": replicas, "progressDeadlineSeconds": 600, **rest.pop("spec", {})}
    return obj("apps/v1", "Deployment", name, spec, status, generation=2, **rest)


def replica_set(
    of: dict[str, Any],
    revision: int,
    replicas: int = 2,
    *,
    available: int | None = None,
    conditions: Sequence[Any] = (),
) -> dict[str, Any]:
    available = replicas if available is None else available
    return obj(
        "apps/v1",
        "ReplicaSet",
        f"{of['metadata']['name']}-{revision}",
        {"replicas": replicas},
        {"replicas": replicas, "availableReplicas": available, "conditions": list(conditions)},
        annotations={"deployment.kubernetes.io/revision": str(revision)},
        ownerReferences=owner(of),
    )


def pod(
    of: dict[str, Any] | None,
    *containers: dict[str, Any],
    name: str = "pod",
    ready: bool = False,
    created: float = 1,
    ready_since: float | None = None,
    conditions: Sequence[dict[str, Any]] = (),
    **rest: Any,
) -> dict[str, Any]:
    """A pod; ``of`` is what controls it. Its status has the conditions a kubelet sets."""
    status = {
        "phase": "Running" if ready else "Pending",
        "startTime": at(created),
        "conditions": [
            condition("Ready", "True" if ready else "False", since=created if ready_since is None else ready_since),
            *conditions,
        ],
        "containerStatuses": list(containers),
        **rest.pop("status", {}),
    }
    references = {"ownerReferences": owner(of)} if of else {}
    return obj("v1", "Pod", name, rest.pop("spec", {}), status, creationTimestamp=at(created), **references, **rest)


def waiting(reason: str, message: str = "", image: str = "registry.test/shop/web:2", **rest: Any) -> dict[str, Any]:
    """A container that waits."""
    return {
        "name": rest.pop("name", "app"),
        "image": image,
        "ready": False,
        "restartCount": rest.pop("restarts", 0),
        "state": {"waiting": {"reason": reason, "message": message}},
        **rest,
    }


def crashed(
    restarts: int,
    *,
    code: int = 1,
    reason: str = "Error",
    ended: float = 30,
    ran: float = 1,
    message: str = "",
    **rest: Any,
) -> dict[str, Any]:
    """A container in back-off that has been restarted so many times."""
    last = {
        "exitCode": code,
        "reason": reason,
        "startedAt": at(ended - ran),
        "finishedAt": at(ended),
        "message": message,
    }
    return waiting(
        "CrashLoopBackOff",
        "back-off 20s restarting failed container",
        restarts=restarts,
        lastState={"terminated": last},
        **rest,
    )


def running(restarts: int = 0, *, ready: bool = True, **rest: Any) -> dict[str, Any]:
    """A container that runs."""
    return {
        "name": "app",
        "image": "registry.test/shop/web:2",
        "ready": ready,
        "restartCount": restarts,
        "state": {"running": {"startedAt": at(2)}},
        **rest,
    }


def event(of: dict[str, Any], reason: str, message: str, seconds: float = 5) -> dict[str, Any]:
    """An event about ``of`` as events.k8s.io has it."""
    return {
        "regarding": {"kind": of["kind"], "name": of["metadata"]["name"]},
        "reason": reason,
        "note": message,
        "deprecatedLastTimestamp": at(seconds),
    }


def stateful_set(
    name: str = "db", replicas: int = 2, *, ready: int = 2, current: str = "db-1", update: str = "db-1", **rest: Any
) -> dict[str, Any]:
    status = {
        "observedGeneration": 2,
        "replicas": rest.pop("total", replicas),
        "readyReplicas": ready,
        "currentReplicas": rest.pop("current_replicas", replicas),
        "updatedReplicas": rest.pop("updated", replicas),
        "currentRevision": current,
        "updateRevision": update,
    }
    spec = {"replicas": replicas, **rest.pop("spec", {})}
    return obj("apps/v1", "StatefulSet", name, spec, status, generation=2, **rest)


def daemon_set(name: str = "agent", wanted: int = 2, **status: Any) -> dict[str, Any]:
    found = {
        "observedGeneration": 2,
        "desiredNumberScheduled": wanted,
        "currentNumberScheduled": wanted,
        "updatedNumberScheduled": wanted,
        "numberAvailable": wanted,
        "numberReady": wanted,
        **status,
    }
    notes = {"deprecated.daemonset.template.generation": "2"}
    return obj("apps/v1", "DaemonSet", name, {}, found, generation=2, annotations=notes)
