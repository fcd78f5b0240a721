"""What an Environment says about drift: report it, ignore it, leave some fields to others, and know when to stop."""

from typing import Any

from tests.admin import Admin
from tests.cluster import Audit
from tests.e2e.homes import FULL, INTRUDER, OPERATOR, Home, change_environment, change_tenant, essence, move_in
from tests.manifests import Object, condition, until_condition, until_ready
from tests.operator_process import OperatorProcess
from tests.polling import eventually


def drift(**fields: Any) -> Object:
    """An Environment's spec with these words about drift."""
    return {"drift": fields}


async def _pods(home: Home) -> str:
    return str((await home.get("ResourceQuota", "landlord"))["spec"]["hard"].get("pods", ""))


async def _until_pods(home: Home, wanted: str) -> None:
    async def as_wanted() -> bool:
        return await _pods(home) == wanted

    await eventually(as_wanted, deadline=30, describe=f"{wanted} pods in the quota of {home.namespace}")


async def _spoil_pods(home: Home, pods: str, manager: str = INTRUDER) -> Object:
    return await home.spoil("ResourceQuota", "landlord", {"spec": {"hard": {"pods": pods}}}, manager=manager)


async def _until_drifted(home: Home, status: str, *words: str) -> Object:
    told: Object = {}

    async def says_so() -> Object | None:
        body = await home.body()
        told.update(condition(body, "Drifted"))
        fits = told.get("status") == status and all(word in told["message"] for word in words)
        return body if fits else None

    return await eventually(says_so, deadline=30, describe=lambda: f"Drifted {status} with {words}, found {told}")


async def _told_by_operator(audit: Audit) -> list[tuple[str, str, str]]:
    """What the operator wrote since the mark, Lease and Events apart."""
    writes = await audit.writes(user=OPERATOR, ignoring=("leases", "events"))
    return [(entry.verb, entry.resource, entry.subresource) for entry in writes]


async def test_warn_reports_and_writes_nothing(
    operator: OperatorProcess, admin: Admin, audit: Audit, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, drift(mode="Warn"))
    await audit.mark()
    spoilt = await _spoil_pods(home, "99")
    await home.intruder.delete(home.path("LimitRange", "landlord"))
    unlabelled = await home.spoil("Namespace", "", {"metadata": {"labels": {"landlord.dev/tenant": None}}})
    body = await _until_drifted(
        home,
        "True",
        f"ResourceQuota {home.namespace}/landlord was changed at /spec/hard/pods by {INTRUDER}",
        f"LimitRange {home.namespace}/landlord was deleted",
        f"Namespace {home.namespace} was changed at /metadata/labels/landlord.dev~1tenant",
    )
    assert condition(body, "Drifted", home.environment)["status"] == "True"
    assert condition(body)["status"] == "True", "drift that is only reported does not make a Tenant unready"
    assert {write for write in await _told_by_operator(audit) if write[1] == "tenants"} == {
        ("patch", "tenants", "status")
    }
    assert {resource for _, resource, _ in await _told_by_operator(audit)} <= {"tenants", "environments"}
    for kind, name, obj in (("ResourceQuota", "landlord", spoilt), ("Namespace", "", unlabelled)):
        assert essence(await home.get(kind, name)) == essence(obj)


async def test_drift_that_people_undo_is_forgotten_and_correct_mends_the_rest(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, drift(mode="Warn"))
    await _spoil_pods(home, "99")
    await _until_drifted(home, "True", "/spec/hard/pods")
    await _spoil_pods(home, "10")
    await _until_drifted(home, "False")
    await _spoil_pods(home, "99")
    await home.intruder.delete(home.path("RoleBinding", "landlord-viewer"))
    await _until_drifted(home, "True", "/spec/hard/pods", "landlord-viewer was deleted")
    await change_environment(admin, home.environment, drift={"mode": "Correct"})
    await _until_pods(home, "10")
    await _until_drifted(home, "False")
    assert await admin.find(home.path("RoleBinding", "landlord-viewer"))


async def test_a_spec_change_is_applied_under_warn(operator: OperatorProcess, admin: Admin, tenant_name: str) -> None:
    home = await move_in(admin, tenant_name, drift(mode="Warn"))
    await change_tenant(admin, home.tenant, defaults={"quota": {"hard": {"pods": 11}}})
    await _until_pods(home, "11")


async def test_a_namespace_deleted_under_warn_stays_deleted(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, drift(mode="Warn"))
    await home.intruder.delete(home.path())
    body = await until_condition(admin, home.tenant, reason="DriftFound", deadline=60)
    assert "was deleted" in condition(body)["message"]
    await admin.patch(
        f"/apis/landlord.dev/v1alpha1/tenants/{home.tenant}",
        {"metadata": {"annotations": {"landlord.dev/requested-at": "once more"}}},
    )

    async def handled() -> bool:
        return bool((await home.body())["status"].get("lastHandledReconcileAt") == "once more")

    await eventually(handled)
    assert condition(await home.body())["reason"] == "DriftFound"
    assert await admin.find(home.path()) is None


async def test_ignore_neither_reports_nor_writes(
    operator: OperatorProcess, admin: Admin, audit: Audit, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, drift(mode="Ignore"))
    before = await home.body()
    await audit.mark()
    spoilt = await _spoil_pods(home, "99")
    await home.intruder.delete(home.path("LimitRange", "landlord"))
    other = await move_in(admin, f"{tenant_name}o")  # a whole Tenant later, what was to happen has happened
    assert other.tenant != home.tenant
    assert (await home.body())["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert essence(await home.get("ResourceQuota", "landlord")) == essence(spoilt)
    assert await admin.find(home.path("LimitRange", "landlord")) is None


ALLOWED = [
    {"kind": "ResourceQuota", "name": "landlord", "pointers": ["/spec/hard/pods"]},
    {"kind": "LimitRange", "pointers": ["/spec/limits/0/max/cpu"]},
    {"kind": "Namespace", "pointers": ["/metadata/labels/pod-security.kubernetes.io~1audit"]},
]


async def _spoil_allowed(home: Home) -> None:
    await _spoil_pods(home, "99")
    await home.spoil("LimitRange", "landlord", [{"op": "replace", "path": "/spec/limits/0/max/cpu", "value": "8"}])
    label = {"pod-security.kubernetes.io/audit": "baseline"}
    await home.spoil("Namespace", "", {"metadata": {"labels": label}})


async def _assert_allowed_stands(home: Home) -> None:
    assert await _pods(home) == "99"
    assert (await home.get("LimitRange", "landlord"))["spec"]["limits"][0]["max"]["cpu"] == "8"
    assert (await home.get())["metadata"]["labels"]["pod-security.kubernetes.io/audit"] == "baseline"


async def test_fields_left_to_others_keep_their_values_beside_corrections_and_spec_changes(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, drift(ignore=ALLOWED))
    await _spoil_allowed(home)
    await home.spoil("ResourceQuota", "landlord", {"spec": {"hard": {"requests.cpu": "64"}}})
    await home.spoil("Namespace", "", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}})
    await home.until_told("DriftCorrected", "/spec/hard/requests.cpu")
    await home.until_told("DriftCorrected", "/metadata/labels/pod-security.kubernetes.io~1enforce")
    await _assert_allowed_stands(home)
    limits = {"container": {"max": {"cpu": "1", "memory": "2Gi"}}}
    changed = {
        **FULL,
        "quota": {"hard": {"pods": 10, "requests.cpu": "3"}},
        "limits": limits,
        "podSecurity": {"enforce": "baseline", "audit": "restricted"},
    }
    await change_tenant(admin, home.tenant, defaults=changed)
    await until_ready(admin, home.tenant)
    assert (await home.get("ResourceQuota", "landlord"))["spec"]["hard"]["requests.cpu"] == "3"
    assert (await home.get("LimitRange", "landlord"))["spec"]["limits"][0]["max"]["memory"] == "2Gi"
    assert (await home.get())["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
    await _assert_allowed_stands(home)
    told = [event["message"] for event in await home.events() if event["reason"] == "DriftCorrected"]
    assert not [note for note in told if "/spec/hard/pods" in note or "/spec/limits" in note or "1audit" in note]
    assert condition(await home.body(), "Drifted")["status"] == "False"


async def test_a_field_no_longer_left_to_others_is_put_back(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, drift(ignore=ALLOWED))
    await _spoil_pods(home, "99")
    await home.spoil("ResourceQuota", "landlord", {"spec": {"hard": {"requests.cpu": "64"}}})
    await home.until_told("DriftCorrected", "/spec/hard/requests.cpu")
    assert await _pods(home) == "99"
    await change_environment(admin, home.environment, drift={"ignore": []})
    await _until_pods(home, "10")


async def test_past_the_cap_drift_is_only_reported(operator: OperatorProcess, admin: Admin, tenant_name: str) -> None:
    home = await move_in(admin, tenant_name, drift(maxCorrectionsPerHour=2))
    for _ in range(2):
        await _spoil_pods(home, "99")
        await _until_pods(home, "10")
    spoilt = await _spoil_pods(home, "99")
    body = await _until_drifted(home, "True", "/spec/hard/pods", "the cap of corrections per hour is reached")
    assert condition(body, "Drifted")["reason"] == "CorrectionsCapped"
    assert essence(await home.get("ResourceQuota", "landlord")) == essence(spoilt)
    await change_environment(admin, home.environment, drift={"maxCorrectionsPerHour": 10})
    await _until_pods(home, "10")


async def test_a_fight_over_an_object_ends_names_the_other_and_is_forgiven_by_a_new_spec(
    operator: OperatorProcess, admin: Admin, audit: Audit, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    for _ in range(5):
        await _spoil_pods(home, "99", manager="stubborn-controller")
        await _until_pods(home, "10")
    spoilt = await _spoil_pods(home, "99", manager="stubborn-controller")
    body = await until_condition(admin, home.tenant, "Contested", status="True")
    for of in ("", home.environment):
        told = condition(body, "Contested", of)
        assert f"ResourceQuota {home.namespace}/landlord" in told["message"]
        assert "/spec/hard/pods" in told["message"]
        assert "stubborn-controller" in told["message"]
    assert condition(body, "Drifted")["status"] == "True"
    await home.until_told("OtherWriter", "stubborn-controller")
    await audit.mark()
    await home.spoil("LimitRange", "landlord", {"spec": {"limits": []}})  # nobody fights over that one
    await home.until_told("DriftCorrected", "LimitRange")
    assert ("patch", "resourcequotas", "") not in await _told_by_operator(audit)
    assert essence(await home.get("ResourceQuota", "landlord")) == essence(spoilt)
    await change_tenant(admin, home.tenant, displayName="Peace")
    await _until_pods(home, "10")
    await until_condition(admin, home.tenant, "Contested", status="absent")


async def test_a_fight_over_the_tenant_label_ends_too(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)

    async def is_labelled() -> bool:
        return bool((await home.get())["metadata"]["labels"].get("landlord.dev/tenant") == home.tenant)

    for _ in range(5):
        await home.spoil("Namespace", "", {"metadata": {"labels": {"landlord.dev/tenant": None}}})
        await eventually(is_labelled, deadline=30)
    await home.spoil("Namespace", "", {"metadata": {"labels": {"landlord.dev/tenant": None}}})
    body = await until_condition(admin, home.tenant, "Contested", status="True")
    assert f"Namespace {home.namespace}" in condition(body, "Contested")["message"]
