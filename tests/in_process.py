"""The operator's own parts in the test's event loop: caches, queues and reconcilers, with watches played by the test.

Time is the test's: a pass that is to come in five seconds comes as soon as nothing else is to be done. So a run takes
as many passes as it does in production, but no time. Only what other programs do (a namespace that is being deleted)
is waited for.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from landlord.api import names
from landlord.api.failures import LandlordFailure
from landlord.api.refs import CHILDREN, ENVIRONMENTS, TENANTS, Ref, Resource
from landlord.clients.cluster import Cluster, Page
from landlord.core.tenant.defaults import PlatformDefaults
from landlord.reconcilers.environment import EnvironmentReconciler
from landlord.reconcilers.outcome import Outcome, Reconcile
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.tenant import TenantReconciler
from landlord.reconcilers.world import World
from landlord.runtime.queue import WorkQueue
from landlord.runtime.release_sight import ReleaseSight
from landlord.runtime.sight import Children, Sight
from landlord.runtime.workers import judge
from tests.fault_cluster import FaultyCluster
from tests.polling import eventually

Object = dict[str, Any]
Key = tuple[str, str, str]

HORIZON_SECONDS = 45
"""What is to come later than this is a periodic look, not work."""
MOST_PASSES = 200
_OWN = (TENANTS, ENVIRONMENTS)


@dataclass(slots=True)
class Clock:
    """The time of one plan; it goes on while operators come and go."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        """Seconds since the plan began."""
        return self.seconds

    def now(self) -> datetime:
        """The time of day."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class View:
    """Everything tenants consist of, by kind, namespace and name, and the version at which it was so."""

    objects: dict[Key, Object] = field(default_factory=dict)
    version: int = 0

    @property
    def uids(self) -> set[str]:
        """The UIDs of all of it."""
        return {str(body["metadata"]["uid"]) for body in self.objects.values()}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a watch."""

    kind: str
    type: str
    body: Object


@dataclass(slots=True)
class Feed:
    """How events reach the caches: as they happen. Subclasses deliver them late, twice or out of order."""

    def deliver(self, fresh: Sequence[Event], past: Sequence[Event]) -> Iterable[Sequence[Event]]:
        """Batches to hand in one after another, with passes in between; `past` holds all earlier events."""
        return [fresh]

    @property
    def owes(self) -> bool:
        """Whether events are held back."""
        return False


@dataclass(slots=True)
class Watching:
    """What the operator's watches would show of some tenants and their Environments."""

    cluster: Cluster
    tenants: tuple[str, ...]
    environments: tuple[str, ...]

    async def look(self, known: View | None = None, paths: Collection[str] = ()) -> View:
        """Everything as it is now; with `known`, only children of kinds on these paths are read anew."""
        kinds = [*_OWN, *(resource for resource in CHILDREN if known is None or _is_on(resource, paths))]
        found = await asyncio.gather(*(self._found(resource) for resource in kinds))
        looked_at = {resource.kind for resource in kinds}
        objects = {} if known is None else {k: body for k, body in known.objects.items() if k[0] not in looked_at}
        for resource, (bodies, _) in zip(kinds, found, strict=True):
            objects |= {_key(resource.kind, body): body for body in bodies}
        return View(objects, max([known.version if known else 0, *(version for _, version in found)]))

    async def _found(self, resource: Resource) -> tuple[list[Object], int]:
        """All objects of a kind, and the version at which they were so."""
        if resource not in _OWN:
            page = await self._list(resource, f"{names.LABEL_TENANT} in ({','.join(self.tenants)})")
            return list(page.items), int(page.resource_version)
        wanted = self.tenants if resource is TENANTS else self.environments
        bodies = await asyncio.gather(*(self.cluster.get(resource, name) for name in wanted))
        found = [body for body in bodies if body is not None]
        return found, max((_version(body) for body in found), default=0)

    async def _list(self, resource: Resource, selector: str) -> Page:
        (page,) = [page async for page in self.cluster.pages(resource, selector=selector)]
        return page


def events(before: View, after: View) -> list[Event]:
    """What watches tell when the world goes from one view to another, in the order of its versions."""
    found = []
    for key, body in before.objects.items():
        if key not in after.objects or _uid(after.objects[key]) != _uid(body):
            end = {**body, "metadata": {**body["metadata"], "resourceVersion": str(after.version)}}
            found.append(Event(key[0], "DELETED", end if key not in after.objects else body))
    for key, body in sorted(after.objects.items(), key=lambda item: _version(item[1])):
        known = before.objects.get(key)
        if known is None or _uid(known) != _uid(body):
            found.append(Event(key[0], "ADDED", body))
        elif _version(known) != _version(body):
            found.append(Event(key[0], "MODIFIED", body))
    return found


@dataclass(slots=True)
class InProcess:
    """One operator process, from its start (an empty World) to its end (being dropped)."""

    cluster: FaultyCluster
    watching: Watching
    clock: Clock
    feed: Feed = field(default_factory=Feed)
    begin: View | None = None
    """A list of long ago, which a lagging API server answers with at the start; None for what is so."""
    view: View = field(default_factory=View)
    past: list[Event] = field(default_factory=list)
    passes: list[str] = field(default_factory=list)
    heard_of: int = 0
    """How many of its own writes can have come back as events."""
    world: World = field(init=False)
    sight: Sight = field(init=False)
    _queues: dict[str, WorkQueue[Ref]] = field(init=False)
    _sinks: dict[str, Children] = field(init=False)
    _reconcile: Mapping[str, Reconcile] = field(init=False)

    def __post_init__(self) -> None:
        self.world = World()
        self._queues = {
            resource.kind: WorkQueue(tenant_of=lambda ref: ref.name, clock=self.clock.monotonic, chance=lambda: 0.5)
            for resource in _OWN
        }
        queues = [self._queues[resource.kind] for resource in _OWN]
        releases = ReleaseSight(self.world, Bodies(), WorkQueue(tenant_of=str))
        self.sight = Sight(self.world, *queues, releases)
        self._sinks = {resource.kind: Children(resource.kind, self.world, self.sight) for resource in CHILDREN}
        tenant = TenantReconciler(
            self.cluster, self.world, PlatformDefaults(), clock=self.clock.now, announce=_hush, corrected=_ignore
        )
        environment = EnvironmentReconciler(self.cluster, self.world, clock=self.clock.now)
        self._reconcile = {TENANTS.kind: tenant.reconcile, ENVIRONMENTS.kind: environment.reconcile}

    async def until_quiet(self) -> None:
        """Work and watch until nothing is left to be done."""
        if not self.sight.is_open:
            await self._start()
        await self.hear()
        while True:
            is_waiting = any(child.deleting for child in self.world.all_children())
            worked = await self.work() or (not is_waiting and await self._skip_ahead())
            if self.feed.owes or self.cluster.written > self.heard_of:
                await self.hear(of_own=not is_waiting)
            elif not worked and is_waiting:
                await eventually(self.hear, describe="the end of what is being deleted", deadline=90)
            elif not worked:
                return

    async def hear(self, *, of_own: bool = False) -> bool:
        """Take in what has happened since the last look, or what its own writes did; whether there was anything."""
        fresh = await self._look(of_own=of_own)
        if not fresh and not self.feed.owes:
            return False
        for batch in self.feed.deliver(fresh, tuple(self.past)):
            for event in batch:
                self._tell(event, event.type)
            await self.work()
        self.past += fresh
        return True

    async def overhear(self) -> None:
        """Take in what has happened while a pass runs."""
        fresh = await self._look()
        for event in fresh:
            self._tell(event, event.type)
        self.past += fresh

    async def _look(self, *, of_own: bool = False) -> list[Event]:
        written = self.cluster.written - self.heard_of
        paths = [request.path for request in self.cluster.writes[-written:]] if written else []
        self.heard_of = self.cluster.written
        before = self.view
        self.view = await self.watching.look(before if of_own else None, paths)
        return events(before, self.view)

    async def work(self) -> bool:
        """Run the passes that are due; whether there were any."""
        count = len(self.passes)
        while await self._one_pass():
            assert len(self.passes) < MOST_PASSES, f"never comes to rest: {self.passes[-12:]}"
        return len(self.passes) > count

    async def _start(self) -> None:
        """List everything, and do what has to be done by that."""
        self.view = await self.watching.look() if self.begin is None else self.begin
        for event in events(View(), self.view):
            self._tell(event, None)
        self.past += events(View(), self.view)
        self.sight.open()
        await self.work()

    async def _one_pass(self) -> bool:
        for kind, queue in self._queues.items():
            ref = queue.pop()
            if ref is not None:
                ending = await self._ending(self._reconcile[kind], ref)
                self._settle(queue, ref, ending)
                return True
        return False

    async def _ending(self, reconcile: Reconcile, ref: Ref) -> Outcome | LandlordFailure:
        try:
            return await reconcile(ref)
        except LandlordFailure as failure:
            return failure

    def _settle(self, queue: WorkQueue[Ref], ref: Ref, ending: Outcome | LandlordFailure) -> None:
        """As the workers do."""
        self.passes.append(f"{ref}: {ending.why if isinstance(ending, LandlordFailure) else ending}")
        again = judge(ending)
        queue.done(ref)
        if again.backoff:
            queue.retry(ref)
            return
        queue.forget(ref)
        if again.after is not None:
            queue.add(ref, after=again.after)

    async def _skip_ahead(self) -> bool:
        """Let time pass until a pass is due; whether there was one."""
        for _ in range(HORIZON_SECONDS):
            self.clock.seconds += 1
            if await self._one_pass():
                return True
        return False

    def _tell(self, event: Event, type_: str | None) -> None:
        if event.kind in self._queues:
            self.sight.on_event(event.kind, type_, event.body)
        elif event.type == "DELETED":
            self._sinks[event.kind].remove(event.body)
        else:
            self._sinks[event.kind].upsert(event.body)


def _is_on(resource: Resource, paths: Collection[str]) -> bool:
    """Whether one of the paths is that of an object of this kind."""
    return any(resource.plural in path.split("/")[-3:] for path in paths)


def _key(kind: str, body: Object) -> Key:
    return kind, body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _version(body: Object) -> int:
    return int(body["metadata"]["resourceVersion"])


def _uid(body: Object) -> str:
    return str(body["metadata"]["uid"])


def _hush(body: Mapping[str, Any], reason: str, note: str, *, warning: bool = False) -> None:
    """Announce nothing."""


def _ignore(kind: str, how: str) -> None:
    """Count nothing."""
