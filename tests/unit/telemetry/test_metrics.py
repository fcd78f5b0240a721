"""Metrics: the closed list, what feeds it, and what a scrape shows."""

import re
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from landlord.api.refs import Ref
from landlord.clients.helm.pool import Pool
from landlord.runtime.lanes import Lane
from landlord.runtime.queue import WorkQueue
from landlord.telemetry import series
from landlord.telemetry.metrics import LANES, Metrics
from landlord.telemetry.objects import ConditionFact, ObjectFacts, QuotaFact

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def everything() -> Metrics:
    """Metrics with at least one value in every series."""
    metrics = Metrics()
    queue: WorkQueue[str] = WorkQueue(tenant_of=str, gauges=metrics.queue("Tenant"))
    queue.add("a")
    queue.pop()
    queue.retry("a")
    metrics.watch_queues({"Tenant": queue})
    metrics.watch_helm(Pool(wake=lambda _: None))
    metrics.watch_objects(lambda: [TENANT, ENVIRONMENT])
    listener = metrics.watch("Namespace", lambda: 1.0)
    listener.heard()
    listener.restarted("gone")
    metrics.passed("Tenant", "transient", 0.1, "Busy")
    metrics.requested("GET", "tenants", 429, 0.1)
    metrics.led(True)
    metrics.lagged(0.1)
    metrics.unfit("Tenant", is_unfit=True)
    metrics.behind("Tenant", 0)
    metrics.recorded("Tenant", "Normal", "Created")
    metrics.dropped_event("rate")
    metrics.corrected("ResourceQuota", "applied")
    metrics.judged("staging", "Proven", "Proven")
    metrics.rolled_back("staging", "CrashLooping", 3.0)
    return metrics


TENANT = ObjectFacts(
    Ref("Tenant", None, "shop"),
    conditions={"Ready": ConditionFact("False", "Refused", THEN), "Stalled": ConditionFact("True", "Refused", THEN)},
    deleting_since=THEN,
    drifted=True,
    namespaces=2,
    quotas=(QuotaFact("dev", "requests.cpu", 4.0, 3.0), QuotaFact("dev", "pods", 0, 0)),
)
ENVIRONMENT = ObjectFacts(Ref("Environment", None, "dev"), tier="development", tenants={"total": 3, "ready": 2})


async def scrape(metrics: Metrics) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    text, _ = await metrics.expose()
    samples: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return samples


def labelled(**labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


async def test_every_series_of_the_list_is_exported_and_no_other() -> None:
    text, _ = await everything().expose()
    exported = {family.name for family in text_string_to_metric_families(text.decode())}
    assert exported == {one.name.removesuffix("_total") for one in series.ALL}


async def test_the_exported_labels_are_those_of_the_list() -> None:
    samples = await scrape(everything())
    for one in series.ALL:
        shown = samples.get(one.name) or samples[f"{one.name}_count"]
        assert {name for name, _ in next(iter(shown))} == set(one.labels), one.name


@pytest.mark.parametrize("one", series.ALL, ids=lambda one: one.name)
def test_names_keep_to_the_rules_of_promlint(one: series.Series) -> None:
    assert re.fullmatch(r"landlord(_[a-z]+)+", one.name)
    assert one.name.endswith("_total") == (one.type == "counter")
    assert not re.search(r"_(bucket|count|sum|gauge|counter|histogram|ms|milliseconds|kb|minutes)$", one.name)
    assert not {"le", "quantile"} & set(one.labels)
    assert one.help.endswith(".")
    assert bool(one.buckets) == (one.type == "histogram")


def test_the_list_holds_each_name_once() -> None:
    assert len({one.name for one in series.ALL}) == len(series.ALL)


async def test_places_among_the_runs_of_helm_are_shown_as_they_are_now() -> None:
    metrics, pool = Metrics(), Pool(1, wake=lambda _: None)
    metrics.watch_helm(pool)
    with pool.slot(Ref("AppRelease", "a", "web"), "a"), pool.slot(Ref("AppRelease", "b", "web"), "b"):
        found = (await scrape(metrics))["landlord_helm_runs"]
    assert found == {(("state", "running"),): 1.0, (("state", "waiting"),): 1.0}


async def test_an_objects_standing_is_shown_as_it_is_now_and_leaves_when_it_goes() -> None:
    metrics, there = Metrics(), [TENANT, ENVIRONMENT]
    metrics.watch_objects(lambda: there)
    shown = await scrape(metrics)
    who = {"kind": "Tenant", "resource_namespace": "", "name": "shop"}
    info = labelled(**who, ready="False", reason="Refused", suspended="false", tier="")
    assert shown["landlord_resource_info"][info] == 1
    assert shown["landlord_resource_condition"][labelled(**who, type="Stalled", status="True")] == 1
    assert shown["landlord_resource_last_transition_timestamp_seconds"][labelled(**who)] == THEN.timestamp()
    assert shown["landlord_resource_deletion_timestamp_seconds"][labelled(**who)] == THEN.timestamp()
    assert shown["landlord_drift_detected"] == {labelled(**who): 1}
    assert shown["landlord_tenant_namespaces"] == {labelled(tenant="shop"): 2}
    assert shown["landlord_environment_tenants"][labelled(environment="dev", state="ready")] == 2
    there.clear()
    assert "landlord_resource_info" not in (await scrape(metrics))


async def test_a_quota_of_zero_has_no_ratio() -> None:
    metrics = Metrics()
    metrics.watch_objects(lambda: [TENANT])
    shown = await scrape(metrics)
    cpu = labelled(tenant="shop", environment="dev", resource="requests.cpu")
    assert shown["landlord_tenant_quota_used_ratio"] == {cpu: 0.75}
    assert shown["landlord_tenant_quota_hard"][cpu] == 4


async def test_a_pass_counts_by_result_and_its_failure_by_reason() -> None:
    metrics = Metrics()
    metrics.passed("Tenant", "success", 0.2)
    metrics.passed("Tenant", "transient", 0.2, "Conflict")
    shown = await scrape(metrics)
    assert shown["landlord_reconcile_total"][labelled(kind="Tenant", result="success")] == 1
    assert shown["landlord_reconcile_errors_total"] == {labelled(kind="Tenant", reason="Conflict"): 1}
    assert shown["landlord_reconcile_duration_seconds_count"][labelled(kind="Tenant")] == 2


async def test_known_label_values_start_at_zero() -> None:
    metrics = Metrics()
    metrics.queue("Tenant")
    passes = (await scrape(metrics))["landlord_reconcile_total"]
    assert {dict(labels)["result"] for labels in passes} == set(series.RESULTS)
    assert set(passes.values()) == {0}


async def test_a_comparison_that_agrees_is_a_sign_of_life_and_one_that_does_not_is_none() -> None:
    metrics = Metrics()
    metrics.behind("Tenant", 0)
    metrics.behind("Environment", 2)
    shown = await scrape(metrics)
    assert set(shown["landlord_watch_last_heard_timestamp_seconds"]) == {labelled(kind="Tenant")}
    assert shown["landlord_watch_behind"][labelled(kind="Environment")] == 2


async def test_a_429_counts_as_throttled() -> None:
    metrics = Metrics()
    metrics.requested("LIST", "tenants", 429, 0.1)
    assert (await scrape(metrics))["landlord_kube_throttled_total"] == {(): 1}


def test_lanes_are_named_as_the_queue_numbers_them() -> None:
    assert tuple(lane.name.lower() for lane in Lane) == LANES


async def test_two_hundred_tenants_in_three_environments_stay_under_twenty_five_thousand_series() -> None:
    quotas = tuple(QuotaFact(f"env{number}", resource, 1, 1) for number in range(3) for resource in "abcdef")
    conditions = {name: ConditionFact("True", "Fine", THEN) for name in ("Ready", "Reconciling", "Stalled", "Drifted")}
    metrics = Metrics()
    there = [
        ObjectFacts(Ref("Tenant", None, f"t{number}"), conditions=conditions, quotas=quotas) for number in range(200)
    ]
    metrics.watch_objects(lambda: there)
    assert sum(len(samples) for samples in (await scrape(metrics)).values()) < 25_000
