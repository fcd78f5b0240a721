"""A tenant's namespace in which releases live, the operator that serves them, and a shop of charts beside it."""

import asyncio
import os
import subprocess
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from landlord.api import names
from landlord.api.refs import APPRELEASES, CONFIG_MAPS, SECRETS
from sandbox.programs import core_programs
from tests.admin import Admin, ApiError, open_admin
from tests.cluster import Cluster
from tests.e2e.homes import until_may
from tests.manifests import ENVIRONMENTS, TENANTS, condition, environment, tenant, until_ready
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

    @property
    def editor(self) -> "Home":
        """The same as one of the tenant's editors sees it."""
        return replace(self, admin=self.admin.as_user(editor_of(self.namespace)))

    @property
    def breaker(self) -> Admin:
        """Somebody in the break-glass group: no guard stops him."""
        return self.admin.as_user("breaker", ["system:masters", "landlord:break-glass"])

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

    async def annotate(self, name: str = "web", **annotations: str | None) -> Object:
        """Set annotations of ours, underscores standing for hyphens: ``retry_at="now"``."""
        said = {f"{names.GROUP}/{key.replace('_', '-')}": value for key, value in annotations.items()}
        return await self.admin.patch(self.path(name), {"metadata": {"annotations": said}})

    async def looked_at(self, name: str = "web", deadline: float = 60) -> Object:
        """The AppRelease after one more pass, asked for now: what has not happened by then does not happen."""
        word = uuid.uuid4().hex
        await self.annotate(name, requested_at=word)

        async def is_handled() -> Object | None:
            body = await self.body(name)
            return body if (body.get("status") or {}).get("lastHandledReconcileAt") == word else None

        return await eventually(is_handled, deadline=deadline, describe=f"a pass over {self.namespace}/{name}")

    async def data(self, name: str = "web-settings") -> dict[str, str] | None:
        """The data of a ConfigMap here, None when there is none."""
        found = await self.admin.find(CONFIG_MAPS.path(self.namespace, name))
        return None if found is None else dict(found.get("data") or {})

    async def put(self, kind: str, name: str, data: dict[str, str]) -> Object:
        """Make or change a ConfigMap, or a Secret of these plain texts."""
        head = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": self.namespace}}
        is_secret = kind == "Secret"
        resource = SECRETS if is_secret else CONFIG_MAPS
        whole = {**head, "stringData" if is_secret else "data": data}
        return await self.admin.apply(resource.path(self.namespace, name), whole)

    async def events(self, name: str = "web") -> list[str]:
        """Reason and text of every Event about the AppRelease."""
        found = await self.admin.list(
            f"/api/v1/namespaces/{self.namespace}/events", fieldSelector=f"involvedObject.name={name}"
        )
        return [f"{each['reason']}: {each['message']}" for each in found]

    async def helm(self, *words: str, stdin: str = "") -> str:
        """What Helm prints when the cluster's admin runs it here by hand."""
        command = [core_programs()["helm"], *words, "--namespace", self.namespace]
        clean = {"HOME": str(self.admin.scratch), "PATH": os.environ["PATH"], "KUBECONFIG": self.admin.kubeconfig}
        done = await asyncio.to_thread(
            subprocess.run, command, env=clean, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

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
    operator_kubeconfig: Path, shop: Shop, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[OperatorProcess]:
    """One serving operator that may buy in the shop; a module's ``OPERATOR_FLAGS`` are added."""
    flags = (*shop.flags, *getattr(request.module, "OPERATOR_FLAGS", ()))
    with running_operator(operator_kubeconfig, tmp_path_factory.mktemp("operator"), *flags) as process:
        asyncio.run(process.until_serving())
        yield process
        assert process.is_running, f"the operator ended: {process.log.read_text()[-4000:]}"
        assert asyncio.run(process.stop()) == 0


@pytest.fixture(scope="module")
def leaving(
    release_operator: OperatorProcess, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[str]]:
    """Namespaces of tenants that were told to go; at the end of the module their releases are waited for.

    What is left of them would be uninstalled by the next module's operator.
    """
    namespaces: list[str] = []
    yield namespaces
    asyncio.run(_until_cleared(cluster.kubeconfig, tmp_path_factory.mktemp("leaving"), namespaces))


async def _until_cleared(kubeconfig: str, scratch: Path, namespaces: list[str]) -> None:
    """Wait until no AppRelease is left there; those that a test has made immortal lose their finalizers."""
    async with open_admin(kubeconfig, scratch) as admin:
        breaker = admin.as_user("breaker", ["system:masters", "landlord:break-glass"])

        async def left() -> list[str]:
            found = await admin.list(APPRELEASES.path())
            heads = [each["metadata"] for each in found if each["metadata"]["namespace"] in namespaces]
            return [APPRELEASES.path(head["namespace"], head["name"]) for head in heads]

        async def is_empty() -> bool:
            return not await left()

        with suppress(AssertionError):
            await eventually(is_empty, deadline=15)
        for path in await left():
            with suppress(ApiError):
                await breaker.patch(path, {"metadata": {"finalizers": None}})


@pytest.fixture
async def home(
    admin: Admin, tenant_name: str, shop: Shop, release_operator: OperatorProcess, leaving: list[str]
) -> AsyncIterator[Home]:
    """A fresh tenant with one development environment of its own; it is told to go at the end, not waited for."""
    home = await move_in(admin, tenant_name, shop)
    leaving.append(home.namespace)
    yield home
    for path in (f"{TENANTS}/{tenant_name}", f"{ENVIRONMENTS}/{tenant_name}"):
        if await admin.find(path):
            await admin.delete(path)


async def move_in(admin: Admin, name: str, shop: Shop, where: Object | None = None, **spec: Any) -> Home:
    """A fresh tenant of this name with one environment, of development unless ``where`` says otherwise."""
    namespace = f"{name}-{name}"
    members = [{"kind": "User", "name": editor_of(namespace), "role": "editor"}]
    whole = {"deletionPolicy": "Delete", "members": members, **spec}
    place = {"tier": "development", **(where or {})}
    await admin.apply_manifests(environment(name, **place), tenant(name, name, **whole))
    await until_ready(admin, name)
    if "members" not in spec:
        await until_may(admin.as_user(editor_of(namespace)), namespace, f"get appreleases.{names.GROUP}")
    return Home(admin, namespace, shop)


def editor_of(namespace: str) -> str:
    """The user name of a tenant's editor."""
    return f"editor.{namespace}"
