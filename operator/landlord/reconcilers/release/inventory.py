"""The objects of a release as they are in the cluster, read at the price that fits the moment.

While the release is at work its objects are watched and cost nothing to look at; what may not be watched is read by
name. At rest one LIST of metadata for each kind tells what is there and who wrote it.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, runtime_checkable

from landlord.api.failures import Forbidden, Missing
from landlord.api.names import deployer_username
from landlord.api.refs import EVENTS, PODS, REPLICA_SETS, Resource
from landlord.clients.cluster import Cluster, Object
from landlord.core.manifest import copied
from landlord.core.release.rendered import Entry, Rendered

_STATELESS: Final = frozenset(
    {
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("v1", "ServiceAccount"),
        ("v1", "LimitRange"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    }
)
"""Kinds that are as good as they get from the moment they exist."""


class Kinds(Protocol):
    """The part of ``Discovery`` an inventory needs."""

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """Where objects of this kind live."""


class Watched(Protocol):
    """The part of ``Scopes`` that is read: objects that are in sight at this moment."""

    def objects(self, namespace: str, resource: Resource) -> Mapping[str, Object] | None:
        """Objects by name; None when they are not in sight."""


@runtime_checkable
class Indexed(Protocol):
    """Objects in sight that can be picked by owner without reading each."""

    def of(self, owners: Collection[str]) -> tuple[Object, ...]:
        """The objects with one of these UIDs, or made by one that has it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One object that the release keeps: its key, where it lives, and the manifest it was given."""

    entry: Entry
    resource: Resource
    manifest: Mapping[str, Any] = field(compare=False)

    @property
    def namespace(self) -> str | None:
        """Its namespace; None when it is cluster-scoped."""
        return self.entry.namespace or None


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything a release keeps, hooks left out. ``unserved`` are objects whose kind the API server does not know."""

    namespace: str
    items: tuple[Item, ...]
    unserved: tuple[Entry, ...] = ()

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The kinds among the objects, each once."""
        return tuple(dict.fromkeys(item.resource for item in self.items))


@dataclass(frozen=True, slots=True)
class Live:
    """What was found. ``unseen`` are objects that could not be looked at, each with a sentence that says why."""

    objects: Mapping[Entry, Object]
    missing: tuple[Entry, ...] = ()
    unseen: Mapping[Entry, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owned:
    """What the controllers of a release's workloads made: pods and, between Deployments and pods, ReplicaSets."""

    pods: tuple[Object, ...]
    replica_sets: tuple[Object, ...]


async def inventory(rendered: Iterable[Rendered], namespace: str, kinds: Kinds) -> Inventory:
    """The objects of a stored manifest that is parsed, with where each lives; hooks are not kept, so not in it.

    Of what is rendered twice the last counts: Helm applies both at once, and one object cannot be both.
    """
    items: dict[Entry, Item] = {}
    unserved: list[Entry] = []
    for one in rendered:
        if one.hook_events:
            continue
        resource = await kinds.resource(one.api_version, one.kind)
        home = (one.namespace or namespace) if resource is None or resource.namespaced else ""
        entry = Entry(one.api_version, one.kind, home, one.name)
        if resource is None:
            unserved.append(entry)
        else:
            items[entry] = Item(entry, resource, one.obj)
    return Inventory(namespace, tuple(items.values()), tuple(dict.fromkeys(unserved)))


def worth_watching(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """The kinds to hold while a release is at work: those whose objects change state, and what workloads make."""
    moving = [each for each in resources if each.namespaced and not _is_stateless(each)]
    made = (PODS, REPLICA_SETS) if any(each.group in ("apps", "batch") for each in moving) else ()
    return tuple(dict.fromkeys((*moving, *made)))


class Eyes:
    """Looks at releases' objects, always as the deployer of their namespace."""

    def __init__(self, cluster: Cluster, watched: Watched) -> None:
        self._cluster = cluster
        self._watched = watched

    async def live(self, inventory: Inventory, *, fresh: bool = False) -> Live:
        """The whole objects: watched ones at no cost, others read by name.

        Of kinds that have no state the stored manifest stands for the object: there is nothing to look at. And a
        watch may lag, so right after a write it can tell of the time before. Whoever is about to believe that all is
        well looks once more with ``fresh``: everything is read by name.
        """
        deployer = self._deployer(inventory.namespace)
        found = _Finder()
        unwatched: list[Item] = []
        for item in inventory.items:
            scope = None if fresh else self._in_sight(item.namespace, item.resource)
            if scope is not None:
                found.put(item, scope.get(item.entry.name))
            elif fresh or not _is_stateless(item.resource):
                unwatched.append(item)
            else:
                found.put(item, copied(dict(item.manifest)))
        await asyncio.gather(*(_read(deployer, item, found) for item in unwatched))
        return found.live(inventory)

    async def heads(self, inventory: Inventory) -> Live:
        """Metadata with field managers, by one LIST for each kind: what a look at rest costs."""
        deployer = self._deployer(inventory.namespace)
        found = _Finder()
        kinds = dict.fromkeys((item.namespace, item.resource) for item in inventory.items)
        groups = (
            [item for item in inventory.items if (item.namespace, item.resource) == (namespace, resource)]
            for namespace, resource in kinds
        )
        await asyncio.gather(*(_list_heads(deployer, group, found) for group in groups))
        return found.live(inventory)

    async def owned(self, live: Live, namespace: str, *, fresh: bool = False) -> Owned:
        """Pods and ReplicaSets that belong, by owner references, to objects of the release."""
        owners = {_uid(obj) for obj in live.objects.values()} - {""}
        replica_sets = await self._made_by(owners, namespace, REPLICA_SETS, fresh)
        makers = owners | {_uid(obj) for obj in replica_sets}
        return Owned(await self._made_by(makers, namespace, PODS, fresh), replica_sets)

    async def warnings(self, namespace: str, about: Collection[Object]) -> tuple[Object, ...]:
        """Events of type Warning about these very objects."""
        uids = {_uid(obj) for obj in about}
        pages = self._deployer(namespace).pages(EVENTS, namespace, fields="type=Warning")
        events = [event async for page in pages for event in page.items]
        return tuple(event for event in events if (event.get("regarding") or {}).get("uid") in uids)

    async def every(self, namespace: str, resource: Resource) -> tuple[Object, ...]:
        """All objects of a kind in the namespace; none when the deployer may not list it, or it is not served."""
        try:
            return await self._all(namespace, resource, fresh=False)
        except (Forbidden, Missing):
            return ()

    async def _made_by(
        self, owners: Collection[str], namespace: str, resource: Resource, fresh: bool
    ) -> tuple[Object, ...]:
        scope = None if fresh else self._in_sight(namespace, resource)
        if isinstance(scope, Indexed):
            return scope.of(owners)
        return _owned_by(owners, await self._all(namespace, resource, fresh))

    async def _all(self, namespace: str, resource: Resource, fresh: bool) -> tuple[Object, ...]:
        scope = None if fresh else self._in_sight(namespace, resource)
        if scope is not None:
            return tuple(scope.values())
        return await self._deployer(namespace).list_all(resource, namespace)

    def _in_sight(self, namespace: str | None, resource: Resource) -> Mapping[str, Object] | None:
        return self._watched.objects(namespace, resource) if namespace else None

    def _deployer(self, namespace: str) -> Cluster:
        return self._cluster.acting_as(deployer_username(namespace))


class _Finder:
    """Collects what is found of an inventory."""

    def __init__(self) -> None:
        self._objects: dict[Entry, Object] = {}
        self._unseen: dict[Entry, str] = {}

    def put(self, item: Item, obj: Object | None) -> None:
        if obj is not None:
            self._objects[item.entry] = obj

    def hide(self, item: Item, why: str) -> None:
        self._unseen[item.entry] = why

    def live(self, inventory: Inventory) -> Live:
        for entry in inventory.unserved:
            self._unseen[entry] = _unserved(entry)
        known = self._objects.keys() | self._unseen.keys()
        missing = tuple(item.entry for item in inventory.items if item.entry not in known)
        return Live(self._objects, missing, self._unseen)


async def _read(deployer: Cluster, item: Item, found: _Finder) -> None:
    try:
        found.put(item, await deployer.get(item.resource, item.entry.name, item.namespace))
    except Forbidden as failure:
        found.hide(item, failure.why)


async def _list_heads(deployer: Cluster, items: Collection[Item], found: _Finder) -> None:
    """Metadata of objects of one kind in one namespace; cluster-scoped ones by name, for those are everybody's."""
    wanted = {item.entry.name: item for item in items}
    first = next(iter(items))
    if first.namespace is None:
        await asyncio.gather(*(_read(deployer, item, found) for item in items))
        return
    try:
        async for page in deployer.pages(first.resource, first.namespace, metadata_only=True):
            for head in page.items:
                if item := wanted.get(head["metadata"]["name"]):
                    found.put(item, head)
    except Missing:
        # A version that was dropped, mostly: the objects may well be there under another one.
        for item in items:
            found.hide(item, _unserved(item.entry))
    except Forbidden:
        await asyncio.gather(*(_read(deployer, item, found) for item in items))


def _unserved(entry: Entry) -> str:
    return f"The API server does not serve {entry.kind} of {entry.api_version}."


def _is_stateless(resource: Resource) -> bool:
    return (resource.api_version, resource.kind) in _STATELESS


def _uid(obj: Object) -> str:
    return str(obj["metadata"].get("uid", ""))


def _owned_by(owners: Collection[str], objects: Iterable[Object]) -> tuple[Object, ...]:
    """The objects that an owner made, or that are an owner's own self."""
    return tuple(
        obj
        for obj in objects
        if _uid(obj) in owners
        or any(owner.get("uid") in owners for owner in obj["metadata"].get("ownerReferences") or ())
    )
