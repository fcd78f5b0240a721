"""What Environments do to the tenants in them: missing, late, suspended, changed, deleted; and what they count."""

from typing import Any

from tests.admin import Admin
from tests.cluster import Audit
from tests.e2e.homes import OPERATOR, Home, change_environment, change_tenant, essence, move_in
from tests.manifests import ENVIRONMENTS, TENANTS, Object, condition, environment, tenant, until_condition, until_ready
from tests.operator_process import OperatorProcess
from tests.polling import eventually

QUOTA = {"quota": {"hard": {"pods": 5}}}


async def _until_counted(admin: Admin, name: str, **counts: int) -> Object:
    found: Object = {}

    async def counted() -> Object | None:
        body = await admin.get(f"{ENVIRONMENTS}/{name}")
        found.update(body["status"].get("tenants") or {})
        return body if all(found.get(key) == value for key, value in counts.items()) else None

    return await eventually(counted, describe=lambda: f"{counts} in {name}, found {found}")


async def test_a_tenant_whose_environment_comes_later_heals_by_itself(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    await admin.apply_manifests(tenant(tenant_name, tenant_name))
    body = await until_condition(admin, tenant_name, reason="EnvironmentMissing")
    assert condition(body)["status"] == "False"
    assert condition(body, "Stalled") == {}, "it heals when somebody else acts, so it is no dead end"
    assert f"no Environment {tenant_name}" in condition(body)["message"]
    assert await admin.find(f"/api/v1/namespaces/{tenant_name}-{tenant_name}") is None
    await admin.apply_manifests(environment(tenant_name))
    await until_ready(admin, tenant_name)


async def test_one_missing_environment_leaves_the_other_one_ready(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    there, missing = f"{tenant_name}-a", f"{tenant_name}-b"
    await admin.apply_manifests(environment(there), tenant(tenant_name, there, missing))
    body = await until_condition(admin, tenant_name, reason="EnvironmentMissing")
    assert condition(body, of=there)["status"] == "True"
    assert condition(body, of=missing)["reason"] == "EnvironmentMissing"
    assert body["status"]["summary"] == "1/2"


async def test_an_environment_that_vanishes_takes_nothing_along(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    before = {key: each["metadata"]["uid"] for key, each in (await home.children()).items()}
    path = f"{ENVIRONMENTS}/{tenant_name}"
    await admin.delete(path)
    await until_condition(admin, tenant_name, reason="EnvironmentDeleting")
    await admin.patch(path, {"metadata": {"finalizers": None}})
    await until_condition(admin, tenant_name, reason="EnvironmentMissing")
    assert {key: each["metadata"]["uid"] for key, each in (await home.children()).items()} == before
    await admin.apply_manifests(environment(tenant_name))
    await until_ready(admin, tenant_name)


async def test_a_suspended_environment_freezes_its_tenants_as_they_are(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    quota = essence(await home.get("ResourceQuota", "landlord"))
    await change_environment(admin, tenant_name, suspend=True)
    body = await until_condition(admin, tenant_name, reason="EnvironmentSuspended")
    assert condition(body)["status"] == "True", "as it was"
    spoilt = await home.spoil("ResourceQuota", "landlord", {"spec": {"hard": {"pods": "99"}}})
    await change_tenant(admin, tenant_name, defaults={"serviceAccounts": [{"name": "later"}]})
    body = await until_condition(admin, tenant_name, reason="EnvironmentSuspended")
    assert essence(await home.get("ResourceQuota", "landlord")) == essence(spoilt)
    assert await admin.find(home.path("ServiceAccount", "later")) is None
    await change_environment(admin, tenant_name, suspend=False)
    await until_condition(admin, tenant_name, reason="Applied", status="True")
    assert essence(await home.get("ResourceQuota", "landlord")) == quota
    assert await admin.find(home.path("ServiceAccount", "later"))


async def test_a_suspended_tenant_is_left_alone_by_spec_or_by_annotation(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    path = f"{TENANTS}/{tenant_name}"
    for patch, undo in (
        ({"spec": {"suspend": True}}, {"spec": {"suspend": False}}),
        (
            {"metadata": {"annotations": {"landlord.dev/suspend": "true"}}},
            {"metadata": {"annotations": {"landlord.dev/suspend": None}}},
        ),
    ):
        await admin.patch(path, patch)
        body = await until_condition(admin, tenant_name, reason="Suspended")
        assert condition(body)["status"] == "True"
        spoilt = await home.spoil("ResourceQuota", "landlord", {"spec": {"hard": {"pods": "99"}}})
        await admin.patch(path, {"metadata": {"annotations": {"landlord.dev/requested-at": str(undo)}}})

        async def handled(wanted: str = str(undo)) -> bool:
            return bool((await home.body())["status"].get("lastHandledReconcileAt") == wanted)

        await eventually(handled)
        assert essence(await home.get("ResourceQuota", "landlord")) == essence(spoilt)
        await admin.patch(path, undo)
        await until_condition(admin, tenant_name, reason="Applied")
        assert (await home.get("ResourceQuota", "landlord"))["spec"]["hard"]["pods"] == "10"


async def test_changed_defaults_reach_every_tenant(operator: OperatorProcess, admin: Admin, tenant_name: str) -> None:
    teams = [f"{tenant_name}{letter}" for letter in "abcde"]
    own = {"defaults": {"quota": {"hard": {"pods": 7}}}}
    await admin.apply_manifests(environment(tenant_name, tenantDefaults=QUOTA))
    await admin.apply_manifests(
        *(tenant(team, tenant_name) for team in teams), tenant(f"{tenant_name}z", tenant_name, **own)
    )
    for team in (*teams, f"{tenant_name}z"):
        await until_ready(admin, team)
    changed = {"quota": {"hard": {"pods": 6}}, "podSecurity": {"enforce": "baseline"}}
    await change_environment(admin, tenant_name, tenantDefaults=changed)

    async def pods_of(team: str) -> tuple[str, str]:
        home = Home(admin, team, tenant_name)
        labels = (await home.get())["metadata"]["labels"]
        hard = (await home.get("ResourceQuota", "landlord"))["spec"]["hard"]
        return str(hard["pods"]), str(labels["pod-security.kubernetes.io/enforce"])

    async def reached() -> bool:
        found = [await pods_of(team) for team in (*teams, f"{tenant_name}z")]
        return found == [("6", "baseline")] * len(teams) + [("7", "baseline")]

    await eventually(reached, deadline=60)
    for team in teams:
        body = await until_ready(admin, team)
        told = [event["reason"] for event in await Home(admin, team, tenant_name).events()]
        assert "DriftCorrected" not in told, "what the platform changes is no drift"
        assert condition(body, "Drifted")["status"] == "False"


async def test_a_tenant_that_moves_its_tier_is_treated_as_there(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    assert {name for kind, name in await home.children() if kind == "RoleBinding"} >= {
        "landlord-owner",
        "landlord-editor",
    }
    await change_environment(admin, tenant_name, tier="production")

    async def are_viewers() -> bool:
        bindings = {name: each for (kind, name), each in (await home.children()).items() if kind == "RoleBinding"}
        return (
            set(bindings) == {"landlord-viewer", "landlord-deployer"}
            and len(bindings["landlord-viewer"]["subjects"]) == 3
        )

    await eventually(are_viewers)

    async def is_told() -> bool:
        body = await until_ready(admin, tenant_name)
        return {role for member in body["status"]["members"] for role in member["roles"].values()} == {"viewer"}

    await eventually(is_told, describe="viewers in the status")
    assert (await home.get())["metadata"]["labels"]["landlord.dev/workloads"] == "ReleasesOnly"


async def test_an_environment_counts_ready_failed_and_drifted_tenants(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    await admin.apply_manifests(environment(tenant_name, drift={"mode": "Warn"}, tenantDefaults=QUOTA))
    well, stuck, drifted = (f"{tenant_name}{letter}" for letter in "abc")
    taken: dict[str, Any] = {"name": tenant_name, "namespace": "kube-system"}
    await admin.apply_manifests(tenant(well, tenant_name), tenant(stuck, taken), tenant(drifted, tenant_name))
    await until_ready(admin, drifted)
    await Home(admin, drifted, tenant_name).spoil("ResourceQuota", "landlord", {"spec": {"hard": {"pods": "99"}}})
    body = await _until_counted(admin, tenant_name, total=3, ready=2, failed=1, drifted=1)
    assert condition(body)["status"] == "True"
    assert "3 Tenants" in condition(body, "InUse")["message"]
    await admin.delete(f"{TENANTS}/{stuck}")
    await _until_counted(admin, tenant_name, total=2, ready=2, failed=0, drifted=1)
    shown = admin.kubectl("get", "lenv", tenant_name).splitlines()
    row = dict(zip(shown[0].split(), shown[1].split(), strict=True))
    assert row["NAME"] == tenant_name
    assert row["TIER"] == "development"
    assert (row["TENANTS"], row["READY"]) == ("2", "True")


async def test_many_child_events_cost_an_environment_few_writes(
    operator: OperatorProcess, admin: Admin, audit: Audit, tenant_name: str
) -> None:
    await admin.apply_manifests(environment(tenant_name, drift={"mode": "Warn"}, tenantDefaults=QUOTA))
    homes = [Home(admin, f"{tenant_name}{letter}", tenant_name) for letter in "abcde"]
    await admin.apply_manifests(*(tenant(home.tenant, tenant_name) for home in homes))
    for home in homes:
        await until_ready(admin, home.tenant)
    await _until_counted(admin, tenant_name, total=5, ready=5, drifted=0)
    await audit.mark()
    for pods in ("91", "92", "93", "94"):
        for home in homes:
            await home.spoil("ResourceQuota", "landlord", {"spec": {"hard": {"pods": pods}}})
    await _until_counted(admin, tenant_name, total=5, ready=5, drifted=5)
    writes = [entry for entry in await audit.writes(user=OPERATOR) if entry.resource == "environments"]
    assert 1 <= len(writes) <= 5, f"{len(writes)} writes for 20 edits"
    assert {(entry.verb, entry.subresource) for entry in writes} == {("patch", "status")}


async def test_a_tenants_request_for_a_pass_is_echoed_ours_and_flux(
    operator: OperatorProcess, admin: Admin, audit: Audit, tenant_name: str
) -> None:
    await move_in(admin, tenant_name)
    for root in (TENANTS, ENVIRONMENTS):
        path = f"{root}/{tenant_name}"
        for key in ("reconcile.fluxcd.io/requestedAt", "landlord.dev/requested-at"):
            await audit.mark()
            asked = f"now, by {key}"
            await admin.patch(path, {"metadata": {"annotations": {key: asked}}})

            async def echoed(where: str = path, wanted: str = asked) -> bool:
                return bool((await admin.get(where))["status"].get("lastHandledReconcileAt") == wanted)

            await eventually(echoed)
            if root == TENANTS:
                looked = {
                    each.resource for each in await audit.entries() if each.user == OPERATOR and each.verb == "list"
                }
                assert looked >= {"namespaces", "resourcequotas", "rolebindings"}, "asked to look, it must look"
