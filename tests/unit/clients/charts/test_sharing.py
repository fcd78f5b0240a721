"""One at a time, and what was read a moment ago."""

import asyncio

import pytest

from landlord.api.failures import Transient
from landlord.clients.charts.flights import Flights
from landlord.clients.charts.indexes import Indexes
from landlord.clients.charts.outline import Entry, Listing


async def test_holders_of_one_name_wait_for_each_other_and_leave_nothing() -> None:
    flights, inside, most = Flights(), 0, 0

    async def visit(name: str) -> None:
        nonlocal inside, most
        async with flights.turn(name):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(visit("one") for _ in range(10)))
    assert most == 1
    await asyncio.gather(*(visit(str(number)) for number in range(10)))
    assert most > 1
    assert len(flights) == 0


async def test_a_name_may_have_several_turns_and_no_more() -> None:
    flights, inside, most = Flights(3), 0, 0

    async def visit() -> None:
        nonlocal inside, most
        async with flights.turn("one"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(visit() for _ in range(20)))
    assert most == 3
    assert len(flights) == 0


async def test_who_is_cancelled_or_fails_lets_the_next_one_in() -> None:
    flights, release = Flights(), asyncio.Event()

    async def hold() -> None:
        async with flights.turn("one"):
            await release.wait()

    held, waiting = asyncio.create_task(hold()), asyncio.create_task(hold())
    await asyncio.sleep(0)
    for task in (waiting, held):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    with pytest.raises(Transient):
        async with flights.turn("one"):
            raise Transient("x")
    async with asyncio.timeout(5), flights.turn("one"):
        assert len(flights) == 1
    assert len(flights) == 0


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Gives a new listing each time, or fails."""

    def __init__(self, size: int = 1) -> None:
        self.loads = 0
        self.size = size
        self.fails = False

    async def __call__(self) -> Listing:
        await asyncio.sleep(0)
        if self.fails:
            raise Transient("down")
        self.loads += 1
        return Listing((Entry(f"{self.loads}.0.0", "", ""),) * self.size)


async def test_a_listing_is_read_once_for_a_while_and_anew_on_demand() -> None:
    clock, source = Clock(), Source()
    indexes = Indexes(300, clock)
    await asyncio.gather(*(indexes.read("a", source, fresh=False) for _ in range(5)))
    assert source.loads == 1
    await indexes.read("a", source, fresh=True)
    assert source.loads == 1
    clock.now += 11
    assert (await indexes.read("a", source, fresh=True)).entries[0].version == "2.0.0"
    clock.now += 299
    assert (await indexes.read("a", source, fresh=False)).entries[0].version == "2.0.0"
    clock.now += 2
    assert (await indexes.read("a", source, fresh=False)).entries[0].version == "3.0.0"


async def test_listings_are_apart_by_key_and_forgotten_on_demand() -> None:
    source = Source()
    indexes = Indexes(300, Clock())
    await indexes.read("a", source, fresh=False)
    await indexes.read("b", source, fresh=False)
    indexes.forget("a")
    await indexes.read("a", source, fresh=False)
    await indexes.read("b", source, fresh=False)
    assert source.loads == 3


async def test_a_failure_is_not_kept() -> None:
    source = Source()
    indexes = Indexes(300, Clock())
    source.fails = True
    with pytest.raises(Transient):
        await indexes.read("a", source, fresh=False)
    source.fails = False
    assert await indexes.read("a", source, fresh=False)


async def test_listings_are_bounded() -> None:
    source = Source()
    indexes = Indexes(300, Clock())
    for number in range(300):
        await indexes.read(str(number), source, fresh=False)
    await indexes.read("299", source, fresh=False)
    assert source.loads == 300
    await indexes.read("0", source, fresh=False)
    assert source.loads == 301


async def test_large_listings_push_others_out_sooner() -> None:
    source = Source(size=9000)
    indexes = Indexes(300, Clock())
    for number in range(3):
        await indexes.read(str(number), source, fresh=False)
    for number in (2, 1):
        await indexes.read(str(number), source, fresh=False)
    assert source.loads == 3
    await indexes.read("0", source, fresh=False)
    assert source.loads == 4
