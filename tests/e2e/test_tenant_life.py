"""A Tenant's life on the real thing, from apply to farewell."""

import pytest

from tests.admin import Admin, ApiError
from tests.manifests import ENVIRONMENTS, TENANTS, condition, environment, tenant, until_condition, until_ready
from tests.operator_process import OperatorProcess
from tests.polling import eventually


async def _children(admin: Admin, namespace: str) -> set[str]:
    found = set()
    for path in (
        "/api/v1/namespaces/{}/resourcequotas",
        "/api/v1/namespaces/{}/limitranges",
        "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    ):
        found |= {item["metadata"]["name"] for item in await admin.list(path.format(namespace))}
    return found


async def test_a_tenant_becomes_namespaces_with_guards_and_rights(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    quota = {"hard": {"requests.cpu": "2", "limits.memory": "4Gi", "pods": 10}}
    await admin.apply_manifests(
        environment(f"{tenant_name}-s", "staging", tenantDefaults={"quota": quota}),
        environment(f"{tenant_name}-p", "production"),
        tenant(
            tenant_name,
            f"{tenant_name}-s",
            f"{tenant_name}-p",
            members=[{"kind": "User", "name": "jane", "role": "owner"}],
        ),
    )
    found = await until_ready(admin, tenant_name)
    staging, production = (f"{tenant_name}-{tenant_name}-{tier}" for tier in "sp")
    assert found["metadata"]["finalizers"] == ["landlord.dev/finalizer"]
    assert await _children(admin, staging) == {"landlord", "landlord-profile", "landlord-deployer", "landlord-owner"}
    assert await _children(admin, production) == {"landlord-profile", "landlord-deployer", "landlord-viewer"}
    labels = (await admin.get(f"/api/v1/namespaces/{production}"))["metadata"]["labels"]
    assert labels["landlord.dev/workloads"] == "ReleasesOnly"
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


async def test_an_environment_counts_its_tenants_and_waits_for_them_to_leave(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    await admin.apply_manifests(environment(tenant_name), tenant(tenant_name, tenant_name))
    await until_ready(admin, tenant_name)
    path = f"{ENVIRONMENTS}/{tenant_name}"

    async def counted() -> bool:
        found = await admin.get(path)
        return bool(found["status"].get("tenants") == {"total": 1, "ready": 1, "failed": 0, "drifted": 0})

    await eventually(counted)
    await admin.delete(path)
    found = await until_condition(admin, tenant_name, reason="EnvironmentDeleting")
    assert condition(found)["status"] == "False"
    assert "metadata" in await admin.get(path), "held by its finalizer"
    await admin.delete(f"{TENANTS}/{tenant_name}")

    async def gone() -> bool:
        return await admin.find(path) is None and await admin.find(f"{TENANTS}/{tenant_name}") is None

    await eventually(gone)


async def test_orphaned_namespaces_stay_and_are_taken_up_again(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    member = {"kind": "User", "name": "jane", "role": "owner"}
    wanted = tenant(tenant_name, tenant_name, members=[member])
    await admin.apply_manifests(environment(tenant_name), wanted)
    await until_ready(admin, tenant_name)
    namespace = f"/api/v1/namespaces/{tenant_name}-{tenant_name}"
    uid = (await admin.get(namespace))["metadata"]["uid"]
    await admin.delete(f"{TENANTS}/{tenant_name}")

    async def gone() -> bool:
        return await admin.find(f"{TENANTS}/{tenant_name}") is None

    await eventually(gone)
    left = await admin.get(namespace)
    assert left["metadata"]["annotations"]["landlord.dev/orphaned-from"] == tenant_name
    assert await _children(admin, f"{tenant_name}-{tenant_name}") == {"landlord-profile", "landlord-deployer"}
    await admin.apply_manifests(wanted)
    await until_ready(admin, tenant_name)
    again = await admin.get(namespace)
    assert again["metadata"]["uid"] == uid
    assert "landlord.dev/orphaned-from" not in again["metadata"].get("annotations", {})


async def test_an_environment_taken_out_with_delete_takes_its_namespace_along(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    one, two = f"{tenant_name}-a", f"{tenant_name}-b"
    await admin.apply_manifests(
        environment(one), environment(two), tenant(tenant_name, one, two, deletionPolicy="Delete")
    )
    await until_ready(admin, tenant_name)
    await admin.apply_manifests(tenant(tenant_name, one, deletionPolicy="Delete"))

    async def gone() -> bool:
        return await admin.find(f"/api/v1/namespaces/{tenant_name}-{two}") is None

    await eventually(gone, deadline=60)
    found = await until_ready(admin, tenant_name)
    assert [entry["name"] for entry in found["status"]["environments"]] == [one]


async def test_a_second_tenant_cannot_have_the_first_ones_namespace(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    await admin.apply_manifests(environment(tenant_name), tenant(tenant_name, tenant_name))
    await until_ready(admin, tenant_name)
    rival = f"{tenant_name}x"
    entry = {"name": tenant_name, "namespace": f"{tenant_name}-{tenant_name}", "adopt": "Enforce"}
    await admin.apply_manifests(tenant(rival, entry))
    found = await until_condition(admin, rival, reason="NamespaceConflict")
    assert f"Tenant {tenant_name} " in condition(found)["message"]
    assert condition(found, "Stalled")["status"] == "True"
    await admin.delete(f"{TENANTS}/{tenant_name}")
    await until_ready(admin, rival, deadline=90)


async def test_a_protected_tenant_cannot_be_deleted(operator: OperatorProcess, admin: Admin, tenant_name: str) -> None:
    await admin.apply_manifests(environment(tenant_name), tenant(tenant_name, tenant_name, deletionProtection=True))
    await until_ready(admin, tenant_name)
    for path in (f"{TENANTS}/{tenant_name}", f"/api/v1/namespaces/{tenant_name}-{tenant_name}"):
        with pytest.raises(ApiError, match="ValidatingAdmissionPolicy"):
            await admin.delete(path)
    await admin.apply_manifests(tenant(tenant_name, tenant_name, deletionProtection=False))
    await until_ready(admin, tenant_name)
    await admin.delete(f"{TENANTS}/{tenant_name}")


async def test_rights_that_are_taken_away_do_not_wait_for_the_rest_to_be_mended(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    leaving = {"kind": "User", "name": "jane", "role": "owner"}
    staying = {"kind": "User", "name": "joe", "role": "editor"}
    await admin.apply_manifests(environment(tenant_name), tenant(tenant_name, tenant_name, members=[leaving, staying]))
    await until_ready(admin, tenant_name)
    namespace = f"{tenant_name}-{tenant_name}"
    too_much = {"name": tenant_name, "quota": {"hard": {"pods": 10}}}
    await admin.apply_manifests(
        tenant(tenant_name, too_much, members=[staying], cordoned=True, quota={"aggregate": {"pods": 5}})
    )
    found = await until_condition(admin, tenant_name, reason="AggregateExceeded")
    assert "10" in condition(found)["message"]
    assert found["status"]["summary"] == "1/1", "what was applied before runs on"

    async def took_hold() -> bool:
        labels = (await admin.get(f"/api/v1/namespaces/{namespace}"))["metadata"]["labels"]
        left = await _children(admin, namespace)
        is_cordoned = labels.get("landlord.dev/cordoned") == "true"
        return is_cordoned and left == {"landlord-profile", "landlord-deployer", "landlord-editor"}

    await eventually(took_hold)


async def test_a_role_that_does_not_exist_is_told_by_name(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    wanted = tenant(tenant_name, tenant_name, defaults={"deployer": {"clusterRoles": ["no-such-role"]}})
    await admin.apply_manifests(environment(tenant_name), wanted)
    found = await until_condition(admin, tenant_name, status="False")
    assert "no-such-role" in condition(found)["message"]
    assert condition(found, "Stalled")["status"] == "True"
