"""Informers against a scripted API server: what they tell their sink, and what they survive."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from landlord.api.failures import Busy, Forbidden, Gone, LandlordFailure, Transient
from landlord.api.refs import NAMESPACES, Resource
from landlord.clients.cluster import Page
from landlord.runtime.informer import Informer
from landlord.runtime.pace import Pace

Object = dict[str, Any]
Step = list[Any] | LandlordFailure | Exception


def thing(name: str, version: int) -> Object:
    return {"metadata": {"name": name, "uid": name, "resourceVersion": str(version)}}


def event(kind: str, name: str, version: int) -> Object:
    return {"type": kind, "object": thing(name, version)}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Server:
    """Plays a script; each step is ("list", pages or failure) or ("watch", events or failure). Then it is silent."""

    clock: Clock
    script: deque[tuple[str, Step]]
    asked: list[str] = field(default_factory=list)
    namespaces: set[str | None] = field(default_factory=set)
    silent: asyncio.Event = field(default_factory=asyncio.Event)

    async def pages(
        self, resource: Resource, namespace: str | None = None, *, selector: str = ""
    ) -> AsyncIterator[Page]:
        self.asked.append(f"list {selector}".strip())
        self.namespaces.add(namespace)
        for page in await self._step("list"):
            if isinstance(page, Exception):
                raise page
            yield page

    async def watch(
        self,
        resource: Resource,
        resource_version: str,
        namespace: str | None = None,
        *,
        selector: str = "",
        seconds: int = 300,
    ) -> AsyncIterator[Object]:
        self.asked.append(f"watch {resource_version}")
        self.namespaces.add(namespace)
        for event in await self._step("watch"):
            self.clock.now += 1
            if isinstance(event, Exception):
                raise event
            yield event

    async def _step(self, kind: str) -> list[Any]:
        if not self.script:
            self.silent.set()
            await asyncio.get_running_loop().create_future()
        expected, step = self.script.popleft()
        assert expected == kind, f"asked to {kind}, but the script has {expected}"
        if isinstance(step, Exception):
            raise step
        return step


@dataclass
class Memory:
    """A sink that keeps resourceVersions by name and can be told to fail."""

    known: dict[str, str] = field(default_factory=dict)
    fail_once: bool = False

    async def replace(self, objects: AsyncIterator[Object]) -> None:
        fresh = {obj["metadata"]["name"]: obj["metadata"]["resourceVersion"] async for obj in objects}
        self.known = fresh

    def upsert(self, obj: Object) -> None:
        if self.fail_once:
            self.fail_once = False
            raise RuntimeError("a bug")
        self.known[obj["metadata"]["name"]] = obj["metadata"]["resourceVersion"]

    def remove(self, obj: Object) -> None:
        del self.known[obj["metadata"]["name"]]


@dataclass
class Counter:
    causes: list[str] = field(default_factory=list)
    signs: int = 0

    def heard(self) -> None:
        self.signs += 1

    def restarted(self, cause: str) -> None:
        self.causes.append(cause)


@dataclass
class Play:
    informer: Informer
    server: Server
    memory: Memory
    counter: Counter
    pauses: list[float]


async def play(*script: tuple[str, Step], memory: Memory | None = None, selector: str = "") -> Play:
    """Run the script to its end, with pauses taking no time."""
    clock, pauses, counter, sink = Clock(), list[float](), Counter(), memory or Memory()
    server = Server(clock, deque(script))

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        clock.now += seconds

    informer = Informer(
        server,
        NAMESPACES,
        sink,
        selector=selector,
        listener=counter,
        pace=Pace(clock, pause),
    )
    task = asyncio.get_running_loop().create_task(informer.run())
    async with asyncio.timeout(5):
        await server.silent.wait()
    assert not task.done(), "an informer never ends by itself"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return Play(informer, server, sink, counter, pauses)


LISTED = ("list", [Page((thing("a", 1), thing("b", 2)), "10"), Page((thing("c", 3),), "10")])


async def test_all_pages_reach_the_sink_and_the_watch_starts_where_the_list_ended() -> None:
    done = await play(LISTED, selector="x=y")
    assert done.memory.known == {"a": "1", "b": "2", "c": "3"}
    assert done.server.asked == ["list x=y", "watch 10"]
    assert done.informer.synced.is_set()


async def test_events_reach_the_sink_and_bookmarks_move_the_place_to_go_on() -> None:
    events = [event("ADDED", "d", 11), event("MODIFIED", "a", 12), event("DELETED", "b", 13), event("BOOKMARK", "", 20)]
    done = await play(LISTED, ("watch", events))
    assert done.memory.known == {"a": "12", "c": "3", "d": "11"}
    assert done.server.asked[-1] == "watch 20"
    assert done.pauses == []


async def test_a_broken_watch_is_taken_up_where_it_was() -> None:
    done = await play(LISTED, ("watch", [event("ADDED", "d", 11), Transient("lost")]))
    assert done.server.asked == ["list", "watch 10", "watch 11"]
    assert done.counter.causes == ["broken"]


@pytest.mark.parametrize("step", [Gone("too old"), [Gone("too old")]])
async def test_a_forgotten_version_means_a_new_list_that_drops_what_vanished(step: Step) -> None:
    done = await play(LISTED, ("watch", step), ("list", [Page((thing("a", 21),), "30")]))
    assert done.memory.known == {"a": "21"}
    assert done.server.asked[-1] == "watch 30"


async def test_a_list_that_breaks_half_way_drops_nothing() -> None:
    broken = [Page((thing("a", 21),), "30"), Gone("the continue token is too old")]
    done = await play(LISTED, ("watch", Gone("old")), ("list", broken), ("list", [Page((thing("b", 2),), "31")]))
    assert done.memory.known == {"b": "2"}
    only_broken = await play(LISTED, ("watch", Gone("old")), ("list", broken))
    assert only_broken.memory.known == {"a": "1", "b": "2", "c": "3"}


async def test_429_waits_at_least_as_long_as_it_was_told() -> None:
    done = await play(("list", Busy("slow down", timedelta(seconds=7))), LISTED)
    assert 7 <= done.pauses[0] < 8


async def test_pauses_grow_and_are_bounded_and_end_with_the_trouble() -> None:
    troubles: list[tuple[str, Step]] = [("list", Transient("down"))] * 12
    done = await play(*troubles, LISTED, ("watch", [event("ADDED", "d", 11), Transient("lost")]))
    assert 0.25 <= done.pauses[0] <= 0.5
    assert 15 <= done.pauses[11] <= 30
    assert done.pauses[12] <= 0.5


async def test_a_missing_right_is_a_problem_until_it_is_granted() -> None:
    missing = Forbidden('namespaces is forbidden: User "landlord" cannot list resource')
    lacking = await play(("list", missing))
    assert lacking.informer.problem == missing.why
    assert not lacking.informer.synced.is_set()
    granted = await play(("list", missing), LISTED)
    assert granted.informer.problem is None
    assert granted.informer.synced.is_set()


async def test_one_stumble_is_no_problem_but_two_are() -> None:
    once = await play(LISTED, ("watch", Transient("lost")))
    assert once.informer.problem is None
    twice = await play(LISTED, ("watch", Transient("lost")), ("watch", Transient("lost")))
    assert twice.informer.problem == "lost"


async def test_a_bug_in_the_sink_is_survived_by_a_new_list() -> None:
    memory = Memory(fail_once=True)
    done = await play(LISTED, ("watch", [event("ADDED", "d", 11)]), LISTED, memory=memory)
    assert done.server.asked == ["list", "watch 10", "list", "watch 10"]
    assert done.counter.causes == ["bug"]


async def test_a_watch_that_ends_at_once_is_not_asked_for_in_a_tight_loop() -> None:
    done = await play(LISTED, ("watch", []), ("watch", []))
    assert len(done.pauses) == 2


async def test_everything_is_listed_again_after_the_resync_time() -> None:
    clock = Clock()
    server = Server(clock, deque([LISTED, ("watch", [event("BOOKMARK", "", 20)]), LISTED]))
    informer = Informer(server, NAMESPACES, Memory(), pace=Pace(clock), resync=timedelta(seconds=0.5))
    task = asyncio.get_running_loop().create_task(informer.run())
    async with asyncio.timeout(5):
        await server.silent.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert server.asked == ["list", "watch 10", "list", "watch 10"]


async def test_silence_is_measured_from_the_last_sign() -> None:
    done = await play(LISTED, ("watch", [event("BOOKMARK", "", 20)]))
    done.informer._clock.now += 42  # type: ignore[attr-defined]
    assert done.informer.silent_seconds == 42
    assert done.counter.signs == 4
