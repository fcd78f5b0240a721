"""What adoption would break, told before anything is written."""

from typing import Any

import pytest

from landlord.api.tenant import Finding
from landlord.core.tenant import plan as planning
from landlord.core.tenant.adoption import Inhabitants, preview
from landlord.core.tenant.defaults import PlatformDefaults
from tests.unit.core import building

Json = dict[str, Any]


def pod(name: str = "web", phase: str = "Running", *containers: Json) -> Json:
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"resources": each} for each in containers]},
        "status": {"phase": phase},
    }


def service(name: str, kind: str | None = None) -> Json:
    return {"metadata": {"name": name}, "spec": {"type": kind} if kind else {}}


def found(
    body: Json | None = None,
    *,
    pods: tuple[Json, ...] = (),
    services: tuple[Json, ...] = (),
    ingresses: tuple[Json, ...] = (),
    warnings: tuple[str, ...] = (),
    platform: PlatformDefaults = building.PLATFORM,
) -> list[tuple[str, str]]:
    plan = planning.plan(building.place(body, platform=platform))
    findings = preview(plan, Inhabitants(pods, services, ingresses, warnings))
    for finding in findings:
        Finding.model_validate(finding)
    return [(finding["kind"], finding["message"]) for finding in findings]


def test_an_empty_namespace_breaks_nothing() -> None:
    assert found({"quota": {"hard": {"pods": 0, "requests.cpu": "1"}}}) == []


def test_pod_security_comes_first_in_the_words_of_the_server() -> None:
    told = found({"quota": {"hard": {"pods": 0}}}, pods=(pod(),), warnings=("pod web violates restricted",))
    assert told[0] == ("PodSecurity", "pod web violates restricted")
    assert [kind for kind, _ in told] == ["PodSecurity", "QuotaUse"]


@pytest.mark.parametrize(
    ("hard", "told"),
    [
        ({"pods": 1}, "2 of pods is in use, the quota would be 1: nothing new of it would be admitted."),
        ({"count/pods": 1}, "2 of count/pods is in use"),
        ({"requests.cpu": "1"}, "1500m of requests.cpu is in use, the quota would be 1:"),
        ({"cpu": "1"}, "1500m of cpu is in use"),
        ({"limits.memory": "1Gi"}, "3Gi of limits.memory is in use, the quota would be 1Gi:"),
        ({"services": 2}, "3 of services is in use"),
        ({"count/services": 2}, "3 of count/services is in use"),
        ({"services.loadbalancers": 0}, "1 of services.loadbalancers is in use"),
        ({"services.nodeports": 1}, "2 of services.nodeports is in use"),
    ],
)
def test_what_is_used_above_the_quota_is_told_with_numbers_in_its_units(hard: Json, told: str) -> None:
    pods = (
        pod("a", "Running", {"requests": {"cpu": "1"}, "limits": {"memory": "2Gi"}}),
        pod("b", "Pending", {"requests": {"cpu": "500m"}, "limits": {"memory": "1024Mi"}}),
        pod("done", "Succeeded", {"requests": {"cpu": "9"}}),
        pod("dead", "Failed", {"requests": {"cpu": "9"}}),
    )
    services = (service("c"), service("n", "NodePort"), service("l", "LoadBalancer"))
    body = {"quota": {"hard": hard}, "network": {"profile": "Open"}}
    messages = [message for kind, message in found(body, pods=pods, services=services) if kind == "QuotaUse"]
    assert len(messages) == 1
    assert messages[0].startswith(told)


@pytest.mark.parametrize(
    "hard", [{"pods": 2}, {"configmaps": 0}, {"requests.storage": 0}, {"limits.nvidia.com/gpu": 0}]
)
def test_use_within_the_quota_or_of_what_is_not_previewed_is_no_finding(hard: Json) -> None:
    assert found({"quota": {"hard": hard}}, pods=(pod("a"), pod("b"))) == []


def test_a_quantity_that_cannot_be_read_counts_as_nothing() -> None:
    pods = (pod("a", "Running", {"requests": {"cpu": "lots"}}, {"requests": {"cpu": "2"}}),)
    told = found({"quota": {"hard": {"requests.cpu": 1}}}, pods=pods)
    assert [message.split(" is ")[0] for kind, message in told if kind == "QuotaUse"] == ["2 of requests.cpu"]


def cpu(amount: str, **facts: Any) -> Json:
    return {"resources": {"requests": {"cpu": amount}}, **facts}


@pytest.mark.parametrize(
    ("spec", "used"),
    [
        ({"containers": [cpu("1"), cpu("1")]}, "2"),
        ({"containers": [cpu("1")], "initContainers": [cpu("3"), cpu("2")]}, "3"),
        ({"containers": [cpu("2")], "initContainers": [cpu("1")]}, "2"),
        ({"containers": [cpu("2")], "initContainers": [cpu("1", restartPolicy="Always")]}, "3"),
        ({"containers": [cpu("1")], "initContainers": [cpu("2", restartPolicy="Always"), cpu("3")]}, "5"),
        ({"containers": [cpu("1")], "initContainers": [cpu("3"), cpu("2", restartPolicy="Always")]}, "3"),
        ({"containers": [cpu("1")], "overhead": {"cpu": "500m"}}, "1500m"),
    ],
)
def test_a_pod_counts_as_a_quota_counts_it(spec: Json, used: str) -> None:
    told = found({"quota": {"hard": {"requests.cpu": "1m"}}}, pods=({"metadata": {"name": "a"}, "spec": spec},))
    assert told[0][1].startswith(f"{used} of requests.cpu is in use")


def test_pods_without_requests_are_named_at_most_five_of_them() -> None:
    pods = tuple(pod(f"p{number}", "Running", {}) for number in range(7))
    told = found({"quota": {"hard": {"requests.cpu": 9, "memory": "9Gi", "pods": 99}}}, pods=pods)
    assert [kind for kind, _ in told] == ["MissingRequests", "MissingRequests"]
    assert told[0][1].startswith("7 pods request no cpu (p0, p1, p2, p3, p4): they run on")
    assert "no memory" in told[1][1]


def test_a_container_with_a_request_or_a_limit_says_enough() -> None:
    said = pod("a", "Running", {"requests": {"cpu": "1"}}, {"limits": {"cpu": "1"}})
    silent = pod("b", "Running", {"requests": {"cpu": "1"}}, {})
    body = {"quota": {"hard": {"requests.cpu": 9}}}
    assert found(body, pods=(said,)) == []
    assert [kind for kind, _ in found(body, pods=(silent,))] == ["MissingRequests"]


def test_traffic_from_outside_that_the_profile_would_cut_is_told() -> None:
    told = found(
        ingresses=({"metadata": {"name": "shop"}},),
        services=(service("inner"), service("lb", "LoadBalancer"), service("np", "NodePort")),
    )
    assert told == [
        ("Traffic", "Ingress shop is served from outside; profile NamespaceInternal lets nobody in beside ingress."),
        ("Traffic", "Service lb is open to the outside; profile NamespaceInternal lets nobody in beside ingress."),
        ("Traffic", "Service np is open to the outside; profile NamespaceInternal lets nobody in beside ingress."),
    ]


@pytest.mark.parametrize(
    ("network", "platform", "tail"),
    [
        ({"profile": "DefaultDeny"}, building.PLATFORM, "profile DefaultDeny lets nobody in."),
        ({"profile": "TenantInternal"}, PlatformDefaults(), "profile TenantInternal lets nobody in."),
    ],
)
def test_only_peers_that_come_in_are_excepted(network: Json, platform: PlatformDefaults, tail: str) -> None:
    told = found({"network": network}, ingresses=({"metadata": {"name": "shop"}},), platform=platform)
    assert told[0][1].endswith(tail)


@pytest.mark.parametrize("network", [{"profile": "Open"}, {"allowFrom": [{"peer": "ingress"}]}])
def test_traffic_is_no_finding_where_somebody_is_let_in(network: Json) -> None:
    assert found({"network": network}, ingresses=({"metadata": {"name": "shop"}},)) == []


def test_findings_fit_the_status() -> None:
    told = found(warnings=tuple("w" * 5000 for _ in range(100)))
    assert len(told) == 64
    assert {len(message) for _, message in told} == {1024}


def test_objects_that_say_little_are_taken_as_they_are() -> None:
    bare: Json = {"metadata": {"name": "x"}}
    hard = {"requests.cpu": 0, "services.nodeports": 0}
    assert found({"quota": {"hard": hard}}, pods=(bare,), services=(bare,)) == []
