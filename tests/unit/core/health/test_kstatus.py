"""kstatus: every rule of every kind, with the places where ours is stricter or kinder."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.core.health.kstatus import Health, HealthState, missing, status
from tests.unit.core.health.objects import condition, daemon_set, deployment, obj, pod, running, stateful_set

CURRENT, IN_PROGRESS, FAILED = HealthState.CURRENT, HealthState.IN_PROGRESS, HealthState.FAILED
TERMINATING, UNKNOWN = HealthState.TERMINATING, HealthState.UNKNOWN


def custom(*conditions: dict[str, Any], generation: int = 2, **status: Any) -> dict[str, Any]:
    return obj("example.org/v1", "Thing", "t", {}, {"conditions": list(conditions), **status}, generation=generation)


def job(*conditions: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return obj("batch/v1", "Job", "j", spec, {"startTime": "x", "active": 1, "conditions": list(conditions)})


CASES: list[tuple[str, dict[str, Any], HealthState, str]] = [
    # What holds for every kind.
    ("an object being deleted", obj("v1", "ConfigMap", "c", deletionTimestamp="x"), TERMINATING, "deleted"),
    ("a deletion goes before all else", deployment(deletionTimestamp="x"), TERMINATING, "deleted"),
    ("a generation not yet seen", deployment(observed=1), IN_PROGRESS, "generation 1, not yet 2"),
    ("a generation as text, not yet seen", custom(observedGeneration="1"), IN_PROGRESS, "generation 1, not yet 2"),
    ("a generation as text, seen", custom(observedGeneration="2"), CURRENT, ""),
    ("a digest in place of a generation", custom(observedGeneration="6f8b9c"), CURRENT, ""),
    ("a generation that is no number", custom(observedGeneration=[2]), UNKNOWN, "no number"),
    ("a generation that is a truth value", custom(observedGeneration=True), UNKNOWN, "no number"),
    ("work told by condition", custom(condition("Reconciling", message="step 1 of 2")), IN_PROGRESS, "step 1 of 2"),
    ("work not told any more", custom(condition("Reconciling", "False")), CURRENT, ""),
    ("giving up told by condition", custom(condition("Stalled", message="no quota")), FAILED, "no quota"),
    ("work goes before giving up", custom(condition("Reconciling"), condition("Stalled")), IN_PROGRESS, ""),
    # Custom resources.
    ("a custom resource without status", obj("example.org/v1", "Thing", "t", {}), CURRENT, ""),
    ("a custom resource whose status is text", obj("example.org/v1", "Thing", "t", {}, "fine"), CURRENT, ""),
    ("a custom resource without conditions", custom(), CURRENT, ""),
    ("a custom resource that is ready", custom(condition("Ready")), CURRENT, ""),
    (
        "a custom resource that is not ready",
        custom(condition("Ready", "False", message="no key")),
        IN_PROGRESS,
        "no key",
    ),
    (
        "a custom resource that does not know",
        custom(condition("Ready", "Unknown", "Starting")),
        IN_PROGRESS,
        "Starting",
    ),
    ("conditions of other types", custom(condition("Synced", "False")), CURRENT, ""),
    ("an old Ready condition", custom({**condition("Ready"), "observedGeneration": 1}), IN_PROGRESS, "generation 1"),
    ("a new Ready condition", custom({**condition("Ready"), "observedGeneration": 2}), CURRENT, ""),
    ("conditions that are no list", custom(conditions={"Ready": "False"}), CURRENT, ""),
    (
        "a namesake of a built-in kind",
        obj("serving.knative.dev/v1", "Service", "s", {"type": "LoadBalancer"}),
        CURRENT,
        "",
    ),
    # Deployments.
    ("a Deployment that is done", deployment(), CURRENT, ""),
    ("a Deployment of none", deployment(replicas=0, ready=0), IN_PROGRESS, "not available"),
    ("too few updated", deployment(updated=1), IN_PROGRESS, "1 of 2 replicas are updated"),
    ("none created", deployment(updated=0, ready=0), IN_PROGRESS, "0 of 2 replicas are created"),
    ("old ones still there", deployment(total=3), IN_PROGRESS, "1 replicas more than wanted"),
    ("too few available", deployment(ready=1), IN_PROGRESS, "1 of 2 replicas are available"),
    (
        "not yet the new ReplicaSet",
        deployment(progressing=condition("Progressing", "True", "ReplicaSetUpdated")),
        IN_PROGRESS,
        "new ReplicaSet",
    ),
    (
        "a Deployment without a deadline has no Progressing to wait for",
        deployment(progressing=condition("Other"), spec={"progressDeadlineSeconds": 2**31 - 1}),
        CURRENT,
        "",
    ),
    (
        "a Deployment out of time",
        deployment(ready=0, progressing=condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")),
        FAILED,
        "timed out",
    ),
    ("a paused Deployment", deployment(ready=0, updated=0, spec={"paused": True}), CURRENT, "paused"),
    # StatefulSets.
    ("a StatefulSet that is done", stateful_set(), CURRENT, ""),
    ("a StatefulSet being created", stateful_set(total=1), IN_PROGRESS, "1 of 2 replicas are created"),
    ("a StatefulSet not ready", stateful_set(ready=1), IN_PROGRESS, "1 of 2 replicas are ready"),
    ("a StatefulSet with one too many", stateful_set(total=3), IN_PROGRESS, "more than wanted"),
    ("a StatefulSet being updated", stateful_set(update="db-2"), IN_PROGRESS, "newest revision"),
    ("a StatefulSet half updated", stateful_set(current_replicas=1), IN_PROGRESS, "current revision"),
    (
        "a StatefulSet updated by hand",
        stateful_set(ready=0, spec={"updateStrategy": {"type": "OnDelete"}}),
        CURRENT,
        "when they are deleted",
    ),
    (
        "a partition reached",
        stateful_set(update="db-2", updated=1, spec={"updateStrategy": {"rollingUpdate": {"partition": 1}}}),
        CURRENT,
        "",
    ),
    (
        "a partition not reached",
        stateful_set(update="db-2", updated=0, spec={"updateStrategy": {"rollingUpdate": {"partition": 1}}}),
        IN_PROGRESS,
        "0 of 1 replicas are updated",
    ),
    # DaemonSets.
    ("a DaemonSet that is done", daemon_set(), CURRENT, ""),
    ("a DaemonSet on no node", daemon_set(wanted=0), CURRENT, ""),
    ("a DaemonSet nobody has seen", obj("apps/v1", "DaemonSet", "d", {}, {}), IN_PROGRESS, "not seen"),
    ("a DaemonSet not scheduled", daemon_set(currentNumberScheduled=1), IN_PROGRESS, "scheduled"),
    ("a DaemonSet not updated", daemon_set(updatedNumberScheduled=1), IN_PROGRESS, "updated"),
    ("a DaemonSet not available", daemon_set(numberAvailable=1), IN_PROGRESS, "available"),
    ("a DaemonSet not ready", daemon_set(numberReady=0), IN_PROGRESS, "0 of 2 replicas are ready"),
    (
        "a DaemonSet updated by hand",
        daemon_set(updatedNumberScheduled=0) | {"spec": {"updateStrategy": {"type": "OnDelete"}}},
        CURRENT,
        "",
    ),
    # Pods.
    ("a Pod that is ready", pod(None, running(), ready=True), CURRENT, ""),
    ("a Pod that is not ready", pod(None, running(ready=False), status={"phase": "Running"}), IN_PROGRESS, "not ready"),
    ("a Pod that has ended well", pod(None, status={"phase": "Succeeded"}), CURRENT, ""),
    ("a Pod that has failed", pod(None, status={"phase": "Failed", "reason": "Evicted"}), FAILED, "Evicted"),
    (
        "a Pod without a node",
        pod(None, conditions=[condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available")]),
        IN_PROGRESS,
        "0/3 nodes",
    ),
    # Jobs.
    ("a Job that is done", job(condition("Complete")), CURRENT, ""),
    ("a Job that merely runs", job(), IN_PROGRESS, "not complete"),
    (
        "a Job that failed",
        job(condition("Failed", message="Job has reached the specified backoff limit")),
        FAILED,
        "backoff",
    ),
    ("a Job that is about to fail", job(condition("FailureTarget")), FAILED, ""),
    ("a Job that is about to be done", job(condition("SuccessCriteriaMet")), IN_PROGRESS, ""),
    ("a suspended Job", job(condition("Suspended"), suspend=True), CURRENT, "suspended"),
    ("a CronJob", obj("batch/v1", "CronJob", "c", {}, {}), CURRENT, ""),
    # The rest.
    ("a bound claim", obj("v1", "PersistentVolumeClaim", "p", {}, {"phase": "Bound"}), CURRENT, ""),
    ("a pending claim", obj("v1", "PersistentVolumeClaim", "p", {}, {"phase": "Pending"}), IN_PROGRESS, "not bound"),
    ("a lost claim", obj("v1", "PersistentVolumeClaim", "p", {}, {"phase": "Lost"}), FAILED, "gone"),
    ("a Service", obj("v1", "Service", "s", {"clusterIP": "10.0.0.1"}), CURRENT, ""),
    ("a headless Service", obj("v1", "Service", "s", {"clusterIP": "None"}), CURRENT, ""),
    ("a balancer without address", obj("v1", "Service", "s", {"type": "LoadBalancer"}), IN_PROGRESS, "no address"),
    (
        "a balancer nobody serves",
        obj("v1", "Service", "s", {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}),
        CURRENT,
        "",
    ),
    ("a ConfigMap", obj("v1", "ConfigMap", "c"), CURRENT, ""),
    ("a Secret", obj("v1", "Secret", "s"), CURRENT, ""),
    ("an Ingress", obj("networking.k8s.io/v1", "Ingress", "i", {}, {"loadBalancer": {}}), CURRENT, ""),
    (
        "a disruption budget",
        obj("policy/v1", "PodDisruptionBudget", "p", {}, {"conditions": [condition("DisruptionAllowed", "False")]}),
        CURRENT,
        "",
    ),
    (
        "an autoscaler",
        obj(
            "autoscaling/v2", "HorizontalPodAutoscaler", "h", {}, {"conditions": [condition("ScalingActive", "False")]}
        ),
        CURRENT,
        "",
    ),
]


@pytest.mark.parametrize(("found", "state", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_kinds_are_judged_by_their_own_rule(found: dict[str, Any], state: HealthState, words: str) -> None:
    health = status(found)
    assert health.state is state, health
    assert words in health.message


def definition(*conditions: dict[str, Any]) -> Health:
    return status(
        obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", "things", {}, {"conditions": list(conditions)})
    )


def test_definitions_are_current_once_served() -> None:
    assert definition(condition("NamesAccepted"), condition("Established")).state is CURRENT
    assert definition().state is IN_PROGRESS
    assert definition(condition("Established", "False", "Installing")).state is IN_PROGRESS
    assert definition(condition("Established", "False", "Conflict")).state is FAILED
    assert definition(condition("NamesAccepted", "False"), condition("Established")).state is FAILED


def test_replica_sets_and_api_services_follow_their_conditions() -> None:
    good = obj(
        "apps/v1",
        "ReplicaSet",
        "r",
        {"replicas": 1},
        {"replicas": 1, "fullyLabeledReplicas": 1, "availableReplicas": 1, "readyReplicas": 1},
    )
    assert status(good).state is CURRENT
    bad = deepcopy(good)
    bad["status"]["conditions"] = [condition("ReplicaFailure", message="exceeded quota")]
    assert status(bad) == Health(IN_PROGRESS, "exceeded quota")
    service = obj("apiregistration.k8s.io/v1", "APIService", "a", {}, {"conditions": [condition("Available", "False")]})
    assert status(service).state is IN_PROGRESS


def test_what_is_not_there_is_not_found_unless_it_was_to_go_by_itself() -> None:
    assert status(None).state is HealthState.NOT_FOUND
    assert missing(obj("v1", "ConfigMap", "c")).state is HealthState.NOT_FOUND
    assert missing(job()).state is HealthState.NOT_FOUND
    assert missing(job(ttlSecondsAfterFinished=0)).state is CURRENT


def test_a_deployment_of_no_replicas_is_current_when_available() -> None:
    found = deployment(replicas=0, ready=0)
    found["status"]["conditions"][0]["status"] = "True"
    assert status(found).state is CURRENT


@pytest.mark.parametrize("found", [deployment(replicas=1, ready=1), stateful_set(replicas=1, ready=1)])
def test_a_workload_that_does_not_say_how_many_wants_one(found: dict[str, Any]) -> None:
    said = deepcopy(found)
    del said["spec"]["replicas"]
    assert status(said).state is CURRENT
    said["status"]["readyReplicas"] = 0
    assert status(said).state is IN_PROGRESS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.text("12ab", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "status", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["observedGeneration", "conditions", "phase", "replicas"]), JSON) | JSON)
def test_no_status_of_a_custom_resource_is_too_strange(found: Any) -> None:
    assert status(obj("example.org/v1", "Thing", "t", {}, found, generation=2)).state in HealthState


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_a_deployment_is_current_only_with_every_replica_updated_and_ready(
    wanted: int, updated: int, ready: int, total: int
) -> None:
    found = deployment(replicas=wanted, ready=ready, updated=updated, total=total)
    found["status"]["conditions"][0]["status"] = "True"
    is_done = updated >= wanted and ready >= wanted and total == wanted
    assert (status(found).state is CURRENT) is is_done
