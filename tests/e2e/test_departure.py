"""Leaving: rights go first, what blocks is named, protection and suspension hold, and a restored Tenant finds home."""

from tests.admin import Admin
from tests.cluster import Audit
from tests.e2e.homes import MEMBERS, OPERATOR, Home, change_tenant, move_in
from tests.manifests import TENANTS, Object, condition, environment, tenant, until_condition, until_ready
from tests.operator_process import OperatorProcess
from tests.polling import eventually


async def _until_gone(admin: Admin, path: str, deadline: float = 60) -> None:
    async def gone() -> bool:
        return await admin.find(path) is None

    await eventually(gone, deadline=deadline, describe=f"{path} is gone")


async def _until_told(admin: Admin, name: str, kind: str, *words: str, deadline: float = 40) -> Object:
    told: list[str] = []

    async def says_so() -> Object | None:
        body = await admin.get(f"{TENANTS}/{name}")
        message = str(condition(body, kind).get("message", ""))
        told[:] = [message]
        return body if all(word in message for word in words) else None

    return await eventually(says_so, deadline=deadline, describe=lambda: f"{kind} of {name} with {words}, found {told}")


async def _obstruct(home: Home) -> str:
    """A ConfigMap whose finalizer nobody will take off; returns its path."""
    path = f"/api/v1/namespaces/{home.namespace}/configmaps"
    await home.admin.create(path, {"metadata": {"name": "stone", "finalizers": ["example.org/stone"]}})
    return f"{path}/stone"


async def test_what_blocks_a_deletion_is_named_and_rights_are_gone_long_before(
    operator: OperatorProcess, admin: Admin, audit: Audit, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, deletionPolicy="Delete")
    stone = await _obstruct(home)
    await audit.mark()
    await admin.delete(f"{TENANTS}/{tenant_name}")
    body = await _until_told(
        admin, tenant_name, "Deleting", f"Namespace {home.namespace} is being deleted", "example.org/stone"
    )
    assert "example.org/stone" in condition(body)["message"]
    assert (condition(body)["status"], condition(body)["reason"]) == ("Unknown", "Deleting")
    assert condition(body, "Reconciling")["status"] == "True"
    mine = [each for each in await audit.writes(user=OPERATOR) if home.namespace in (each.namespace, each.name)]
    deletions = [each for each in mine if each.verb == "delete"]
    assert [entry.resource for entry in deletions] == ["rolebindings"] * len(MEMBERS) + ["namespaces"]
    await home.until_told("Deleting", home.namespace)
    await admin.patch(stone, {"metadata": {"finalizers": None}})
    await _until_gone(admin, f"{TENANTS}/{tenant_name}")
    assert await admin.find(home.path()) is None


async def test_an_environment_that_cannot_leave_is_told_beside_those_that_are_well(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    stays, leaves = f"{tenant_name}-a", f"{tenant_name}-b"
    wanted = tenant(tenant_name, stays, leaves, deletionPolicy="Delete")
    await admin.apply_manifests(environment(stays), environment(leaves), wanted)
    await until_ready(admin, tenant_name)
    stone = await _obstruct(Home(admin, tenant_name, leaves))
    await admin.apply_manifests(tenant(tenant_name, stays, deletionPolicy="Delete"))
    body = await _until_told(admin, tenant_name, "Ready", "example.org/stone")
    assert condition(body, "Ready", stays)["status"] == "True"
    assert condition(body, "Ready", leaves)["status"] == "Unknown"
    assert body["status"]["summary"] == "1/2"
    await admin.patch(stone, {"metadata": {"finalizers": None}})
    body = await until_ready(admin, tenant_name, deadline=60)
    assert [entry["name"] for entry in body["status"]["environments"]] == [stays]


async def test_a_suspended_tenant_is_not_let_go_before_it_is_resumed(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    await change_tenant(admin, tenant_name, suspend=True)
    await until_condition(admin, tenant_name, reason="Suspended")
    await admin.delete(f"{TENANTS}/{tenant_name}")
    await _until_told(admin, tenant_name, "Deleting", "spec.suspend")
    assert ("RoleBinding", "landlord-owner") in await home.children()
    await change_tenant(admin, tenant_name, suspend=False)
    await _until_gone(admin, f"{TENANTS}/{tenant_name}")
    assert ("RoleBinding", "landlord-owner") not in await home.children()


async def test_a_protected_tenant_that_is_deleted_all_the_same_stays_until_it_is_not(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, deletionPolicy="Delete")
    await change_tenant(admin, tenant_name, deletionProtection=True)
    await until_ready(admin, tenant_name)
    await home.intruder.delete(f"{TENANTS}/{tenant_name}")
    await _until_told(admin, tenant_name, "Deleting", "spec.deletionProtection")
    assert "deletionTimestamp" not in (await home.get())["metadata"]
    await change_tenant(admin, tenant_name, deletionProtection=False)
    await _until_gone(admin, f"{TENANTS}/{tenant_name}")


async def test_a_protected_tenant_keeps_an_environment_that_is_taken_out(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    stays, leaves = f"{tenant_name}-a", f"{tenant_name}-b"
    spec = {"deletionPolicy": "Delete", "deletionProtection": True}
    await admin.apply_manifests(environment(stays), environment(leaves), tenant(tenant_name, stays, leaves, **spec))
    await until_ready(admin, tenant_name)
    await admin.apply_manifests(tenant(tenant_name, stays, **spec))
    await _until_told(admin, tenant_name, "Ready", leaves, "spec.deletionProtection")
    found = await admin.get(f"/api/v1/namespaces/{tenant_name}-{leaves}")
    assert "deletionTimestamp" not in found["metadata"]
    assert "landlord.dev/orphaned-from" not in (found["metadata"].get("annotations") or {})
    await admin.apply_manifests(tenant(tenant_name, stays, **{**spec, "deletionProtection": False}))
    await _until_gone(admin, f"/api/v1/namespaces/{tenant_name}-{leaves}")


async def test_a_restored_tenant_with_a_new_uid_owns_its_namespaces_again(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    uid, before = (await home.get())["metadata"]["uid"], await home.body()
    await admin.patch(f"{TENANTS}/{tenant_name}", {"spec": {"suspend": True}})
    await until_condition(admin, tenant_name, reason="Suspended")
    await admin.delete(f"{TENANTS}/{tenant_name}")
    await admin.patch(f"{TENANTS}/{tenant_name}", {"metadata": {"finalizers": None}})  # lost, as after a bad restore
    await _until_gone(admin, f"{TENANTS}/{tenant_name}")
    saved = {key: before[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": tenant_name}}
    await admin.create(TENANTS, saved)
    after = await until_ready(admin, tenant_name)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert (await home.get())["metadata"]["uid"] == uid == after["status"]["environments"][0]["uid"]
    assert after["status"]["environments"][0]["digest"] == before["status"]["environments"][0]["digest"]


async def test_an_environment_taken_out_with_orphan_loses_its_members_and_keeps_its_guards(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    stays, leaves = f"{tenant_name}-a", f"{tenant_name}-b"
    quota = {"quota": {"hard": {"pods": 3}}}
    both = tenant(tenant_name, stays, leaves, members=MEMBERS, defaults=quota)
    await admin.apply_manifests(environment(stays), environment(leaves), both)
    await until_ready(admin, tenant_name)
    await admin.apply_manifests(tenant(tenant_name, stays, members=MEMBERS, defaults=quota))
    body = await until_ready(admin, tenant_name)
    assert [entry["name"] for entry in body["status"]["environments"]] == [stays]
    left = await Home(admin, tenant_name, leaves).children()
    assert {name for kind, name in left if kind == "RoleBinding"} == {"landlord-deployer"}
    assert ("ResourceQuota", "landlord") in left
    meta = left["Namespace", ""]["metadata"]
    assert meta["annotations"]["landlord.dev/orphaned-from"] == tenant_name
    assert meta["labels"]["landlord.dev/tenant"] == tenant_name
    await admin.apply_manifests(both)
    await until_ready(admin, tenant_name)
    back = await Home(admin, tenant_name, leaves).children()
    assert back["Namespace", ""]["metadata"]["uid"] == meta["uid"]
    assert ("RoleBinding", "landlord-owner") in back
    assert "landlord.dev/orphaned-from" not in (back["Namespace", ""]["metadata"].get("annotations") or {})


async def test_a_tenant_that_never_became_true_can_be_deleted(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    await admin.apply_manifests(tenant(tenant_name, tenant_name))
    await until_condition(admin, tenant_name, reason="EnvironmentMissing")
    await admin.delete(f"{TENANTS}/{tenant_name}")
    await _until_gone(admin, f"{TENANTS}/{tenant_name}")
