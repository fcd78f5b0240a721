"""The real process, killed again and again in the midst of work, and every time started anew."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from landlord.clients.cluster import Cluster as Client
from tests.admin import Admin, Object
from tests.cluster import Cluster, short_name
from tests.fault_audit import OperatorLog
from tests.fault_cluster import FaultyCluster
from tests.in_process import Clock, InProcess, Watching
from tests.manifests import TENANTS, environment, tenant, until_ready
from tests.operator_process import QUICK_LEASE, running_operator
from tests.polling import eventually

SEED = 20261122
TENANT_COUNT = 10
KILLS = 10


def _edited(name: str, environments: list[str], chance: random.Random) -> Object:
    """The Tenant as somebody might want it next; only what is added and changed, so that nothing has to go."""
    hard = {"pods": chance.randint(1, 99), "requests.cpu": str(chance.randint(1, 9))}
    people = [{"kind": "User", "name": f"user{chance.randint(1, 9)}", "role": role} for role in ("owner", "viewer")]
    profile = chance.choice(["NamespaceInternal", "DefaultDeny", "TenantInternal"])
    defaults = {"quota": {"hard": hard}, "network": {"profile": profile}, "serviceAccounts": [{"name": "ci"}]}
    return tenant(name, *environments, members=people, defaults=defaults, deletionPolicy="Delete")


async def _uids(admin: Admin, names: list[str]) -> dict[str, str]:
    """UIDs of the namespaces of these tenants."""
    selector = f"landlord.dev/tenant in ({','.join(names)})"
    found = await admin.list("/api/v1/namespaces", labelSelector=selector)
    return {each["metadata"]["name"]: each["metadata"]["uid"] for each in found}


async def _apply_all(admin: Admin, tenants: list[Object]) -> None:
    await asyncio.gather(*(admin.apply(f"{TENANTS}/{each['metadata']['name']}", each) for each in tenants))


async def test_an_operator_that_is_killed_again_and_again_loses_and_deletes_nothing(
    cluster: Cluster,
    operator_kubeconfig: Path,
    admin: Admin,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    assert cluster.audit_log, "needs the audit log of a sandbox; unset KUBECONFIG"
    chance, log = random.Random(SEED), OperatorLog(cluster.audit_log)
    prefix = short_name("k")
    names = [f"{prefix}-{number}" for number in range(TENANT_COUNT)]
    places = [f"{prefix}-s", f"{prefix}-p"]
    await admin.apply_manifests(environment(places[0], "staging"), environment(places[1], "production"))
    known: dict[str, str] = {}
    for _ in range(KILLS):
        before, wanted = len(log.writes()), chance.randint(1, 40)
        with running_operator(operator_kubeconfig, tmp_path, *QUICK_LEASE):
            await _apply_all(admin, [_edited(name, places, chance) for name in names])
            await eventually(
                lambda before=before, wanted=wanted: len(log.writes()) >= before + wanted,  # type: ignore[misc]
                describe=f"{wanted} writes before the kill",
                deadline=60,
            )
        now = await _uids(admin, names)
        assert {name: now.get(name) for name in known} == known, "a namespace was lost or made anew"
        known = now
    with running_operator(operator_kubeconfig, tmp_path, *QUICK_LEASE) as last:
        await _apply_all(admin, [_edited(name, places, chance) for name in names])
        await asyncio.gather(*(until_ready(admin, name, deadline=60) for name in names))
        assert await last.stop() == 0
    record_property("kills", KILLS)
    assert (await _uids(admin, names)).items() >= known.items()
    assert len(await _uids(admin, names)) == TENANT_COUNT * len(places)
    assert [write for write in log.writes() if write.verb.startswith("delete")] == []
    assert await _left_to_do(operator_kubeconfig, names, places) == []


async def _left_to_do(kubeconfig: Path, names: list[str], places: list[str]) -> list[str]:
    """What an operator that looks afresh would still write into the Tenants and their namespaces."""
    async with await Client.connect(str(kubeconfig)) as shared:
        client = FaultyCluster(shared)
        await InProcess(client, Watching(shared, tuple(names), tuple(places)), Clock()).until_quiet()
        return [f"{request.verb} {request.path}" for request in client.writes]
