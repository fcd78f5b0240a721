"""At rest: twenty tenants in three environments, and an operator that writes nothing, not even after a restart."""

import asyncio
from pathlib import Path

from tests.admin import Admin
from tests.cluster import Audit, Entry
from tests.e2e.homes import FULL, MEMBERS, OPERATOR
from tests.manifests import ENVIRONMENTS, TENANTS, Object, condition, environment, tenant
from tests.operator_process import OperatorProcess, running_operator
from tests.polling import eventually

TEAMS = 20
REST = 20
"""Seconds without a write; passes, watches and the roll-up of Environments are all shorter."""


def _world(prefix: str) -> tuple[list[Object], list[Object]]:
    """Three Environments, one of which leaves a field to others, and the Tenants in all of them."""
    ignore = [{"kind": "ResourceQuota", "name": "landlord", "pointers": ["/spec/hard/pods"]}]
    places = [environment(f"{prefix}-{tier[0]}", tier) for tier in ("testing", "staging")]
    places.append(environment(f"{prefix}-p", "production", drift={"ignore": ignore}))
    where = [place["metadata"]["name"] for place in places]
    return places, [tenant(f"{prefix}{number}", *where, defaults=FULL, members=MEMBERS) for number in range(TEAMS)]


async def _until_all_ready(admin: Admin, teams: list[Object]) -> None:
    names = {team["metadata"]["name"] for team in teams}

    async def all_ready() -> bool:
        found = [each for each in await admin.list(TENANTS) if each["metadata"]["name"] in names]
        return len(found) == len(names) and all(condition(each).get("status") == "True" for each in found)

    await eventually(all_ready, deadline=120)


async def _until_counted(admin: Admin, places: list[Object]) -> None:
    async def counted() -> bool:
        found = [await admin.get(f"{ENVIRONMENTS}/{place['metadata']['name']}") for place in places]
        return all(each["status"]["tenants"]["ready"] == TEAMS for each in found)

    await eventually(counted)


async def _writes(audit: Audit, prefix: str) -> list[Entry]:
    """What the operator wrote about these tenants since the mark; others may have left work in the cluster."""
    writes = await audit.writes(user=OPERATOR, ignoring=("leases", "events"))
    return [entry for entry in writes if (entry.namespace or entry.name).startswith(prefix)]


async def _rest(audit: Audit, prefix: str, seconds: float) -> None:
    """Let that much time go by; a write ends it early, because then the test has failed already."""
    ends = asyncio.get_running_loop().time() + seconds

    async def is_over() -> bool:
        return bool(await _writes(audit, prefix)) or asyncio.get_running_loop().time() >= ends

    await eventually(is_over, deadline=seconds + 10)


async def test_at_rest_and_after_a_restart_nothing_is_written(
    landlord_installed: object, operator_kubeconfig: Path, admin: Admin, audit: Audit, tmp_path: Path, tenant_name: str
) -> None:
    places, teams = _world(tenant_name)
    with running_operator(operator_kubeconfig, tmp_path) as operator:
        await operator.until_serving()
        await admin.apply_manifests(*places, *teams)
        await _until_all_ready(admin, teams)
        await _until_counted(admin, places)
        quota = f"/api/v1/namespaces/{tenant_name}0-{tenant_name}-p/resourcequotas/landlord"
        someone = admin.as_user("mallory", ["system:masters", "landlord:break-glass"])
        await someone.patch(quota, {"spec": {"hard": {"pods": "99"}}})  # allowed, and so no reason to write either
        await audit.mark()
        await _rest(audit, tenant_name, REST)
        assert await _writes(audit, tenant_name) == []
        assert await operator.stop() == 0
    await audit.mark()
    with running_operator(operator_kubeconfig, tmp_path, name="again") as operator:
        await operator.until_serving()
        await _until_passes_are_over(operator, len(await admin.list(TENANTS)))
        assert await _writes(audit, tenant_name) == []
        assert operator.complaints() == []
        await _assert_alive(operator, admin, teams[0])
        assert await operator.stop() == 0


async def _until_passes_are_over(operator: OperatorProcess, tenants: int) -> None:
    """Every Tenant had a pass since the start, as the operator's own metrics tell."""

    def over() -> bool:
        _, text = operator.get("/metrics")
        counted = [line for line in text.splitlines() if line.startswith("landlord_reconcile_duration_seconds_count")]
        return sum(float(line.split()[-1]) for line in counted if 'kind="Tenant"' in line) >= tenants

    await eventually(over, deadline=60, describe=lambda: operator.get("/metrics")[1][:3000])


async def _assert_alive(operator: OperatorProcess, admin: Admin, team: Object) -> None:
    """The quiet one is not dead: a change is followed at once."""
    name = team["metadata"]["name"]
    await admin.patch(f"{TENANTS}/{name}", {"spec": {"displayName": "awake"}})

    async def followed() -> bool:
        body = await admin.get(f"{TENANTS}/{name}")
        return bool(body["status"]["observedGeneration"] == body["metadata"]["generation"])

    await eventually(followed)
