"""From what watches see to which passes must run: only those that could come out differently."""

from collections.abc import AsyncIterator
from typing import Any, Final

from landlord.api import names
from landlord.api.refs import ENVIRONMENTS, TENANTS, Ref
from landlord.core.child import Child, observe, version_of
from landlord.reconcilers.objects import wishes
from landlord.reconcilers.world import World, claims_of
from landlord.runtime.lanes import Lane
from landlord.runtime.queue import WorkQueue
from landlord.runtime.release_sight import ReleaseSight

Object = dict[str, Any]

ROLL_UP_SECONDS: Final = 2.0
"""An Environment counts its tenants at most this often, however many of them change."""


class Sight:
    """Where events of all watches end up."""

    def __init__(
        self, world: World, tenants: WorkQueue[Ref], environments: WorkQueue[Ref], releases: ReleaseSight
    ) -> None:
        self._world = world
        self._releases = releases
        self._tenants = tenants
        self._environments = environments
        self._open = False

    @property
    def is_open(self) -> bool:
        """Whether passes may run."""
        return self._open

    def open(self) -> None:
        """Everything there is has been seen: from now on changes cause passes, and every object gets its first."""
        self._open = True
        for name in list(self._world.environments):
            self._environments.add(Ref(ENVIRONMENTS.kind, None, name), Lane.RESYNC)
        for name in list(self._world.tenants):
            self._tenants.add(Ref(TENANTS.kind, None, name), Lane.RESYNC)
        self._releases.open()

    def on_event(self, kind: str, type_: str | None, body: Object) -> None:
        """One event of our own kinds, from the door."""
        match kind:
            case TENANTS.kind:
                self._on_tenant(type_, body)
            case ENVIRONMENTS.kind:
                self._on_environment(type_, body)
            case _:
                self._releases.on_event(type_, body)
                home = self._world.namespace(body["metadata"].get("namespace", ""))
                if home is not None:
                    self._roll_up(home.environment)
                    if type_ == "DELETED":  # the Tenant may wait for it before it lets the namespace go
                        self.children_changed({home.tenant})

    def children_changed(self, tenants: set[str]) -> None:
        """Objects of these tenants are not as they were."""
        if not self._open:
            return
        for tenant in tenants:
            if tenant in self._world.tenants:
                self._tenants.add(Ref(TENANTS.kind, None, tenant), Lane.DRIFT)

    def namespace_changed(self, name: str) -> None:
        """A tenant namespace is not as it was: so are the surroundings of the releases in it."""
        self._releases.surroundings_changed(name)

    def _on_tenant(self, type_: str | None, body: Object) -> None:
        name = body["metadata"]["name"]
        before = self._world.tenants.get(name)
        if type_ == "DELETED":
            if not self._world.drop_tenant(name, body["metadata"]["uid"]):
                return
            rivals = {each for claim in claims_of(before or body) for each in self._world.claimants(claim)}
            self.children_changed(rivals)
            self._enqueue(self._tenants, TENANTS.kind, name, Lane.RESYNC)
        elif self._world.put_tenant(body) and _matters(before, body):
            self._enqueue(self._tenants, TENANTS.kind, name, Lane.RESYNC if type_ is None else Lane.URGENT)
            if _asks_for_more(before, body):
                self._releases.tenant_changed(name)
        for environment in _environments_of(before) | _environments_of(body):
            self._roll_up(environment)

    def _on_environment(self, type_: str | None, body: Object) -> None:
        name = body["metadata"]["name"]
        before = self._world.environments.get(name)
        if type_ == "DELETED":
            if not self._world.drop_environment(name, body["metadata"]["uid"]):
                return
        elif not self._world.put_environment(body) or not _matters(before, body):
            return
        self._enqueue(self._environments, ENVIRONMENTS.kind, name, Lane.RESYNC if type_ is None else Lane.URGENT)
        if type_ == "DELETED" or _asks_for_more(before, body):
            self.children_changed(set(self._world.tenants_in(name)))
            self._releases.environment_changed(name)

    def _roll_up(self, environment: str) -> None:
        if self._open and environment in self._world.environments:
            self._environments.add(Ref(ENVIRONMENTS.kind, None, environment), Lane.DRIFT, after=ROLL_UP_SECONDS)

    def _enqueue(self, queue: WorkQueue[Ref], kind: str, name: str, lane: Lane) -> None:
        if self._open:
            queue.add(Ref(kind, None, name), lane)


class Children:
    """The sink of one kind's informer: digests into the World, owners into the queue."""

    def __init__(self, kind: str, world: World, sight: Sight) -> None:
        self._kind = kind
        self._world = world
        self._sight = sight

    async def replace(self, objects: AsyncIterator[Object]) -> None:
        """A full list; only digests of it are held, and nothing is dropped unless the list came whole."""
        before = self._world.known(self._kind)
        children: list[Child] = [observe(self._kind, obj) async for obj in objects]
        self._sight.children_changed(self._world.replace(before, children))

    def upsert(self, obj: Object) -> None:
        """New or changed. The echo of our own writes, which the World has already, is news to rivals and releases."""
        meta = obj["metadata"]
        known = self._world.child(Ref(self._kind, meta.get("namespace"), meta["name"]))
        if known is not None and known.version == version_of(obj):
            self._sight.children_changed(self._world.rivals(known))
            self._wake_releases(meta)
            return
        self._changed(meta, self._world.upsert(observe(self._kind, obj)))

    def remove(self, obj: Object) -> None:
        """Gone, or no longer labelled as ours."""
        self._changed(obj["metadata"], self._world.remove(observe(self._kind, obj)))

    def _changed(self, meta: Object, concerned: set[str]) -> None:
        self._sight.children_changed(concerned)
        if concerned:
            self._wake_releases(meta)

    def _wake_releases(self, meta: Object) -> None:
        """A release waits for its namespace, and for the binding that lets it do anything there."""
        if self._kind == "Namespace":
            self._sight.namespace_changed(meta["name"])
        if (self._kind, meta["name"]) == ("RoleBinding", names.DEPLOYER_ROLE):
            self._sight.namespace_changed(meta["namespace"])


def _matters(before: Object | None, after: Object) -> bool:
    """Whether a pass could come out differently: anything but our own writes and other people's marks."""
    return before is None or _asks_for_more(before, after) or before.get("status") != after.get("status")


def _asks_for_more(before: Object | None, after: Object) -> bool:
    return before is None or _wishes(before) != _wishes(after)


def _wishes(body: Object) -> tuple[Any, ...]:
    return (*wishes(body), names.FINALIZER in (body["metadata"].get("finalizers") or ()))


def _environments_of(body: Object | None) -> set[str]:
    entries = ((body or {}).get("spec") or {}).get("environments") or ()
    return {str(entry.get("name")) for entry in entries}
