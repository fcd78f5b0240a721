"""kopf as the front door, with the operator's own rights: what comes in, what it survives, how its death is seen."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from landlord.api.names import OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT
from landlord.api.refs import ENVIRONMENTS, TENANTS
from landlord.clients.cluster import Cluster
from landlord.runtime import door
from landlord.runtime.door import Door
from landlord.runtime.pace import Pace
from landlord.runtime.watchdog import ROUNDS, Watchdog
from tests.actors import Actor
from tests.admin import Admin
from tests.outages import Network, network
from tests.polling import eventually

Object = dict[str, Any]
ROOT = "/apis/landlord.dev/v1alpha1/tenants"


@dataclass
class Gauges:
    behinds: dict[str, int] = field(default_factory=dict)

    def behind(self, kind: str, count: int) -> None:
        self.behinds[kind] = count

    def lagged(self, seconds: float) -> None: ...


@dataclass
class Open:
    """A door that is open, what came through it, and its watchdog at a hundred times the speed."""

    door: Door
    watchdog: Watchdog
    net: Network
    running: "asyncio.Task[None]"
    events: list[tuple[str, str | None, Object]]

    def of(self, name: str) -> list[str | None]:
        return [type_ for kind, type_, body in self.events if kind == "Tenant" and body["metadata"]["name"] == name]


@asynccontextmanager
async def opened(kubeconfig: str, folder: Path) -> AsyncIterator[Open]:
    async with network(kubeconfig, folder) as net, await Cluster.connect(str(net.kubeconfig)) as cluster:
        events: list[tuple[str, str | None, Object]] = []
        entrance = Door(cluster, (TENANTS, ENVIRONMENTS), lambda *event: events.append(event))
        quick = Pace(sleep=lambda seconds: asyncio.sleep(seconds / 100))
        watchdog = Watchdog(cluster, entrance, (), Gauges(), pace=quick)
        running = asyncio.get_running_loop().create_task(entrance.run())
        try:
            async with asyncio.timeout(30):
                await watchdog.until_complete()
            yield Open(entrance, watchdog, net, running, events)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def tenant(admin: Admin, tenant_name: str, landlord_installed: Actor) -> AsyncIterator[str]:
    """A Tenant that no operator serves; gone after the test."""
    manifest = {"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": tenant_name}}
    await admin.create(ROOT, manifest | {"spec": {"displayName": "one", "environments": [{"name": "nowhere"}]}})
    yield tenant_name
    if await admin.find(f"{ROOT}/{tenant_name}"):
        await admin.delete(f"{ROOT}/{tenant_name}")


@asynccontextmanager
async def operators_door(admin: Admin, folder: Path) -> AsyncIterator[Open]:
    """The door with the operator's rights. No fixture: at its end kopf cancels every task made after its start."""
    operator = await admin.as_service_account(OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT)
    async with opened(operator.kubeconfig, folder) as here:
        yield here


async def kill_watcher() -> None:
    """What nolar/kopf#1276 does: the task that watches Tenants is gone, and nobody says so."""
    (watcher,) = [task for task in asyncio.all_tasks() if task.get_name().startswith("watcher for tenants")]
    watcher.cancel()
    await asyncio.gather(watcher, return_exceptions=True)


async def change(admin: Admin, tenant: str, words: str) -> str:
    changed = await admin.patch(f"{ROOT}/{tenant}", {"spec": {"displayName": words}})
    return str(changed["metadata"]["resourceVersion"])


async def until_shown(here: Open, version: str) -> None:
    await eventually(lambda: version in {shown.version for shown in here.door.shown["Tenant"].values()}, deadline=60)


async def test_everything_comes_in_and_nothing_is_written(admin: Admin, tenant: str, tmp_path: Path) -> None:
    async with operators_door(admin, tmp_path) as here:
        assert here.of(tenant) == [None]
        version = await change(admin, tenant, "two")
        await until_shown(here, version)
        live = await admin.get(f"{ROOT}/{tenant}")
        assert live["metadata"]["resourceVersion"] == version
        assert "annotations" not in live["metadata"]
        assert "finalizers" not in live["metadata"]
        await admin.delete(f"{ROOT}/{tenant}")
        await eventually(lambda: here.of(tenant) == [None, "MODIFIED", "DELETED"])
        assert live["metadata"]["uid"] not in here.door.shown["Tenant"]


async def test_an_outage_is_sat_out_and_what_happened_meanwhile_comes_in(
    admin: Admin, tenant: str, tmp_path: Path
) -> None:
    async with operators_door(admin, tmp_path) as here:
        here.net.go_down()
        version = await change(admin, tenant, "during the outage")
        await eventually(lambda: here.net.refused >= 5, describe="kopf tries again and again")
        here.net.come_up()
        await until_shown(here, version)
        assert not here.running.done()


async def test_a_watcher_that_died_without_a_word_is_found_out(admin: Admin, tenant: str, tmp_path: Path) -> None:
    async with operators_door(admin, tmp_path) as here:
        await here.watchdog.look_at(TENANTS)
        assert here.watchdog.problems() == []
        await kill_watcher()
        await change(admin, tenant, "unseen")
        for _ in range(ROUNDS):
            assert here.watchdog.problems() == []
            await here.watchdog.look_at(TENANTS)
        assert here.watchdog.problems() == ["the watch on Tenant shows nothing of what happens"]


async def test_an_object_that_vanished_unseen_is_handed_in_as_deleted(
    admin: Admin, tenant: str, tmp_path: Path
) -> None:
    async with operators_door(admin, tmp_path) as here:
        await kill_watcher()
        await admin.delete(f"{ROOT}/{tenant}")
        await here.watchdog.look_at(TENANTS)
        assert here.of(tenant) == [None, "DELETED"]


async def test_tokens_that_run_out_are_asked_for_again_and_nothing_is_missed(
    admin: Admin, tenant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "LOGIN_SECONDS", 3)
    logins: list[float] = []
    log_in = door.connection

    def counted(*arguments: Any) -> Any:
        logins.append(time.monotonic())
        return log_in(*arguments)

    def is_over() -> bool:
        return time.monotonic() > logins[-1] + door.LOGIN_SECONDS

    monkeypatch.setattr(door, "connection", counted)
    async with operators_door(admin, tmp_path) as here:
        for _ in range(2):
            known = len(logins)
            await until_shown(here, await change(admin, tenant, f"after {known} logins"))
            # One that runs out while a connection is being made ends a watcher of kopf's: the watchdog's business.
            await eventually(is_over, describe="the end of the token")
            here.net.cut()
            await until_shown(here, await change(admin, tenant, f"once more after {known} logins"))
            assert len(logins) > known
        assert not here.running.done()
