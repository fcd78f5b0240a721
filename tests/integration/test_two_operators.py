"""Two whole operators over the same tenants: killed, stopped past the Lease and resumed, they never write by turns.

Each has a token of its own, so the API server's audit log tells whose a write was and when it came in.
"""

import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from landlord.api.names import OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT
from landlord.runtime import exits
from tests.actors import Actor
from tests.admin import Admin
from tests.cluster import Cluster
from tests.operator_process import OperatorProcess, start_operator
from tests.polling import eventually

API = "/apis/landlord.dev/v1alpha1"
WRITES = {"create", "update", "patch", "delete"}
TENANTS = 12


@dataclass(frozen=True, slots=True)
class Rival:
    """One `landlord run`; `credential` is how the audit log knows its token."""

    process: OperatorProcess
    credential: str

    async def until_seeing(self) -> None:
        """Wait until its caches are complete, leading or not."""
        await eventually(lambda: self.process.get("/readyz")[0] == 200, describe=self.process.log.read_text)

    async def until_leading(self) -> None:
        await eventually(lambda: self.is_leading, describe=self.process.log.read_text)

    async def until_ended(self) -> int | None:
        await eventually(lambda: not self.process.is_running, describe=self.process.log.read_text)
        return self.process.process.poll()

    @property
    def is_leading(self) -> bool:
        return "landlord_leader 1.0" in self.process.get("/metrics")[1]


Start = Callable[[str], Awaitable[Rival]]


@pytest.fixture
async def start(admin: Admin, landlord_installed: Actor, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts operators by name, each with its own token; all are ended with the test."""
    started: list[Rival] = []

    async def begin(name: str) -> Rival:
        account = await admin.as_service_account(OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT)
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        said = await account.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
        (credential,) = said["status"]["userInfo"]["extra"]["authentication.kubernetes.io/credential-id"]
        started.append(Rival(start_operator(account.kubeconfig, tmp_path, name=name), credential))
        await started[-1].until_seeing()
        return started[-1]

    yield begin
    for rival in started:
        rival.process.kill()


@pytest.fixture
async def people(admin: Admin, tenant_name: str, start: Start) -> AsyncIterator[list[str]]:
    """Names of tenants to be made in the Environment `tenant_name`; all of it is gone after the test."""
    environment = {"apiVersion": "landlord.dev/v1alpha1", "kind": "Environment", "metadata": {"name": tenant_name}}
    await admin.create(f"{API}/environments", environment | {"spec": {"tier": "development"}})
    names = [f"{tenant_name}-{number}" for number in range(TENANTS)]
    yield names
    for name in names:
        if await admin.find(f"{API}/tenants/{name}"):
            await admin.patch(f"{API}/tenants/{name}", {"metadata": {"finalizers": None}})
            await admin.delete(f"{API}/tenants/{name}")
            await admin.delete(f"/api/v1/namespaces/{name}-{tenant_name}")
    await admin.patch(f"{API}/environments/{tenant_name}", {"metadata": {"finalizers": None}})
    await admin.delete(f"{API}/environments/{tenant_name}")


async def make(admin: Admin, environment: str, names: list[str]) -> None:
    for name in names:
        manifest = {"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}}
        await admin.create(f"{API}/tenants", manifest | {"spec": {"environments": [{"name": environment}]}})


async def until_all_ready(admin: Admin, names: list[str]) -> None:
    async def all_ready() -> bool:
        for name in names:
            conditions = ((await admin.get(f"{API}/tenants/{name}")).get("status") or {}).get("conditions") or []
            assert any(one["type"] == "Ready" and one["status"] == "True" for one in conditions), name
        return True

    await eventually(all_ready, deadline=60)


def reigns(log: Path, rivals: dict[str, Rival]) -> list[str]:
    """Whose writes the API server received, each uninterrupted reign once; renewing the Lease is no write here."""
    names = {rival.credential: name for name, rival in rivals.items()}
    received: list[tuple[str, str]] = []
    with log.open() as lines:
        for line in lines:
            said: dict[str, Any] = json.loads(line)
            whose = (said["user"].get("extra") or {}).get("authentication.kubernetes.io/credential-id", [""])[0]
            if whose in names and said["verb"] in WRITES and _counts(said):
                received.append((said["requestReceivedTimestamp"], names[whose]))
    return [name for name, _ in groupby(name for _, name in sorted(received))]


def _counts(said: dict[str, Any]) -> bool:
    target = said.get("objectRef") or {}
    is_question = target.get("apiGroup") == "authentication.k8s.io" or "dryRun=All" in said["requestURI"]
    return target.get("resource") != "leases" and not is_question


async def test_stopped_past_the_lease_and_resumed_then_killed_they_never_write_by_turns(
    admin: Admin, cluster: Cluster, people: list[str], tenant_name: str, start: Start
) -> None:
    if cluster.audit_log is None:
        pytest.skip("reads the API server's audit log, which this cluster does not show; unset KUBECONFIG")
    one = await start("one")
    await one.until_leading()
    two = await start("two")
    assert not two.is_leading

    first, second, third = people[:4], people[4:8], people[8:]
    await make(admin, tenant_name, first)
    one.process.signal(signal.SIGSTOP)
    await two.until_leading()
    await until_all_ready(admin, first)
    one.process.signal(signal.SIGCONT)
    await make(admin, tenant_name, second)
    assert await one.until_ended() == exits.LEASE_LOST
    await until_all_ready(admin, second)

    three = await start("three")
    await make(admin, tenant_name, third)
    two.process.kill()
    await three.until_leading()
    await until_all_ready(admin, people)

    assert await three.process.stop() == exits.CLEAN
    written = reigns(cluster.audit_log, {"one": one, "two": two, "three": three})
    assert written == ["one", "two", "three"]
