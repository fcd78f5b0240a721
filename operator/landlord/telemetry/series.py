"""Every series Landlord exports, as a closed list; docs/reference/metrics.md is made from it.

Names follow the Prometheus rules that promlint checks: base units, ``_total`` for counters only, times of day instead
of ages. No label holds a message, a revision, a URL or a user; ``name`` stands only on per-object gauges.
"""

from dataclasses import dataclass
from typing import Final, Literal

SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LONG: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800)

RESULTS: Final = ("success", "requeue", "spec_fault", "not_yet", "transient", "refused", "cancelled", "bug")
"""How a pass may end: well (``requeue`` when it asked for another look), or by one of the house's failures."""


WATCH_CAUSES: Final = ("gone", "busy", "forbidden", "broken", "bug")
"""Why a watch may end other than by its time: 410, 429, 403, anything else of the outside, a fault of ours."""
DROP_CAUSES: Final = ("rate", "full", "failed")
"""Why an Event may not be written: too many about one object, too many at all, the API server did not take it."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series: ``labels`` maps each label to the values it can have, in words. ``buckets`` only for histograms."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: dict[str, str]
    buckets: tuple[float, ...] = ()


_KIND = {"kind": "Tenant, Environment"}
_WATCHED = {"kind": "every kind that is watched"}
_OBJECT = {"kind": "Tenant, Environment", "resource_namespace": "empty of cluster-scoped kinds", "name": "the object's"}
_QUOTA = {"tenant": "a Tenant", "environment": "one of its environments", "resource": "a key of `quota.hard`"}

BUILD_INFO = Series(
    "landlord_build_info",
    "gauge",
    "Always 1; the labels tell which build runs.",
    {"version": "of Landlord", "python_version": "such as 3.13.1", "kopf_version": "such as 1.45.2"},
)
LEADER = Series("landlord_leader", "gauge", "1 while this replica holds the Lease, else 0.", {})
EVENT_LOOP_LAG = Series(
    "landlord_event_loop_lag_seconds", "gauge", "How late the event loop woke when it was last measured.", {}
)

QUEUE_DEPTH = Series(
    "landlord_queue_depth",
    "gauge",
    "Objects whose pass could start now.",
    _KIND | {"lane": "urgent (user changed it), drift (a child changed), resync (periodic)"},
)
QUEUE_DELAYED = Series("landlord_queue_delayed", "gauge", "Objects whose next pass has a set time.", _KIND)
QUEUE_ADDS = Series(
    "landlord_queue_adds_total", "counter", "Objects that became ready.", _KIND | {"lane": "urgent, drift, resync"}
)
QUEUE_RETRIES = Series("landlord_queue_retries_total", "counter", "Passes put off with backoff after a failure.", _KIND)
QUEUE_DURATION = Series(
    "landlord_queue_duration_seconds", "histogram", "From ready to the start of the pass.", _KIND, LONG
)

PASSES = Series("landlord_reconcile_total", "counter", "Passes that ended.", _KIND | {"result": ", ".join(RESULTS)})
ERRORS = Series(
    "landlord_reconcile_errors_total",
    "counter",
    "Passes that ended by a failure other than a wait.",
    _KIND | {"reason": "SpecFault, Transient, Busy, Conflict, Gone, Refused, Forbidden, Invalid, NotOurs, Bug"},
)
PASS_DURATION = Series("landlord_reconcile_duration_seconds", "histogram", "How long passes took.", _KIND, LONG)
ACTIVE = Series("landlord_reconcile_active", "gauge", "Passes that run now.", _KIND)
LONGEST = Series(
    "landlord_reconcile_longest_running_seconds", "gauge", "Age of the oldest pass that runs now; 0: none.", _KIND
)
HELM_RUNS = Series(
    "landlord_helm_runs",
    "gauge",
    "Runs of Helm under way, and releases that wait for a place among them.",
    {"state": "running, waiting"},
)

REQUESTS = Series(
    "landlord_kube_requests_total",
    "counter",
    "Requests to the API server, watches not counted.",
    {
        "verb": "GET, LIST, CREATE, APPLY, PATCH, UPDATE, DELETE",
        "resource": "plural name",
        "code": "HTTP status; 0: no answer",
    },
)
REQUEST_DURATION = Series(
    "landlord_kube_request_duration_seconds",
    "histogram",
    "How long the API server took to answer.",
    {"verb": "as of `landlord_kube_requests_total`"},
    SHORT,
)
THROTTLED = Series("landlord_kube_throttled_total", "counter", "Requests the API server answered with 429.", {})

CRD_UNFIT = Series(
    "landlord_crd_unfit",
    "gauge",
    "1 while the CRD in the cluster cannot hold what this process writes to statuses, else 0; the log and `/readyz` "
    "say what is missing and what to apply.",
    {"kind": "Tenant, Environment, AppRelease"},
)

WATCH_HEARD = Series(
    "landlord_watch_last_heard_timestamp_seconds",
    "gauge",
    "When the API server last said anything on the watch, if only a bookmark; of Tenant and Environment: when a "
    "comparing LIST last found nothing that the watch had not shown.",
    _WATCHED,
)
WATCH_RESTARTS = Series(
    "landlord_watch_restarts_total",
    "counter",
    "Watches that ended other than by their time.",
    _WATCHED | {"cause": "gone (410), busy (429), forbidden (403), broken, bug"},
)
WATCH_BEHIND = Series(
    "landlord_watch_behind",
    "gauge",
    "Objects whose latest state a comparing LIST had and the watch had not shown in time.",
    _KIND,
)

EVENTS = Series(
    "landlord_events_total",
    "counter",
    "Kubernetes Events recorded, repetitions included.",
    {"kind": "of the object", "type": "Normal, Warning", "reason": "of docs/reference/conditions.md"},
)
EVENTS_DROPPED = Series(
    "landlord_events_dropped_total",
    "counter",
    "Kubernetes Events that were not written.",
    {"cause": "rate (too many about one object), full (queue), failed (API server)"},
)

RESOURCE_INFO = Series(
    "landlord_resource_info",
    "gauge",
    "Always 1; the labels tell how an object stands.",
    _OBJECT
    | {
        "ready": "True, False, Unknown",
        "reason": "of condition Ready",
        "suspended": "true, false",
        "tier": "of Environments, else empty",
    },
)
RESOURCE_CONDITION = Series(
    "landlord_resource_condition",
    "gauge",
    "Always 1, for the status that each condition has.",
    _OBJECT | {"type": "of the condition", "status": "True, False, Unknown"},
)
RESOURCE_TRANSITION = Series(
    "landlord_resource_last_transition_timestamp_seconds",
    "gauge",
    "When condition Ready last changed its status.",
    _OBJECT,
)
RESOURCE_DELETION = Series(
    "landlord_resource_deletion_timestamp_seconds",
    "gauge",
    "When deletion was asked for; only of objects being deleted.",
    _OBJECT,
)
DRIFT_DETECTED = Series(
    "landlord_drift_detected", "gauge", "1 while something differs from what the object asks for, else 0.", _OBJECT
)
DRIFT_CORRECTIONS = Series(
    "landlord_drift_corrections_total",
    "counter",
    "Children written or removed because somebody else had changed them.",
    {"kind": "of the child", "action": "applied, recreated, removed"},
)
VERDICTS = Series(
    "landlord_apprelease_verdicts_total",
    "counter",
    "Attempts of AppReleases that came to an end.",
    {
        "environment": "an Environment",
        "verdict": "Proven, Rejected, Undetermined, Cancelled",
        "reason": "a condition's",
    },
)
ROLLBACKS = Series(
    "landlord_apprelease_rollbacks_total",
    "counter",
    "Rollbacks of AppReleases that succeeded.",
    {"environment": "an Environment", "reason": "why"},
)
ROLLBACK_DURATION = Series(
    "landlord_apprelease_rollback_seconds",
    "histogram",
    "From the verdict to the finished rollback.",
    {"environment": "an Environment"},
    LONG,
)
TENANT_NAMESPACES = Series("landlord_tenant_namespaces", "gauge", "Namespaces a Tenant has.", {"tenant": "a Tenant"})
QUOTA_HARD = Series(
    "landlord_tenant_quota_hard", "gauge", "Quota of a tenant namespace, in the resource's base unit.", _QUOTA
)
QUOTA_USED = Series("landlord_tenant_quota_used", "gauge", "Used of that quota, in the resource's base unit.", _QUOTA)
QUOTA_RATIO = Series(
    "landlord_tenant_quota_used_ratio", "gauge", "Used over hard; not exported where hard is 0.", _QUOTA
)
ENVIRONMENT_TENANTS = Series(
    "landlord_environment_tenants",
    "gauge",
    "Tenants of an Environment by how they stand; one Tenant may count in several states.",
    {"environment": "an Environment", "state": "total, ready, failed, drifted"},
)

ALL: Final = (
    BUILD_INFO,
    LEADER,
    EVENT_LOOP_LAG,
    QUEUE_DEPTH,
    QUEUE_DELAYED,
    QUEUE_ADDS,
    QUEUE_RETRIES,
    QUEUE_DURATION,
    PASSES,
    ERRORS,
    PASS_DURATION,
    ACTIVE,
    LONGEST,
    HELM_RUNS,
    REQUESTS,
    REQUEST_DURATION,
    THROTTLED,
    CRD_UNFIT,
    WATCH_HEARD,
    WATCH_RESTARTS,
    WATCH_BEHIND,
    EVENTS,
    EVENTS_DROPPED,
    RESOURCE_INFO,
    RESOURCE_CONDITION,
    RESOURCE_TRANSITION,
    RESOURCE_DELETION,
    DRIFT_DETECTED,
    DRIFT_CORRECTIONS,
    VERDICTS,
    ROLLBACKS,
    ROLLBACK_DURATION,
    TENANT_NAMESPACES,
    QUOTA_HARD,
    QUOTA_USED,
    QUOTA_RATIO,
    ENVIRONMENT_TENANTS,
)
