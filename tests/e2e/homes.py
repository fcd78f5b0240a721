"""A Tenant's home: its namespace in one Environment, the objects in it, and somebody who is allowed to spoil them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from landlord.api.refs import BY_KIND, CHILDREN
from tests.admin import Admin
from tests.manifests import ENVIRONMENTS, TENANTS, Object, environment, tenant, until_ready
from tests.polling import eventually

OPERATOR = "system:serviceaccount:landlord-system:landlord"
"""Who the operator is to the API server."""
REVIEWS = "/apis/authorization.k8s.io/v1"
"""Where the API server is asked what somebody may do."""
INTRUDER = "intruder"
"""Field manager of the hand edits: conditions and Events must name it."""

FULL: Object = {
    "quota": {
        "hard": {"pods": 10, "requests.cpu": "2"},
        "scopes": [{"name": "best", "match": [{"scope": "BestEffort"}], "hard": {"pods": 3}}],
    },
    "limits": {"container": {"max": {"cpu": "1", "memory": "1Gi"}}},
    "network": {"allowFrom": [{"namespaces": ["ingress"]}], "allowTo": [{"cidr": "10.0.0.0/8"}]},
    "policies": {"registries": ["registry.example"]},
    "serviceAccounts": [{"name": "worker"}],
}
"""Defaults of a Tenant from which every kind of object follows."""

MEMBERS = [{"kind": "User", "name": f"{role}.jane", "role": role} for role in ("owner", "editor", "viewer")]


@dataclass(frozen=True, slots=True)
class Home:
    """One Tenant in one Environment. ``admin`` may do everything but what the guards refuse."""

    admin: Admin
    tenant: str
    environment: str

    @property
    def namespace(self) -> str:
        """The namespace's name."""
        return f"{self.tenant}-{self.environment}"

    @property
    def intruder(self) -> Admin:
        """Somebody in the break-glass group: the guards let him spoil our objects."""
        return self.admin.as_user("mallory", ["system:masters", "landlord:break-glass"])

    def path(self, kind: str = "Namespace", name: str = "") -> str:
        """The API path of an object in the namespace; of the namespace itself without arguments."""
        resource = BY_KIND[kind]
        return resource.path(self.namespace, name) if resource.namespaced else resource.path(None, self.namespace)

    async def spoil(self, kind: str, name: str, patch: Any, *, manager: str = INTRUDER) -> Object:
        """Change an object of ours as the intruder, by merge patch or JSON patch."""
        return await self.intruder.patch(self.path(kind, name), patch, fieldManager=manager)

    async def get(self, kind: str = "Namespace", name: str = "") -> Object:
        """An object of the namespace, or the namespace."""
        return await self.admin.get(self.path(kind, name))

    async def children(self) -> dict[tuple[str, str], Object]:
        """Everything Landlord made here, by kind and name."""
        found = {("Namespace", ""): await self.get()}
        selector = f"landlord.dev/tenant={self.tenant}"
        for resource in CHILDREN[1:]:
            items = await self.admin.list(resource.path(self.namespace), labelSelector=selector)
            found |= {(resource.kind, item["metadata"]["name"]): item for item in items}
        return found

    async def body(self) -> Object:
        """The Tenant."""
        return await self.admin.get(f"{TENANTS}/{self.tenant}")

    async def events(self) -> list[Object]:
        """The Events about the Tenant."""
        return await events_about(self.admin, self.tenant)

    async def until_told(self, reason: str, *words: str, deadline: float = 60) -> Object:
        """The Event of this reason whose text holds all the words."""
        notes: list[str] = []

        async def told() -> Object | None:
            found = [event for event in await self.events() if event["reason"] == reason]
            notes[:] = [event["message"] for event in found]
            return next((event for event in found if all(word in event["message"] for word in words)), None)

        return await eventually(told, deadline=deadline, describe=lambda: f"an Event {reason} with {words}; {notes}")


async def events_about(admin: Admin, name: str) -> list[Object]:
    """Events about a cluster-scoped object of ours."""
    return await admin.list("/api/v1/namespaces/default/events", fieldSelector=f"involvedObject.name={name}")


async def move_in(admin: Admin, name: str, environment_spec: Object | None = None, **spec: Any) -> Home:
    """A Ready Tenant ``name`` in an Environment of the same name; ``FULL`` and three members unless said otherwise."""
    spec = {"defaults": FULL, "members": MEMBERS, **spec}
    await admin.apply_manifests(environment(name, **(environment_spec or {})), tenant(name, name, **spec))
    await until_ready(admin, name)
    return Home(admin, name, name)


async def until_may(who: Admin, namespace: str, asked: str, *, allowed: bool = True) -> None:
    """Return once the API server answers so: it takes a moment to see a new binding."""

    async def answers_so() -> bool:
        return await can(who, namespace, asked) is allowed

    await eventually(answers_so, describe=f"{asked} in {namespace}: {allowed}")


async def can(who: Admin, namespace: str, asked: str) -> bool:
    """What `kubectl auth can-i` answers to something like `get pods/log` or `create jobs.batch`."""
    verb, what = asked.split()
    named, _, subresource = what.partition("/")
    resource, _, group = named.partition(".")
    what_exactly = {"group": group, "resource": resource, "subresource": subresource}
    attributes = {"namespace": namespace, "verb": verb, **what_exactly}
    answer = await who.create(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {"resourceAttributes": attributes}}
    )
    return bool(answer["status"]["allowed"])


async def change_environment(admin: Admin, name: str, **spec: Any) -> None:
    """Merge these fields into the Environment's spec."""
    await admin.patch(f"{ENVIRONMENTS}/{name}", {"spec": spec})


async def change_tenant(admin: Admin, name: str, **spec: Any) -> None:
    """Merge these fields into the Tenant's spec."""
    await admin.patch(f"{TENANTS}/{name}", {"spec": spec})


def essence(obj: Object) -> Object:
    """What people say in an object: its labels, annotations and fields, without what the API server keeps book of."""
    meta = obj["metadata"]
    kept = {key: meta.get(key) or {} for key in ("labels", "annotations")}
    bookkeeping = ("metadata", "status", "apiVersion", "kind")
    return {"metadata": kept} | {key: value for key, value in obj.items() if key not in bookkeeping}


@asynccontextmanager
async def every_version(admin: Admin, root: str, name: str) -> AsyncIterator[list[Object]]:
    """All versions of one object of ours that the API server stores while the context lasts, in order."""
    seen: list[Object] = []
    url = f"{admin.server}{root}?watch=true&fieldSelector=metadata.name%3D{name}"
    # A session of its own: closing it waits until the broken stream is gone, which the shared one does not.
    async with aiohttp.ClientSession() as session:
        stream = await session.get(url, headers=list(admin.headers), ssl=admin.tls)

        async def read() -> None:
            async for line in stream.content:
                event = json.loads(line)
                seen.append(event["object"])

        reading = asyncio.create_task(read())
        try:
            yield seen
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
