"""What people and tools read off a Tenant: true at every moment, steady, and fit for kubectl."""

import asyncio
import itertools
from typing import Any

from tests.admin import Admin
from tests.e2e.homes import Home, change_environment, change_tenant, events_about, every_version, move_in
from tests.manifests import ENVIRONMENTS, TENANTS, Object, condition, environment, tenant, until_condition, until_ready
from tests.operator_process import OperatorProcess
from tests.polling import eventually


def kstatus(obj: Object) -> str:
    """What Argo CD, Flux and `kubectl wait` conclude, by the rules of kstatus for resources with conditions."""
    conditions = {each["type"]: each["status"] for each in obj.get("status", {}).get("conditions") or ()}
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    if obj.get("status", {}).get("observedGeneration") != obj["metadata"]["generation"]:
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    if conditions.get("Reconciling") == "True" or conditions.get("Ready") != "True":
        return "InProgress"
    return "Current"


def faults(obj: Object) -> list[str]:
    """What one version says that cannot be true."""
    status, generation = obj["status"], obj["metadata"]["generation"]
    observed = status["observedGeneration"]
    found = _condition_faults("", status.get("conditions") or (), observed)
    for entry in status.get("environments") or ():
        found += _condition_faults(entry["name"], entry["conditions"], observed)
    return found + ([f"observed generation {observed} of {generation}"] if observed > generation else [])


def _condition_faults(where: str, conditions: Any, observed: int) -> list[str]:
    said = {each["type"]: each for each in conditions}
    state = {kind: each["status"] for kind, each in said.items()}
    wrong = {
        "a type twice": len(said) != len(conditions),
        "Reconciling and Stalled": state.get("Reconciling") == state.get("Stalled") == "True",
        "Stalled but not unready": state.get("Stalled") == "True" and state.get("Ready") != "False",
        "Reconciling but ready": state.get("Reconciling") == "True" and state.get("Ready") == "True",
        "no Ready": bool(conditions) and "Ready" not in state,
        "no message": any(not each["message"] or not each["reason"] for each in conditions),
        "a generation ahead of the status": any(each["observedGeneration"] > observed for each in conditions),
        "an old generation": not where and any(each["observedGeneration"] != observed for each in conditions),
    }
    return [f"{where}: {what}: {conditions}" for what, is_so in wrong.items() if is_so]


def unsteady(versions: list[Object]) -> list[str]:
    """Conditions whose transition time moved although their status did not, or did not although it did."""
    found = []
    for before, after in itertools.pairwise(versions):
        old = {each["type"]: each for each in before["status"].get("conditions") or ()}
        for now in after["status"].get("conditions") or ():
            was = old.get(now["type"])
            moved = was is not None and was["lastTransitionTime"] != now["lastTransitionTime"]
            if was is not None and was["status"] == now["status"] and moved:
                found.append(f"{was} -> {now}")
    return found


async def test_every_version_of_a_tenant_tells_the_truth(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    one, two = f"{tenant_name}-a", f"{tenant_name}-b"
    home = Home(admin, tenant_name, one)
    truth: dict[int, str] = {}

    async def become(pods: int, *environments: Any, **spec: Any) -> int:
        """Apply a spec with this quota and note which generation asks for it."""
        wanted = tenant(tenant_name, *environments, defaults={"quota": {"hard": {"pods": pods}}}, **spec)
        body = await admin.apply(f"{TENANTS}/{tenant_name}", wanted)
        truth[body["metadata"]["generation"]] = str(pods)
        return int(body["metadata"]["generation"])

    async with every_version(admin, TENANTS, tenant_name) as versions:

        async def ready() -> None:
            """The first version that claims this generation's readiness must be right at that very moment."""
            body = await until_ready(admin, tenant_name)
            quota = await home.get("ResourceQuota", "landlord")
            assert quota["spec"]["hard"]["pods"] == truth[body["metadata"]["generation"]]

        await become(1, one)
        await until_condition(admin, tenant_name, reason="EnvironmentMissing")
        await admin.apply_manifests(environment(one), environment(two))
        await ready()
        for pods in range(2, 8):
            await become(pods, one, two)
            await ready()
        await become(8, one, {"name": two, "network": {"allowTo": [{"peer": "nobody"}]}})
        await until_condition(admin, tenant_name, reason="InvalidSpec")
        assert kstatus(await home.body()) == "Failed"
        await become(9, one, two, quota={"aggregate": {"pods": 5}})
        await until_condition(admin, tenant_name, reason="AggregateExceeded")
        await become(9, one, two, cordoned=True)
        await ready()
        await become(10, one)
        await ready()
        assert kstatus(await home.body()) == "Current"
        await home.spoil("ResourceQuota", "landlord", {"spec": {"hard": {"pods": "99"}}})
        await home.until_told("DriftCorrected", "pods")
        await become(11, one, suspend=True)
        await until_condition(admin, tenant_name, reason="Suspended")
    assert len(versions) > 20
    assert [fault for version in versions for fault in faults(version)] == []
    assert unsteady(versions) == []
    current = {each["metadata"]["generation"] for each in versions if kstatus(each) == "Current"}
    assert current <= set(truth)


async def test_a_changed_spec_is_never_called_current_before_it_is_true(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    for pods in range(20, 30):
        await change_tenant(admin, tenant_name, defaults={"quota": {"hard": {"pods": pods}}})

        async def current() -> bool:
            return kstatus(await home.body()) == "Current"

        await eventually(current)
        assert (await home.get("ResourceQuota", "landlord"))["spec"]["hard"]["pods"] == str(pods)


async def test_environments_tell_the_truth_too(operator: OperatorProcess, admin: Admin, tenant_name: str) -> None:
    async with every_version(admin, ENVIRONMENTS, tenant_name) as versions:
        await admin.apply_manifests(environment(tenant_name))

        async def is_current() -> bool:
            return kstatus(await admin.get(f"{ENVIRONMENTS}/{tenant_name}")) == "Current"

        await eventually(is_current)
        for tier in ("staging", "production", "other"):
            await change_environment(admin, tenant_name, tier=tier)
            await eventually(is_current)
        await move_in(admin, tenant_name, {"suspend": False})
        await change_environment(admin, tenant_name, suspend=True)
        await eventually(is_current)
        await admin.delete(f"{ENVIRONMENTS}/{tenant_name}")

        async def is_held() -> bool:
            body = await admin.get(f"{ENVIRONMENTS}/{tenant_name}")
            return tenant_name in condition(body)["message"] and condition(body)["reason"] == "TenantsPresent"

        await eventually(is_held)
    assert [fault for version in versions for fault in faults(version)] == []
    assert unsteady(versions) == []


async def test_conditions_keep_their_times_while_nothing_changes(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    await move_in(admin, tenant_name)
    before = await admin.get(f"{TENANTS}/{tenant_name}")
    await admin.patch(f"{TENANTS}/{tenant_name}", {"metadata": {"annotations": {"landlord.dev/requested-at": "1"}}})

    async def handled() -> Object | None:
        body = await admin.get(f"{TENANTS}/{tenant_name}")
        return body if body["status"].get("lastHandledReconcileAt") == "1" else None

    after = await eventually(handled)
    assert after["status"]["conditions"] == before["status"]["conditions"]
    assert after["status"]["environments"] == before["status"]["environments"]


async def test_kubectl_tells_a_person_all_he_needs(operator: OperatorProcess, admin: Admin, tenant_name: str) -> None:
    await admin.apply_manifests(tenant(tenant_name, tenant_name, deletionPolicy="Delete"))
    await until_condition(admin, tenant_name, reason="EnvironmentMissing")
    shown = await _kubectl(admin, "get", "tenant", tenant_name)
    assert shown.split()[:4] == ["NAME", "READY", "ENVIRONMENTS", "REASON"]
    assert shown.splitlines()[1].split()[:4] == [tenant_name, "False", "0/1", "EnvironmentMissing"]
    assert "no Environment" in await _kubectl(admin, "get", "ltn", tenant_name, "-o", "wide")
    waiting = asyncio.create_task(
        _kubectl(admin, "wait", "--for=condition=Ready", f"tenant/{tenant_name}", "--timeout=30s")
    )
    await admin.apply_manifests(environment(tenant_name))
    assert "condition met" in await waiting
    home = Home(admin, tenant_name, tenant_name)
    await home.until_told("Applied", "as the spec says")
    await home.until_told("Created", f"Created namespace {home.namespace}")
    await home.until_told("EnvironmentMissing", "Create it, or take it out of this Tenant")
    described = await _kubectl(admin, "describe", "tenant", tenant_name)
    events = described[described.index("Events:") :]
    for word in ("EnvironmentMissing", "Applied", "Created", f"Created namespace {home.namespace}."):
        assert word in events, events
    assert "Warning" in events
    assert f"tenant.landlord.dev/{tenant_name}" in await _kubectl(admin, "get", "landlord", "-o", "name")
    assert f"environment.landlord.dev/{tenant_name}" in await _kubectl(admin, "get", "lenv", "-o", "name")


async def test_kubectl_explains_our_kinds(operator: OperatorProcess, admin: Admin) -> None:
    for field, words in (
        ("tenant", ("A team", "spec", "status")),
        (
            "tenant.spec.environments",
            ("Where the tenant lives", "adopt", "quota", "network", "podSecurity", "Its namespace"),
        ),
        ("tenant.spec.members.role", ("owner, editor or viewer", "ENUM")),
        ("tenant.status.environments.conditions", ("lastTransitionTime",)),
        ("environment.spec.drift", ("maxCorrectionsPerHour", "Correct")),
    ):
        text = await _kubectl(admin, "explain", field)
        assert all(word in text for word in words), text


async def test_events_are_not_repeated_while_nothing_changes(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    await home.until_told("Applied")
    for number in range(5):
        asked = {"metadata": {"annotations": {"landlord.dev/requested-at": str(number)}}}
        await admin.patch(f"{TENANTS}/{tenant_name}", asked)

        async def handled(wanted: str = str(number)) -> bool:
            return bool((await home.body())["status"].get("lastHandledReconcileAt") == wanted)

        await eventually(handled)
    told = sorted(
        event["reason"]
        for event in await events_about(admin, tenant_name)
        if event["involvedObject"]["kind"] == "Tenant"
    )
    assert told == ["Applied"]


async def _kubectl(admin: Admin, *arguments: str) -> str:
    return await asyncio.to_thread(admin.kubectl, *arguments)


async def test_a_status_and_a_finalizer_that_got_lost_are_found_again(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    before, children = await home.body(), await home.children()
    empty = {"observedGeneration": -1, "conditions": [], "environments": [], "members": [], "summary": ""}
    await home.intruder.patch(f"{TENANTS}/{tenant_name}/status", {"status": empty})
    after = await until_ready(admin, tenant_name)
    assert after["status"]["environments"][0]["uid"] == before["status"]["environments"][0]["uid"]
    assert not after["status"]["environments"][0].get("adopted")
    assert after["status"]["members"] == before["status"]["members"]
    await admin.patch(f"{TENANTS}/{tenant_name}", {"metadata": {"finalizers": None}})

    async def is_held() -> bool:
        return bool((await home.body())["metadata"].get("finalizers") == before["metadata"]["finalizers"])

    await eventually(is_held)
    versions = {key: each["metadata"]["uid"] for key, each in children.items()}
    assert {key: each["metadata"]["uid"] for key, each in (await home.children()).items()} == versions
