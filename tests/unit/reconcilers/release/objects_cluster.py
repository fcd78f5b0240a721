"""A cluster in memory that keeps objects, field managers and what each request asked for; as any user alike."""

from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Self

from landlord.api.failures import Conflict, LandlordFailure
from landlord.api.refs import CONFIG_MAPS, DEPLOYMENTS, JOBS, PODS, REPLICA_SETS, SERVICES, STATEFUL_SETS, Resource
from landlord.api.releases import StoredRelease
from landlord.clients.cluster import Page
from landlord.core.release.rendered import Entry
from landlord.reconcilers.release.inventory import Inventory, Item

Object = dict[str, Any]
SCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", namespaced=True)
KINDS = {
    each.kind: each for each in (CONFIG_MAPS, DEPLOYMENTS, JOBS, PODS, REPLICA_SETS, SERVICES, STATEFUL_SETS, SCALERS)
}
NAMESPACE = "shop"


def manifest(kind: str, name: str, **rest: Any) -> Object:
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": {"name": name}, **rest}


def item(obj: Object) -> Item:
    resource = KINDS[obj["kind"]]
    return Item(Entry(obj["apiVersion"], obj["kind"], NAMESPACE, obj["metadata"]["name"]), resource, obj)


def inventory(*objects: Object) -> Inventory:
    return Inventory(NAMESPACE, tuple(map(item, objects)))


def release(number: int = 1, apply_method: str = "ssa", name: str = "web") -> StoredRelease:
    return StoredRelease(name, NAMESPACE, number, "deployed", "", "", {}, (), "web", "1.0.0", "", apply_method, {})


@dataclass
class ObjectsCluster:
    """The part of ``Cluster`` that looks at releases and corrects them."""

    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    refused: dict[tuple[str, str], LandlordFailure] = field(default_factory=dict)
    """What requests of a verb about a kind fail with."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Verb and ``Kind/name``, or ``Kind`` alone of lists."""
    admission: Object = field(default_factory=dict)
    """Fields that admission sets in whatever is written."""
    users: set[str] = field(default_factory=set)
    _version: int = 0

    def acting_as(self, user: str) -> Self:
        self.users.add(user)
        return self

    def put(self, obj: Object, *, manager: str = "helm", **meta: Any) -> Object:
        """An object as somebody applied it: all of its fields are his."""
        self._version += 1
        stored = deepcopy(obj)
        key = obj["kind"], obj["metadata"]["name"]
        uid = self.objects[key]["metadata"]["uid"] if key in self.objects else f"uid-{self._version}"
        entry = {"manager": manager, "operation": "Apply", "time": f"t{self._version}", "fieldsV1": {"f:spec": {}}}
        stored["metadata"] = {**stored["metadata"], "uid": uid, "managedFields": [entry], **meta}
        self.objects[key] = stored
        return stored

    def edit(self, kind: str, name: str, **rest: Any) -> None:
        """A hand edit: the fields are the editor's from now on."""
        stored = self.objects[kind, name]
        stored.update(deepcopy(rest))
        self._version += 1
        fields = {f"f:{key}": {} for key in rest}
        entry = {"manager": "hand", "operation": "Update", "time": f"t{self._version}", "fieldsV1": fields}
        stored["metadata"]["managedFields"] = [entry]

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        self._ask("get", resource.kind, name)
        return deepcopy(self.objects.get((resource.kind, name)))

    async def pages(
        self, resource: Resource, namespace: str | None = None, *, metadata_only: bool = False, fields: str = ""
    ) -> AsyncIterator[Page]:
        self._ask("list", resource.kind)
        found = [deepcopy(obj) for (kind, _), obj in self.objects.items() if kind == resource.kind]
        yield Page(tuple({"metadata": obj["metadata"]} if metadata_only else obj for obj in found), "1")

    async def list_all(self, resource: Resource, namespace: str | None = None) -> tuple[Object, ...]:
        return tuple([obj async for page in self.pages(resource, namespace) for obj in page.items])

    async def apply(self, resource: Resource, wanted: Object, *, manager: str, dry_run: bool = False) -> Object:
        assert manager == "helm"
        name = wanted["metadata"]["name"]
        self._ask("dry-run" if dry_run else "apply", resource.kind, name)
        live = self.objects.get((resource.kind, name), {})
        merged = {**live, **wanted, "metadata": {**live.get("metadata", {}), **wanted["metadata"]}}
        return self._admitted(merged if dry_run else self.put(merged))

    async def merge(
        self, resource: Resource, name: str, patch: Object, namespace: str | None = None, *, dry_run: bool
    ) -> Object:
        assert dry_run
        assert patch == {}
        self._ask("touch", resource.kind, name)
        return self._admitted(self.objects[resource.kind, name])

    async def delete(self, resource: Resource, name: str, namespace: str | None = None, *, uid: str) -> bool:
        self._ask("delete", resource.kind, name)
        live = self.objects.get((resource.kind, name))
        if live is not None and live["metadata"]["uid"] != uid:
            raise Conflict("it is another")
        return self.objects.pop((resource.kind, name), None) is not None

    def _admitted(self, obj: Object) -> Object:
        """The object as admission would let it in."""
        return {**deepcopy(obj), **self.admission}

    def _ask(self, verb: str, kind: str, name: str = "") -> None:
        self.requests.append((verb, f"{kind}/{name}" if name else kind))
        if failure := self.refused.get((verb, kind)):
            raise failure
