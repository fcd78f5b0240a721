"""The API server sleeps, definitions vanish, rights are taken away: the operator waits, heals and destroys nothing."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from landlord.runtime import exits
from tests.actors import Actor
from tests.admin import Admin, ApiError, Object
from tests.cluster import Cluster, short_name
from tests.fault_audit import OperatorLog
from tests.installation import install
from tests.manifests import ENVIRONMENTS, TENANTS, condition, environment, tenant, until_condition, until_ready
from tests.operator_process import QUICK_LEASE, running_operator
from tests.polling import eventually

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tenants.landlord.dev"
CLUSTER_ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/landlord-operator"
PATIENT = ("--lease-duration", "60s", "--lease-renew-deadline", "50s")
OUTAGE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Town:
    """Some Ready Tenants that would be deleted with all they have, and everything the operator has written since."""

    admin: Admin
    names: list[str]
    place: str
    log: OperatorLog

    def tenant(self, name: str, pods: int) -> Object:
        """One of them, with so many pods allowed."""
        return tenant(name, self.place, defaults={"quota": {"hard": {"pods": pods}}}, deletionPolicy="Delete")

    async def apply(self, pods: int) -> None:
        """All of them, as they shall be."""
        await asyncio.gather(*(self.admin.apply(f"{TENANTS}/{name}", self.tenant(name, pods)) for name in self.names))

    async def until_allowed(self, pods: int) -> None:
        """Return once all are Ready and have so many pods."""
        for name in self.names:
            await until_ready(self.admin, name, deadline=90)
            quota = await self.admin.get(f"{self.namespace(name)}/resourcequotas/landlord")
            assert quota["spec"]["hard"] == {"pods": str(pods)}

    def namespace(self, name: str) -> str:
        """The path of a Tenant's namespace."""
        return f"/api/v1/namespaces/{name}-{self.place}"

    async def uids(self) -> list[str]:
        """Who the namespaces are."""
        return [(await self.admin.get(self.namespace(name)))["metadata"]["uid"] for name in self.names]

    def deleted(self) -> list[str]:
        """What the operator asked to be deleted."""
        return [f"{each.resource} {each.namespace}/{each.name}" for each in self.log.writes() if "delete" in each.verb]


@pytest.fixture
async def town(cluster: Cluster, admin: Admin, landlord_installed: Actor) -> AsyncIterator[Town]:
    """Tenants whose deletion was not asked for."""
    if cluster.audit_log is None:
        pytest.skip("reads the operator's writes in the audit log, which this cluster does not show; unset KUBECONFIG")
    prefix = short_name("a")
    town = Town(admin, [f"{prefix}-{number}" for number in range(4)], prefix, OperatorLog(cluster.audit_log))
    await admin.apply_manifests(environment(prefix))
    await town.apply(1)
    yield town
    for name in town.names:
        path = f"{TENANTS}/{name}"
        if await admin.find(path):
            await admin.patch(path, {"spec": {"deletionPolicy": "Orphan"}, "metadata": {"finalizers": []}})
            await admin.delete(path)
    await admin.patch(f"{ENVIRONMENTS}/{prefix}", {"metadata": {"finalizers": []}})
    await admin.delete(f"{ENVIRONMENTS}/{prefix}")


@contextmanager
def _asleep(cluster: Cluster) -> Iterator[None]:
    """The API server answers nothing, and breaks no connection either."""
    assert cluster.record
    pid = cluster.record.parts["kube-apiserver"].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _outage(meanwhile: Callable[[], bool]) -> None:
    """The length of the outage, in which something must hold at every moment."""
    ends = time.monotonic() + OUTAGE_SECONDS

    def over() -> bool:
        if not meanwhile():
            pytest.fail("it did not hold during the outage")
        return time.monotonic() > ends

    await eventually(over, deadline=OUTAGE_SECONDS + 10)


async def test_an_operator_that_still_leads_sits_an_outage_out(
    cluster: Cluster, operator_kubeconfig: Path, town: Town, tmp_path: Path
) -> None:
    with running_operator(operator_kubeconfig, tmp_path, *PATIENT) as operator:
        await operator.until_serving(90)
        await town.until_allowed(1)
        before = await town.uids()
        await town.apply(2)
        with _asleep(cluster):
            await _outage(lambda: operator.is_running)
        await town.until_allowed(2)
        await town.apply(3)
        await town.until_allowed(3)
        assert await town.uids() == before
        assert town.deleted() == []
        await eventually(lambda: operator.get("/readyz")[0] == 200, describe=lambda: operator.get("/readyz")[1])
        assert await operator.stop() == exits.CLEAN


async def test_an_operator_that_loses_its_lease_in_an_outage_leaves_and_the_next_one_goes_on(
    cluster: Cluster, operator_kubeconfig: Path, town: Town, tmp_path: Path
) -> None:
    with running_operator(operator_kubeconfig, tmp_path, *QUICK_LEASE, name="first") as operator:
        await operator.until_serving()
        await town.until_allowed(1)
        before = await town.uids()
        await town.apply(2)
        with _asleep(cluster):
            assert await asyncio.to_thread(operator.process.wait, 30) == exits.LEASE_LOST
    with running_operator(operator_kubeconfig, tmp_path, *QUICK_LEASE, name="second"):
        await town.until_allowed(2)
        assert await town.uids() == before
        assert town.deleted() == []


async def test_tenants_that_vanish_with_their_definition_take_no_namespace_along(
    cluster: Cluster, operator_kubeconfig: Path, town: Town, admin: Admin, tmp_path: Path
) -> None:
    with running_operator(operator_kubeconfig, tmp_path, *PATIENT) as operator:
        await operator.until_serving(90)
        await town.until_allowed(1)
        before = await town.uids()
        await admin.delete(CRD)

        async def is_gone() -> bool:
            return await admin.find(CRD) is None

        await eventually(is_gone, deadline=60, describe="the end of the definition, which waits for all Tenants")
        assert await town.uids() == before
        await asyncio.to_thread(install, cluster.kubeconfig)
        await eventually(_can_list(admin), deadline=30)
        await town.apply(2)
        await town.until_allowed(2)
        assert await town.uids() == before
        assert operator.is_running
        assert town.deleted() == []
        assert await operator.stop() == exits.CLEAN


async def test_an_operator_beside_an_older_definition_says_what_to_apply_and_works_on(
    cluster: Cluster, operator_kubeconfig: Path, town: Town, admin: Admin, tmp_path: Path
) -> None:
    older = (await admin.get(CRD))["spec"]["versions"]
    del older[0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["summary"]
    await admin.patch(CRD, {"spec": {"versions": older}})
    words = "CRD tenants.landlord.dev of this cluster is of another Landlord: status.summary is unknown."
    try:
        with running_operator(operator_kubeconfig, tmp_path, *PATIENT) as operator:

            def told() -> str:
                return operator.get("/readyz")[1]

            await operator.until_serving(90)
            await town.until_allowed(1)
            await eventually(lambda: told().startswith(f"ok\n{words}"), deadline=30, describe=told)
            assert operator.get("/readyz")[0] == 200
            assert 'landlord_crd_unfit{kind="Tenant"} 1.0' in operator.get("/metrics")[1]
            assert len([line for line in operator.complaints() if line.startswith(words)]) == 1
            await asyncio.to_thread(install, cluster.kubeconfig)
            await eventually(lambda: told() == "ok\n", deadline=90, describe=told)
            assert 'landlord_crd_unfit{kind="Tenant"} 0.0' in operator.get("/metrics")[1]
            assert await operator.stop() == exits.CLEAN
    finally:
        await asyncio.to_thread(install, cluster.kubeconfig)


async def test_rights_that_are_taken_away_are_named_and_work_goes_on_when_they_are_back(
    operator_kubeconfig: Path, town: Town, admin: Admin, tmp_path: Path
) -> None:
    with running_operator(operator_kubeconfig, tmp_path, *PATIENT) as operator:
        await operator.until_serving(90)
        await town.until_allowed(1)
        role = await admin.get(CLUSTER_ROLE)
        await admin.patch(CLUSTER_ROLE, {"rules": _read_only(role["rules"], "resourcequotas")})
        try:
            await town.apply(2)
            for name in town.names:
                found = await until_condition(admin, name, reason="Forbidden")
                message = condition(found)["message"]
                assert 'cannot patch resource "resourcequotas"' in message
                assert condition(found, "Stalled")["status"] == "True"
        finally:
            await admin.patch(CLUSTER_ROLE, {"rules": role["rules"]})
        for name in town.names:
            marks = {"landlord.dev/requested-at": short_name("r")}
            await eventually(_asking_heals(admin, name, marks), deadline=30)
        await town.until_allowed(2)
        assert town.deleted() == []
        assert await operator.stop() == exits.CLEAN


async def test_namespaces_deleted_by_hand_are_made_anew(
    operator_kubeconfig: Path, town: Town, admin: Admin, tmp_path: Path
) -> None:
    with running_operator(operator_kubeconfig, tmp_path, *PATIENT) as operator:
        await operator.until_serving(90)
        await town.until_allowed(1)
        before = await town.uids()
        await asyncio.gather(*(admin.delete(town.namespace(name)) for name in town.names))

        async def all_new() -> bool:
            return not set(before) & set(await town.uids())

        await eventually(all_new, deadline=90, describe="new namespaces")
        await town.until_allowed(1)
        assert town.deleted() == []
        assert await operator.stop() == exits.CLEAN


def _can_list(admin: Admin) -> Callable[[], Awaitable[bool]]:
    """Whether the API server serves Tenants again; right after their definition came back it asks for patience."""

    async def can_list() -> bool:
        try:
            return "items" in await admin.get(TENANTS)
        except ApiError as busy:
            if busy.status != HTTPStatus.TOO_MANY_REQUESTS:
                raise
            return False

    return can_list


def _asking_heals(admin: Admin, name: str, marks: dict[str, str]) -> Callable[[], Awaitable[bool]]:
    """Ask for a pass, as a person would, until the API server has noticed that the rights are back."""

    async def heals() -> bool:
        marks["landlord.dev/requested-at"] = short_name("r")
        found = await admin.patch(f"{TENANTS}/{name}", {"metadata": {"annotations": marks}})
        return bool(condition(found).get("status") == "True")

    return heals


def _read_only(rules: list[Object], resource: str) -> list[Object]:
    """The rules with nothing but reading left for one resource."""
    reading = {"apiGroups": [""], "resources": [resource], "verbs": ["get", "list", "watch"]}
    return [{**rule, "resources": [each for each in rule["resources"] if each != resource]} for rule in rules] + [
        reading
    ]
