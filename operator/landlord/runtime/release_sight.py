"""Where events that concern AppReleases end up: into their cache, and what they call for into the queue."""

from typing import Any

from landlord.api import names
from landlord.api.refs import APPRELEASES, Ref
from landlord.reconcilers.objects import wishes
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.world import World
from landlord.runtime.lanes import Lane
from landlord.runtime.queue import WorkQueue

Object = dict[str, Any]


class ReleaseSight:
    """Sees to it that a pass comes whenever it could come out differently. Silent until ``open``."""

    def __init__(self, world: World, bodies: Bodies, queue: WorkQueue[Ref]) -> None:
        self._world = world
        self._bodies = bodies
        self._queue = queue
        self._open = False

    def open(self) -> None:
        """Everything there is has been seen: every release gets its first pass."""
        self._open = True
        for ref in self._bodies:
            self._queue.add(ref, Lane.RESYNC)

    def on_event(self, type_: str | None, body: Object) -> None:
        """One event of an AppRelease, from the door."""
        meta = body["metadata"]
        ref = Ref(APPRELEASES.kind, meta["namespace"], meta["name"])
        before = self._bodies.get(ref)
        if type_ == "DELETED":
            if self._bodies.drop(ref, meta["uid"]):
                self.wake(ref, Lane.RESYNC)
                self._wake_dependents(ref)
            return
        if not self._bodies.put(body):
            return
        if before is None or _asked(before) != _asked(body):
            self.wake(ref, Lane.RESYNC if type_ is None else Lane.URGENT)
        elif before.get("status") != body.get("status"):
            self.wake(ref, Lane.DRIFT)
        if _proof(before) != _proof(body):
            self._wake_dependents(ref)

    def told(self, before: Object | None, after: Object) -> None:
        """An own write of a status: those that wait for this release are woken by its proof."""
        if _proof(before) != _proof(after):
            meta = after["metadata"]
            self._wake_dependents(Ref(APPRELEASES.kind, meta["namespace"], meta["name"]))

    def surroundings_changed(self, namespace: str) -> None:
        """The namespace, its Tenant or its Environment is not as it was."""
        for ref in self._bodies.within(namespace):
            self.wake(ref, Lane.DRIFT)

    def tenant_changed(self, tenant: str) -> None:
        """So is everything in the Tenant's namespaces."""
        for child in self._world.children(tenant).values():
            if child.ref.kind == "Namespace":
                self.surroundings_changed(child.ref.name)

    def environment_changed(self, environment: str) -> None:
        """So is everything in the Environment's namespaces."""
        for namespace in {ref.namespace or "" for ref in self._bodies}:
            home = self._world.namespace(namespace)
            if home is not None and home.environment == environment:
                self.surroundings_changed(namespace)

    def wake(self, ref: Ref, lane: Lane = Lane.DRIFT) -> None:
        """Let a pass come."""
        if self._open:
            self._queue.add(ref, lane)

    def _wake_dependents(self, ref: Ref) -> None:
        for other in self._bodies.within(ref.namespace or ""):
            body = self._bodies.get(other) or {}
            needs = (body.get("spec") or {}).get("dependsOn") or ()
            if any(need.get("name") == ref.name for need in needs):
                self.wake(other)


def _asked(body: Object) -> tuple[Any, ...]:
    return (*wishes(body), names.FINALIZER in (body["metadata"].get("finalizers") or ()))


def _proof(body: Object | None) -> tuple[Any, ...]:
    status = (body or {}).get("status") or {}
    proven = next((each.get("status") for each in status.get("conditions") or () if each.get("type") == "Proven"), None)
    return proven, status.get("observedGeneration")
