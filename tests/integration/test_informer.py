"""Informers against a real API server, through a network that breaks."""

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from landlord.api.refs import TENANTS, Resource
from landlord.clients.cluster import Cluster, Page
from landlord.runtime.informer import Informer
from tests.admin import Admin
from tests.outages import Network, network
from tests.polling import eventually

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
Object = dict[str, Any]


@dataclass
class Memory:
    """Knows what is there by name and resourceVersion, and how often all of it was listed."""

    known: dict[str, str] = field(default_factory=dict)
    lists: int = 0
    pages: int = 0

    async def replace(self, objects: AsyncIterator[Object]) -> None:
        fresh = {obj["metadata"]["name"]: obj["metadata"]["resourceVersion"] async for obj in objects}
        self.known, self.lists = fresh, self.lists + 1

    def upsert(self, obj: Object) -> None:
        self.known[obj["metadata"]["name"]] = obj["metadata"]["resourceVersion"]

    def remove(self, obj: Object) -> None:
        self.known.pop(obj["metadata"]["name"], None)


class SmallPages:
    """The cluster, listed three at a time so that a few objects make many pages."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.asked = 0

    async def pages(
        self, resource: Resource, namespace: str | None = None, *, selector: str = ""
    ) -> AsyncIterator[Page]:
        async for page in self._cluster.pages(resource, namespace, selector=selector, size=3):
            self.asked += 1
            yield page

    def watch(
        self,
        resource: Resource,
        resource_version: str,
        namespace: str | None = None,
        *,
        selector: str = "",
        seconds: int = 300,
    ) -> AsyncIterator[Object]:
        return self._cluster.watch(resource, resource_version, namespace, selector=selector, seconds=seconds)


@dataclass
class Stage:
    """ConfigMaps of one test, seen by an informer through a network."""

    admin: Admin
    namespace: str
    net: Network
    source: SmallPages
    memory: Memory
    informer: Informer

    async def put(self, name: str, value: str = "") -> None:
        path = f"/api/v1/namespaces/{self.namespace}/configmaps/{name}"
        metadata = {"name": name, "namespace": self.namespace, "labels": {"stage": self.namespace}}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}}
        await self.admin.apply(path, body)

    async def drop(self, name: str) -> None:
        await self.admin.delete(f"/api/v1/namespaces/{self.namespace}/configmaps/{name}")

    async def until_true(self) -> None:
        """Wait until the memory is what the API server has."""

        async def agrees() -> bool:
            found = await self.admin.list(
                f"/api/v1/namespaces/{self.namespace}/configmaps", labelSelector=f"stage={self.namespace}"
            )
            assert self.memory.known == {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in found}
            return True

        await eventually(agrees, deadline=60)


@pytest.fixture
async def stage(admin: Admin, namespace: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with network(admin.kubeconfig, tmp_path) as net, await Cluster.connect(str(net.kubeconfig)) as cluster:
        source, memory = SmallPages(cluster), Memory()
        informer = Informer(source, CONFIG_MAPS, memory, selector=f"stage={namespace}")
        stage = Stage(admin, namespace, net, source, memory, informer)
        for number in range(7):
            await stage.put(f"first-{number}")
        running = asyncio.get_running_loop().create_task(informer.run())
        yield stage
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_is_there_is_listed_in_pages_and_what_happens_is_watched(stage: Stage) -> None:
    await stage.until_true()
    assert stage.source.asked == 3
    await stage.put("new")
    await stage.put("first-1", "changed")
    await stage.drop("first-0")
    await stage.until_true()
    assert stage.memory.lists == 1


async def test_what_happens_while_cut_off_is_caught_up_without_a_new_list(stage: Stage) -> None:
    await stage.until_true()
    stage.net.go_down()
    await stage.drop("first-0")
    await stage.put("new")
    await stage.put("first-1", "changed")
    await eventually(lambda: stage.informer.problem, describe="the outage is noticed")
    stage.net.come_up()
    await stage.until_true()
    assert stage.memory.lists == 1


async def test_connections_that_break_again_and_again_lose_nothing(stage: Stage) -> None:
    for number in range(20):
        await stage.put(f"later-{number}")
        stage.net.cut()
        await stage.drop(f"later-{number // 2}") if number % 2 else await stage.put("first-2", str(number))
    await stage.until_true()


@pytest.mark.usefixtures("landlord_installed")
async def test_a_version_the_server_has_forgotten_leads_to_a_new_list(admin: Admin) -> None:
    # What the server remembers of a kind begins when the kind does: of ConfigMaps perhaps with 1, of Tenants never.
    async with await Cluster.connect(admin.kubeconfig) as cluster:
        memory = Memory()
        informer = Informer(cluster, TENANTS, memory, selector="stage=forgotten")
        informer._version, informer._list_again_at = "1", math.inf
        running = asyncio.get_running_loop().create_task(informer.run())
        try:
            await eventually(lambda: memory.lists == 1)
            assert informer.problem is None
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_missing_right_is_told_and_its_grant_ends_the_trouble(admin: Admin, namespace: str) -> None:
    await admin.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "poor"}})
    poor = await admin.as_service_account(namespace, "poor")
    role = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{namespace}"
    binding = f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{namespace}"
    async with await Cluster.connect(poor.kubeconfig) as cluster:
        informer = Informer(SmallPages(cluster), CONFIG_MAPS, Memory(), selector=f"stage={namespace}")
        running = asyncio.get_running_loop().create_task(informer.run())
        await eventually(lambda: "configmaps is forbidden" in (informer.problem or ""))
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}]
        subject = {"kind": "ServiceAccount", "name": "poor", "namespace": namespace}
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace}
        head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": namespace}}
        await admin.apply_manifests(
            head | {"kind": "ClusterRole", "rules": rules},
            head | {"kind": "ClusterRoleBinding", "roleRef": ref, "subjects": [subject]},
        )
        try:
            await eventually(informer.synced.is_set)
            assert informer.problem is None
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await admin.delete(binding)
            await admin.delete(role)
