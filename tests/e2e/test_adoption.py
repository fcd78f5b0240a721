"""Namespaces that were there before: left alone, looked at, or taken over with all that lives in them."""

from typing import Any

import pytest

from tests.admin import Admin
from tests.cluster import Audit
from tests.e2e.homes import OPERATOR, Home, change_tenant, essence
from tests.manifests import TENANTS, Object, condition, environment, tenant, until_condition, until_ready
from tests.operator_process import OperatorProcess
from tests.polling import eventually

QUOTA = {"hard": {"pods": 1, "requests.memory": "64Mi", "services.loadbalancers": 0}}


def _pod(name: str, **resources: Any) -> Object:
    """A pod that runs as root and, unless said otherwise, requests nothing."""
    container = {"name": "app", "image": "registry.example/app:1", "resources": resources}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


def _ingress() -> Object:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return {"metadata": {"name": "web"}, "spec": {"rules": [rule]}}


async def _inhabited(admin: Admin, name: str) -> None:
    """A namespace with everything in it that adoption would break."""
    await admin.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"team": "old"}}})
    core = f"/api/v1/namespaces/{name}"
    await eventually(lambda: admin.find(f"{core}/serviceaccounts/default"))
    await admin.create(f"{core}/pods", _pod("bare"))
    await admin.create(f"{core}/pods", _pod("big", requests={"memory": "1Gi"}))
    await admin.create(
        f"{core}/services", {"metadata": {"name": "lb"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
    )
    await admin.create(f"/apis/networking.k8s.io/v1/namespaces/{name}/ingresses", _ingress())


async def _written_into(audit: Audit, namespace: str) -> list[str]:
    """What the operator changed there; asking whether a namespace can be created is no change."""
    writes = await audit.writes(user=OPERATOR)
    return [entry.uri for entry in writes if entry.status < 300 and namespace in (entry.namespace, entry.name)]


def _newcomer(name: str, adopt: str, **entry: Any) -> Object:
    return tenant(
        name,
        {"name": name, "adopt": adopt, "quota": QUOTA, **entry},
        members=[{"kind": "User", "name": "jane", "role": "owner"}],
    )


async def test_preview_lists_what_would_break_and_writes_nothing(
    operator: OperatorProcess, admin: Admin, audit: Audit, tenant_name: str
) -> None:
    home = Home(admin, tenant_name, tenant_name)
    await _inhabited(admin, home.namespace)
    before = await home.get()
    await audit.mark()
    await admin.apply_manifests(environment(tenant_name), _newcomer(tenant_name, "Preview"))
    body = await until_condition(admin, tenant_name, reason="AdoptionPreview")
    findings = body["status"]["environments"][0]["preview"]
    told = {
        kind: " ".join(each["message"] for each in findings if each["kind"] == kind)
        for kind in ("PodSecurity", "QuotaUse", "MissingRequests", "Traffic")
    }
    assert "restricted" in told["PodSecurity"]
    assert "bare" in told["PodSecurity"]
    assert "2 of pods is in use, the quota would be 1" in told["QuotaUse"]
    assert "1Gi of requests.memory is in use, the quota would be 64Mi" in told["QuotaUse"]
    assert "1 of services.loadbalancers" in told["QuotaUse"]
    assert "1 pods request no memory (bare)" in told["MissingRequests"]
    assert "Ingress web" in told["Traffic"]
    assert "Service lb" in told["Traffic"]
    assert condition(body)["status"] == "False"
    assert "adopt: Enforce" in condition(body)["message"]
    assert (await home.get())["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert await _written_into(audit, home.namespace) == []


async def test_enforce_takes_over_and_keeps_what_lives_there(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = Home(admin, tenant_name, tenant_name)
    await _inhabited(admin, home.namespace)
    before = await home.get()
    pods = f"/api/v1/namespaces/{home.namespace}/pods"
    uids = {pod["metadata"]["uid"] for pod in await admin.list(pods)}
    await admin.apply_manifests(environment(tenant_name), _newcomer(tenant_name, "Preview"))
    await until_condition(admin, tenant_name, reason="AdoptionPreview")
    await admin.apply_manifests(_newcomer(tenant_name, "Enforce"))
    body = await until_ready(admin, tenant_name)
    entry = body["status"]["environments"][0]
    assert entry["adopted"] is True
    assert "preview" not in entry
    now = await home.get()
    assert now["metadata"]["uid"] == before["metadata"]["uid"] == entry["uid"]
    assert now["metadata"]["labels"]["team"] == "old"
    assert now["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {pod["metadata"]["uid"] for pod in await admin.list(pods)} == uids
    assert ("RoleBinding", "landlord-owner") in await home.children()
    await home.until_told("Adopted", home.namespace)
    over = await until_condition(admin, tenant_name, "QuotaExceeded", status="True")
    assert "2 of pods is in use, 1 allowed" in condition(over, "QuotaExceeded")["message"]
    await change_tenant(admin, tenant_name, displayName="later")
    assert (await until_ready(admin, tenant_name))["status"]["environments"][0]["adopted"] is True


async def test_never_leaves_a_namespace_alone_and_says_what_to_do(
    operator: OperatorProcess, admin: Admin, audit: Audit, namespace: str, tenant_name: str
) -> None:
    before = await admin.get(f"/api/v1/namespaces/{namespace}")
    await audit.mark()
    entry = {"name": tenant_name, "namespace": namespace}
    await admin.apply_manifests(environment(tenant_name), tenant(tenant_name, entry))
    body = await until_condition(admin, tenant_name, reason="NamespaceExists")
    assert "adopt: Preview" in condition(body)["message"]
    assert condition(body, "Stalled")["status"] == "True"
    after = await admin.get(f"/api/v1/namespaces/{namespace}")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert await _written_into(audit, namespace) == []


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-anything", "landlord-system", "landlord-deployers"])
async def test_protected_names_are_refused_whatever_adopt_says(
    operator: OperatorProcess, admin: Admin, tenant_name: str, name: str
) -> None:
    before = await admin.find(f"/api/v1/namespaces/{name}")
    entry = {"name": tenant_name, "namespace": name, "adopt": "Enforce"}
    await admin.apply_manifests(environment(tenant_name), tenant(tenant_name, entry))
    body = await until_condition(admin, tenant_name, reason="ProtectedNamespace")
    assert name in condition(body)["message"]
    assert condition(body, "Stalled")["status"] == "True"
    after = await admin.find(f"/api/v1/namespaces/{name}")
    assert (after and essence(after)) == (before and essence(before))
    await admin.delete(f"{TENANTS}/{tenant_name}")


async def test_the_older_of_two_claims_on_an_unowned_namespace_wins(
    operator: OperatorProcess, admin: Admin, namespace: str, tenant_name: str
) -> None:
    entry = {"name": tenant_name, "namespace": namespace}
    elder, younger = tenant(f"{tenant_name}z", entry), tenant(f"{tenant_name}a", {**entry, "adopt": "Enforce"})
    await admin.apply_manifests(environment(tenant_name), elder)
    old = await until_condition(admin, f"{tenant_name}z", reason="NamespaceExists")

    async def younger_than_that() -> bool:
        """Ages count by the second; by name the younger one would win."""
        probe = await admin.create(TENANTS, younger, dryRun="All")
        return bool(probe["metadata"]["creationTimestamp"] > old["metadata"]["creationTimestamp"])

    await eventually(younger_than_that)
    await admin.apply_manifests(younger)
    body = await until_condition(admin, f"{tenant_name}a", reason="NamespaceConflict")
    assert f"Tenant {tenant_name}z is older" in condition(body)["message"]
    await admin.apply_manifests(tenant(f"{tenant_name}z", {**entry, "adopt": "Enforce"}))
    await until_ready(admin, f"{tenant_name}z")
    body = await until_condition(admin, f"{tenant_name}a", reason="NamespaceConflict")
    assert f"Tenant {tenant_name}z " in condition(body)["message"]
    labels = (await admin.get(f"/api/v1/namespaces/{namespace}"))["metadata"]["labels"]
    assert labels["landlord.dev/tenant"] == f"{tenant_name}z"


async def test_an_orphaned_namespace_can_become_another_tenants(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    await admin.apply_manifests(environment(tenant_name), tenant(tenant_name, tenant_name))
    await until_ready(admin, tenant_name)
    await admin.delete(f"{TENANTS}/{tenant_name}")
    heir = f"{tenant_name}h"
    entry = {"name": tenant_name, "namespace": f"{tenant_name}-{tenant_name}", "adopt": "Enforce"}
    await admin.apply_manifests(tenant(heir, entry))
    body = await until_ready(admin, heir)
    assert body["status"]["environments"][0]["adopted"] is True
    meta = (await admin.get(f"/api/v1/namespaces/{tenant_name}-{tenant_name}"))["metadata"]
    assert meta["labels"]["landlord.dev/tenant"] == heir
    assert not [key for key in meta.get("annotations", {}) if "orphaned" in key]


async def test_objects_of_our_names_in_an_adopted_namespace_become_ours(
    operator: OperatorProcess, admin: Admin, namespace: str, tenant_name: str
) -> None:
    """As after a restore without labels, or by somebody who saw it coming: a binding of our name to every right."""
    core, rbac = f"/api/v1/namespaces/{namespace}", "rbac.authorization.k8s.io"
    quota = {"metadata": {"name": "landlord"}, "spec": {"hard": {"pods": "99", "secrets": "99"}}}
    await admin.create(f"{core}/resourcequotas", quota)
    await admin.create(
        f"/apis/{rbac}/v1/namespaces/{namespace}/rolebindings",
        {
            "metadata": {"name": "landlord-owner"},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": "eve"}],
        },
    )
    await admin.apply_manifests(environment(tenant_name), _newcomer(tenant_name, "Enforce", namespace=namespace))
    await until_ready(admin, tenant_name)
    taken = await admin.get(f"{core}/resourcequotas/landlord")
    assert taken["spec"]["hard"] == {"pods": "1", "requests.memory": "64Mi", "services.loadbalancers": "0"}
    binding = await admin.get(f"/apis/{rbac}/v1/namespaces/{namespace}/rolebindings/landlord-owner")
    assert binding["roleRef"]["name"] == "landlord-owner"
    assert [subject["name"] for subject in binding["subjects"]] == ["jane"]
