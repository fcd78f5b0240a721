"""The watchdog: what it takes for death, and what only looks like it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from landlord.api.failures import Transient
from landlord.api.refs import ENVIRONMENTS, NAMESPACES, TENANTS, Resource
from landlord.clients.cluster import Page
from landlord.runtime.door import Shown
from landlord.runtime.informer import Informer
from landlord.runtime.pace import Pace
from landlord.runtime.watchdog import GRACE_SECONDS, ROUNDS, SILENCE_SECONDS, Watchdog


@dataclass
class World:
    """What the API server has of Tenants (UID to version), what the door has shown, and the time."""

    there: dict[str, str] = field(default_factory=dict)
    shown: dict[str, dict[str, Shown]] = field(default_factory=lambda: {"Tenant": {}, "Environment": {}})
    gone: list[str] = field(default_factory=list)
    behinds: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    now: float = 1000.0
    meanwhile: Callable[[], None] = lambda: None
    down: bool = False
    resources: tuple[Resource, ...] = (TENANTS, ENVIRONMENTS)

    async def pages(
        self, resource: Resource, namespace: str | None = None, *, metadata_only: bool = False
    ) -> AsyncIterator[Page]:
        assert metadata_only
        if self.down:
            raise Transient("The API server is down.")
        there = self.there if resource is TENANTS else {}
        yield Page(tuple({"metadata": {"uid": uid, "resourceVersion": version}} for uid, version in there.items()), "9")

    def show(self, uid: str, version: str) -> None:
        self.shown["Tenant"][uid] = Shown(f"name-of-{uid}", version)

    def declare_gone(self, kind: str, uid: str) -> None:
        del self.shown[kind][uid]
        self.gone.append(uid)

    def behind(self, kind: str, count: int) -> None:
        if kind == "Tenant":
            self.behinds.append(count)

    def lagged(self, seconds: float) -> None:
        self.lags.append(seconds)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()
        await asyncio.sleep(0)


@pytest.fixture
def world() -> World:
    return World()


def watchdog(world: World, *informers: Informer) -> Watchdog:
    return Watchdog(world, world, informers, world, pace=Pace(lambda: world.now, world.sleep))


async def rounds(dog: Watchdog, count: int) -> list[str]:
    for _ in range(count):
        await dog.look_at(TENANTS)
    return dog.problems()


async def test_what_agrees_is_well_and_costs_no_waiting(world: World) -> None:
    world.there = {"a": "1", "b": "2"}
    world.show("a", "1")
    world.show("b", "2")
    assert await rounds(watchdog(world), 5) == []
    assert world.now == 1000


async def test_an_event_that_is_only_late_is_waited_for(world: World) -> None:
    world.there = {"a": "2"}
    world.show("a", "1")
    world.meanwhile = lambda: world.show("a", "2")
    assert await rounds(watchdog(world), 1) == []
    assert world.behinds[-1] == 0
    assert world.now == 1000 + GRACE_SECONDS


async def test_an_object_that_never_stops_changing_is_not_taken_for_dead(world: World) -> None:
    def change() -> None:
        version = int(world.there["a"])
        world.show("a", str(version + 1))
        world.there = {"a": str(version + 2)}

    world.there = {"a": "2"}
    world.show("a", "1")
    world.meanwhile = change
    assert await rounds(watchdog(world), ROUNDS + 2) == []


@pytest.mark.parametrize("shown", ["1", None])
async def test_an_object_the_watch_does_not_show_is_a_problem_after_three_rounds(
    world: World, shown: str | None
) -> None:
    world.there = {"a": "2"}
    if shown:
        world.show("a", shown)
    dog = watchdog(world)
    assert await rounds(dog, ROUNDS - 1) == []
    assert await rounds(dog, 1) == ["the watch on Tenant shows nothing of what happens"]
    assert world.behinds[-1] == 1


async def test_a_watch_that_comes_back_is_well_again(world: World) -> None:
    world.there = {"a": "2"}
    dog = watchdog(world)
    await rounds(dog, ROUNDS)
    world.show("a", "2")
    assert await rounds(dog, 1) == []


async def test_an_object_that_was_deleted_meanwhile_is_nobodys_fault(world: World) -> None:
    world.there = {"a": "2"}
    world.meanwhile = world.there.clear
    assert await rounds(watchdog(world), ROUNDS) == []


async def test_an_object_that_vanished_unseen_is_handed_in_as_deleted(world: World) -> None:
    world.show("a", "1")
    assert await rounds(watchdog(world), 1) == []
    assert world.gone == ["a"]


async def test_everything_has_come_in_when_all_that_is_listed_was_shown(world: World) -> None:
    world.there = {"a": "1", "b": "1"}
    world.show("a", "1")
    dog = watchdog(world)
    assert dog.unready() == ["Tenant: not listed yet", "Environment: not listed yet"]
    waiting = asyncio.get_running_loop().create_task(dog.until_complete())
    for _ in range(20):
        await asyncio.sleep(0)
    assert dog.unready()[0] == "Tenant: 1 of 2 not seen yet"
    world.show("b", "1")
    async with asyncio.timeout(5):
        await waiting
    assert dog.unready() == []


async def test_while_the_api_server_is_down_nothing_is_complete_and_the_reason_is_told(world: World) -> None:
    world.down = True
    dog = watchdog(world)
    waiting = asyncio.get_running_loop().create_task(dog.until_complete())
    for _ in range(20):
        await asyncio.sleep(0)
    assert dog.unready()[0] == "Tenant: The API server is down."
    assert dog.problems() == []
    world.down = False
    async with asyncio.timeout(5):
        await waiting


async def test_a_silent_informer_is_a_problem_unless_it_knows_why(world: World) -> None:
    async def nothing(*_: Any, **__: Any) -> AsyncIterator[Any]:
        yield

    class Nowhere:
        pages = watch = staticmethod(nothing)

    informer = Informer(Nowhere(), NAMESPACES, None, pace=Pace(lambda: world.now))  # type: ignore[arg-type]
    dog = watchdog(world, informer)
    assert "Namespace: not listed yet" in dog.unready()
    world.now += SILENCE_SECONDS + 1
    assert dog.problems() == ["the watch on namespaces is silent for 241 s"]
    informer.problem = "namespaces is forbidden"
    assert dog.problems() == []
    assert "Namespace: namespaces is forbidden" in dog.unready()


async def test_a_late_event_loop_is_measured(world: World) -> None:
    async def late(seconds: float) -> None:
        world.now += seconds + 0.25
        if len(world.lags) == 3:
            await asyncio.get_running_loop().create_future()

    dog = Watchdog(world, world, (), world, pace=Pace(lambda: world.now, late))
    measuring = asyncio.get_running_loop().create_task(dog.measure_lag())
    async with asyncio.timeout(5):
        while len(world.lags) < 3:
            await asyncio.sleep(0)
    measuring.cancel()
    await asyncio.gather(measuring, return_exceptions=True)
    assert world.lags == pytest.approx([0.25] * 3)
