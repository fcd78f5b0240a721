"""A tenant's namespace in which releases live, the operator that serves them, and a shop of charts beside it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from landlord.api import names
from landlord.api.refs import APPRELEASES, SECRETS
from tests.admin import Admin
from tests.manifests import condition, environment, tenant, until_ready
from tests.operator_process import OperatorProcess, running_operator
from tests.polling import eventually
from tests.shop import Shop, open_shop

Object = dict[str, Any]

QUICK = {"timeout": "30s", "bake": "1s"}


@dataclass(frozen=True, slots=True)
class Home:
    """One tenant with one environment, and releases in its namespace."""

    admin: Admin
    namespace: str
    shop: Shop
    settings: dict[str, Any] = field(default_factory=lambda: dict(QUICK))

    def path(self, name: str = "web") -> str:
        """Where the AppRelease is in the API."""
        return APPRELEASES.path(self.namespace, name)

    def manifest(self, name: str = "web", **spec: Any) -> Object:
        """An AppRelease of chart ``web`` 1.0.0 unless ``spec`` says otherwise."""
        head = {"name": name, "namespace": self.namespace}
        whole = {"chart": self.shop.pin(), **self.settings, **spec}
        return {"apiVersion": names.API_VERSION, "kind": "AppRelease", "metadata": head, "spec": whole}

    async def push(self, name: str = "web", **spec: Any) -> Object:
        """Apply it, as a merge in Git would have it applied; the object as stored."""
        return await self.admin.apply(self.path(name), self.manifest(name, **spec))

    async def body(self, name: str = "web") -> Object:
        """The AppRelease as it is."""
        return await self.admin.get(self.path(name))

    async def until(
        self,
        name: str = "web",
        *,
        reason: str = "",
        status: str = "",
        kind: str = "Ready",
        words: str = "",
        deadline: float = 60,
    ) -> Object:
        """The AppRelease, once a condition says so of its present generation."""
        last: Object = {}

        async def says_so() -> Object | None:
            last.clear()
            last.update(await self.body(name))
            found = condition(last, kind)
            current = (last.get("status") or {}).get("observedGeneration") == last["metadata"]["generation"]
            fits = reason in ("", found.get("reason")) and status in ("", found.get("status"))
            return last if current and found and fits and words in found.get("message", "") else None

        def told() -> str:
            return f"{kind} {status} {reason} {words!r} of {self.namespace}/{name}, found {condition(last, kind)}"

        return await eventually(says_so, deadline=deadline, describe=told)

    async def proven(self, name: str = "web", deadline: float = 60) -> Object:
        """The AppRelease, once what it asks for now is proven."""
        return await self.until(name, reason="Proven", status="True", deadline=deadline)

    async def revisions(self, name: str = "web") -> list[tuple[int, str]]:
        """Helm's history: number and status, oldest first."""
        found = await self.admin.list(SECRETS.path(self.namespace), labelSelector=f"owner=helm,name={name}")
        labels = [each["metadata"]["labels"] for each in found]
        return sorted((int(each["version"]), str(each["status"])) for each in labels)

    async def ledger(self, name: str = "web") -> Object | None:
        """The ConfigMap with the release's ledger."""
        return await self.admin.find(f"/api/v1/namespaces/landlord-system/configmaps/{self.namespace}.{name}")

    async def delete(self, name: str = "web") -> None:
        """Delete it and wait until it is gone."""
        await self.admin.delete(self.path(name))

        async def is_gone() -> bool:
            return await self.admin.find(self.path(name)) is None

        await eventually(is_gone, deadline=60, describe=f"{self.namespace}/{name} is gone")


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A shop in a thread of its own, so that tests and operators may block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="shop")
    thread.start()
    stack = AsyncExitStack()
    try:
        yield asyncio.run_coroutine_threadsafe(stack.enter_async_context(open_shop()), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def release_operator(
    operator_kubeconfig: Path, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One serving operator that may buy in the shop."""
    with running_operator(operator_kubeconfig, tmp_path_factory.mktemp("operator"), *shop.flags) as process:
        asyncio.run(process.until_serving())
        yield process
        assert process.is_running, f"the operator ended: {process.log.read_text()[-4000:]}"
        assert asyncio.run(process.stop()) == 0


@pytest.fixture
async def home(admin: Admin, tenant_name: str, shop: Shop, release_operator: OperatorProcess) -> AsyncIterator[Home]:
    """A fresh tenant with one development environment of its own."""
    await admin.apply_manifests(
        environment(tenant_name, "development"), tenant(tenant_name, tenant_name, deletionPolicy="Delete")
    )
    await until_ready(admin, tenant_name)
    yield Home(admin, f"{tenant_name}-{tenant_name}", shop)
