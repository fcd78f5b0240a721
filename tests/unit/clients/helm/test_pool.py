"""Slots for Helm are bounded, shared fairly between tenants, handed on at once, and never lost."""

import asyncio
from collections import Counter
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.clients.helm.pool import Pool

TENANTS = ("red", "green", "blue", "grey")


class Play:
    """A pool, those who hold a slot, and those who wait, in the order in which they came."""

    def __init__(self, size: int) -> None:
        self.pool = Pool(size, urgent=1)
        self.size, self.share = size, max(1, size // 4)
        self.waiting: list[tuple[str, asyncio.Task[None]]] = []
        self.holding: list[tuple[str, AbstractAsyncContextManager[None]]] = []
        self.passed: Counter[tuple[str, str]] = Counter()

    def held(self, tenant: str) -> int:
        """How many slots a tenant has."""
        return sum(1 for who, _ in self.holding if who == tenant)

    async def come(self, tenant: str) -> None:
        """Somebody wants a slot."""
        slot = self.pool.slot(tenant)

        async def _enter() -> None:
            await slot.__aenter__()
            self._granted(tenant, slot)

        self.waiting.append((tenant, asyncio.create_task(_enter())))
        await self._settle()

    async def give_up(self, number: int) -> None:
        """Somebody waits no more."""
        if self.waiting:
            _, task = self.waiting.pop(number % len(self.waiting))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._settle()

    async def go(self, number: int) -> None:
        """Somebody gives a slot back."""
        if self.holding:
            _, slot = self.holding.pop(number % len(self.holding))
            await slot.__aexit__(None, None, None)
            await self._settle()

    def _granted(self, tenant: str, slot: AbstractAsyncContextManager[None]) -> None:
        first = next(task for who, task in self.waiting if who == tenant)
        assert first is asyncio.current_task(), "within a tenant, first come is first served"
        self.waiting.remove((tenant, first))
        for other in {who for who, _ in self.waiting} - {tenant}:
            if self.held(other) < self.share:
                self.passed[other, tenant] += 1
                assert self.passed[other, tenant] <= 1, f"{tenant} was served twice while {other} waited"
        for pair in [pair for pair in self.passed if pair[0] == tenant]:
            del self.passed[pair]
        self.holding.append((tenant, slot))

    async def _settle(self) -> None:
        for _ in range(6):
            await asyncio.sleep(0)
        assert len(self.holding) == self.pool.running <= self.size
        assert len(self.waiting) == self.pool.waiting
        assert all(self.held(tenant) <= self.share for tenant in TENANTS)
        idle = len(self.holding) < self.size
        assert not [who for who, _ in self.waiting if idle and self.held(who) < self.share], "a free slot is not kept"
        for pair in [pair for pair in self.passed if pair[0] not in {who for who, _ in self.waiting}]:
            del self.passed[pair]

    async def end(self) -> None:
        """All go, and nothing is left."""
        while self.waiting or self.holding:
            await self.go(0)
            await self.give_up(0)
        assert (self.pool.running, self.pool.waiting) == (0, 0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.sampled_from(TENANTS)),
        st.tuples(st.just("go"), st.integers(0, 50)),
        st.tuples(st.just("give_up"), st.integers(0, 50)),
    ),
    max_size=60,
)


@given(size=st.integers(1, 12), steps=STEPS)
def test_slots_are_bounded_fair_and_never_idle(size: int, steps: list[tuple[str, str | int]]) -> None:
    async def play() -> None:
        game = Play(size)
        for act, what in steps:
            await getattr(game, act)(what)
        await game.end()

    asyncio.run(play())


@pytest.mark.parametrize(("size", "most"), [(1, 1), (4, 1), (8, 2), (16, 4)])
async def test_a_tenant_holds_a_quarter_and_at_least_one(size: int, most: int) -> None:
    pool = Pool(size)
    tasks = [asyncio.create_task(_hold(pool, "red")) for _ in range(size * 2)]
    await asyncio.sleep(0)

    assert pool.running == most

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (pool.running, pool.waiting) == (0, 0)


async def test_what_is_urgent_waits_for_nothing_that_is_not() -> None:
    pool = Pool(1, urgent=1)
    async with pool.slot("red"), asyncio.timeout(5), pool.slot("red", urgent=True):
        assert pool.running == 2


async def test_a_slot_granted_to_one_who_left_is_handed_on() -> None:
    pool = Pool(1)
    async with pool.slot("red"):
        gone, next_one = asyncio.create_task(_hold(pool, "green")), asyncio.create_task(_take(pool, "blue"))
        await asyncio.sleep(0)
    gone.cancel()

    await asyncio.wait_for(next_one, 5)

    assert pool.running == 0


async def _hold(pool: Pool, tenant: str) -> None:
    async with pool.slot(tenant):
        await asyncio.Event().wait()


async def _take(pool: Pool, tenant: str) -> None:
    async with pool.slot(tenant):
        pass
