"""Leader election against a store with compare-and-swap, in simulated time."""

import asyncio
import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landlord.api.failures import Conflict, Transient
from landlord.api.refs import Resource
from landlord.runtime.lease import Lease, Terms

Object = dict[str, Any]
TERMS = Terms("landlord-system", "landlord", timedelta(seconds=15), timedelta(seconds=10), timedelta(seconds=2))


@dataclass
class World:
    """One clock for everybody, which moves only when all sleep."""

    now: float = 1000.0
    sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)

    def __call__(self) -> float:
        return self.now

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self.sleepers, (self.now + seconds, next(self.order), future))
        await future

    async def settle(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    async def run(self, seconds: float) -> None:
        until = self.now + seconds
        await self.settle()
        while self.sleepers and self.sleepers[0][0] <= until:
            due, _, future = heapq.heappop(self.sleepers)
            self.now = max(self.now, due)
            if not future.done():
                future.set_result(None)
            await self.settle()
        self.now = until


@dataclass
class Store:
    """The API server's Lease, for one client: what it answers can be made to fail or to be late."""

    world: World
    shared: dict[str, Any] = field(default_factory=dict)
    down: bool = False
    lose_answers: bool = False
    late: float = 0.0

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        await self._trouble()
        return self.shared.get("lease")

    async def create(self, resource: Resource, manifest: Object) -> Object:
        await self._trouble()
        if "lease" in self.shared:
            raise Conflict("exists")
        return self._store(manifest)

    async def replace(self, resource: Resource, manifest: Object) -> Object:
        await self._trouble()
        if "lease" not in self.shared:
            raise Transient("404")
        if manifest["metadata"]["resourceVersion"] != self.shared["lease"]["metadata"]["resourceVersion"]:
            raise Conflict("somebody wrote in between")
        return self._store(manifest)

    def _store(self, manifest: Object) -> Object:
        version = self.shared["version"] = self.shared.get("version", 0) + 1
        meta = manifest["metadata"] | {"resourceVersion": str(version)}
        self.shared["lease"] = manifest | {"metadata": meta}
        if self.lose_answers:
            raise Transient("the answer was lost")
        return dict(self.shared["lease"])

    async def _trouble(self) -> None:
        if self.late:
            await self.world.sleep(self.late)
        if self.down:
            raise Transient("down")


@dataclass
class Candidate:
    store: Store
    lease: Lease
    task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        await self.lease.acquire()
        await self.lease.hold()

    async def stop(self) -> None:
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


def candidate(world: World, shared: dict[str, Any], name: str) -> Candidate:
    store = Store(world, shared)
    return Candidate(store, Lease(store, TERMS, identity=name, clock=world, wall=world.wall, sleep=world.sleep))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def pair(world: World) -> Any:
    shared: dict[str, Any] = {}
    one, two = candidate(world, shared, "one"), candidate(world, shared, "two")
    one.start()
    await world.run(0.1)
    two.start()
    await world.run(0.1)
    yield one, two
    await one.stop()
    await two.stop()


async def test_the_first_leads_at_once_and_the_second_waits(pair: tuple[Candidate, Candidate], world: World) -> None:
    one, two = pair
    await world.run(60)
    assert one.lease.valid()
    assert not two.lease.valid()
    assert (one.lease.holder, two.lease.holder) == ("one", "one")


async def test_a_dead_leader_is_followed_after_the_duration(pair: tuple[Candidate, Candidate], world: World) -> None:
    one, two = pair
    await one.stop()
    await world.run(14)
    assert not two.lease.valid()
    await world.run(6)
    assert two.lease.valid()
    assert two.store.shared["lease"]["spec"]["leaseTransitions"] == 1


async def test_a_leader_that_hears_nothing_stops_writing_before_anybody_else_may(
    pair: tuple[Candidate, Candidate], world: World
) -> None:
    one, two = pair
    await world.run(3)
    one.store.down = True
    silent = handed_over = None
    while handed_over is None:
        await world.run(0.1)
        silent = silent or (None if one.lease.valid() else world.now)
        handed_over = world.now if two.lease.valid() else None
    assert silent is not None
    assert handed_over - silent >= 4
    assert one.lease.lost.is_set()


async def test_a_leader_that_sleeps_past_the_lease_wakes_to_a_closed_fence(
    pair: tuple[Candidate, Candidate], world: World
) -> None:
    one, _ = pair
    assert one.lease.seconds_left() == pytest.approx(14.8, abs=0.3)
    world.now += 11  # nothing of it ran: stopped
    assert one.lease.seconds_left() == 0
    await world.run(0.1)
    assert one.lease.lost.is_set()


async def test_a_released_lease_is_taken_at_the_next_look(pair: tuple[Candidate, Candidate], world: World) -> None:
    one, two = pair
    await one.lease.release()
    assert not one.lease.valid()
    await world.run(2.5)
    assert two.lease.valid()
    assert not one.lease.lost.is_set()


async def test_a_renewal_whose_answer_is_lost_is_recognised_as_our_own(
    pair: tuple[Candidate, Candidate], world: World
) -> None:
    one, _ = pair
    one.store.lose_answers = True
    await world.run(3)
    one.store.lose_answers = False
    await world.run(60)
    assert one.lease.valid()


async def test_a_lease_taken_by_force_is_given_up_at_the_next_renewal(
    pair: tuple[Candidate, Candidate], world: World
) -> None:
    one, _ = pair
    lease = one.store.shared["lease"]
    one.store._store(lease | {"spec": lease["spec"] | {"holderIdentity": "a person"}})
    await world.run(2.5)
    assert one.lease.lost.is_set()


async def test_a_lease_deleted_by_hand_is_lost_and_not_taken_while_it_is_believed_in(
    pair: tuple[Candidate, Candidate], world: World
) -> None:
    one, two = pair
    one.store.late = 1.5
    del one.store.shared["lease"]
    overlap = False
    for _ in range(200):
        await world.run(0.1)
        overlap = overlap or (one.lease.valid() and two.lease.valid())
    assert not overlap
    assert one.lease.lost.is_set()
    assert two.lease.valid()


async def test_a_lease_whose_creation_answer_was_lost_is_still_taken(world: World) -> None:
    one = candidate(world, {}, "one")
    one.store.lose_answers = True
    one.start()
    await world.run(0.1)
    one.store.lose_answers = False
    await world.run(3)
    assert one.lease.valid()
    await one.stop()


async def test_the_lease_carries_what_other_tools_read(pair: tuple[Candidate, Candidate]) -> None:
    one, _ = pair
    spec = one.store.shared["lease"]["spec"]
    assert spec["leaseDurationSeconds"] == 15
    assert spec["acquireTime"].endswith("Z")
    assert len(spec["renewTime"]) == len("2026-01-01T00:00:00.000000Z")


troubles = st.lists(
    st.tuples(
        st.sampled_from(["down", "lose_answers", "late", "freeze", "clear"]),
        st.integers(0, 2),
        st.floats(0.1, 9),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(troubles)
def test_two_never_lead_at_once_whatever_goes_wrong(plan: list[tuple[str, int, float]]) -> None:
    asyncio.run(_never_two(plan))


async def _never_two(plan: list[tuple[str, int, float]]) -> None:
    world, shared = World(), dict[str, Any]()
    everybody = [candidate(world, shared, name) for name in ("one", "two", "three")]
    last_write: dict[str, float] = {}
    for one in everybody:
        one.start()
    for trouble, number, seconds in plan:
        _make_trouble(everybody[number], world, trouble, seconds)
        for _ in range(int(seconds * 4) + 1):
            await world.run(0.25)
            _check(everybody, world.now, last_write)
    for one in everybody:
        await one.stop()


def _check(everybody: list[Candidate], now: float, last_write: dict[str, float]) -> None:
    leading = [one.lease for one in everybody if one.lease.valid()]
    assert len(leading) <= 1
    for lease in leading:
        others = [end for name, end in last_write.items() if name != lease.identity]
        assert all(end <= now for end in others), "a write of the one before may still land"
        last_write[lease.identity] = now + lease.seconds_left()


def _make_trouble(who: Candidate, world: World, trouble: str, seconds: float) -> None:
    match trouble:
        case "down":
            who.store.down = True
        case "lose_answers":
            who.store.lose_answers = True
        case "late":
            who.store.late = seconds
        case "clear":
            who.store.down, who.store.lose_answers, who.store.late = False, False, 0.0
        case "freeze":
            _freeze(world, who, seconds * 4)


def _freeze(world: World, who: Candidate, seconds: float) -> None:
    """Everything this process waits for comes later, as after SIGSTOP; its clock goes on."""
    original = who.lease._sleep
    until = world.now + seconds

    async def late_sleep(wanted: float) -> None:
        await original(max(wanted, until - world.now))

    who.lease._sleep = late_sleep
