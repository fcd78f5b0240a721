"""Slots for Helm are bounded, shared fairly between tenants, handed on at once, and never lost; and nobody waits."""

from collections import Counter
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.refs import Ref
from landlord.clients.helm.pool import Pool

TENANTS = ("red", "green", "blue", "grey")


def ticket(tenant: str, number: int = 0) -> Ref:
    """A release of the tenant."""
    return Ref("AppRelease", tenant, f"web-{number}")


class Play:
    """A pool, the releases that hold a slot, and those that stand in line, in the order in which they came."""

    def __init__(self, size: int) -> None:
        self.woken: list[Ref] = []
        self.pool = Pool(size, urgent=1, wake=self.woken.append)
        self.size, self.share = size, max(1, size // 4)
        self.waiting: list[Ref] = []
        self.holding: dict[Ref, ExitStack] = {}
        self.passed: Counter[tuple[str, str]] = Counter()
        self.number = 0

    def held(self, tenant: str) -> int:
        """How many slots a tenant has."""
        return sum(1 for ref in self.holding if ref.namespace == tenant)

    def come(self, tenant: str) -> None:
        """A release wants a slot; if it gets none it asks again for as long as it waits, to no avail."""
        self.number += 1
        ref = ticket(tenant, self.number)
        if not self._ask(ref):
            self.waiting.append(ref)
            assert not self._ask(ref)
        self._settle()

    def give_up(self, number: int) -> None:
        """A release wants it no more."""
        if self.waiting:
            self.pool.withdraw(self.waiting.pop(number % len(self.waiting)))
            self._settle()

    def go(self, number: int) -> None:
        """A release gives its slot back."""
        if self.holding:
            self.holding.pop(list(self.holding)[number % len(self.holding)]).close()
            self._settle()

    def end(self) -> None:
        """All go, and nothing is left."""
        while self.waiting or self.holding:
            self.go(0)
            self.give_up(0)
        assert (self.pool.running, self.pool.waiting) == (0, 0)

    def _ask(self, ref: Ref) -> bool:
        stack = ExitStack()
        is_free = stack.enter_context(self.pool.slot(ref, ref.namespace or ""))
        if is_free:
            self.holding[ref] = stack
        return is_free

    def _settle(self) -> None:
        """Whoever was woken asks again, and gets what is kept for him."""
        while self.woken:
            ref = self.woken.pop(0)
            assert self._ask(ref), "a slot is kept for whoever is woken"
            self._granted(ref)
        assert len(self.holding) == self.pool.running <= self.size
        assert len(self.waiting) == self.pool.waiting
        assert all(self.held(tenant) <= self.share for tenant in TENANTS)
        idle = len(self.holding) < self.size
        waiting = {ref.namespace or "" for ref in self.waiting}
        assert not [who for who in waiting if idle and self.held(who) < self.share], "a free slot is not kept"
        for pair in [pair for pair in self.passed if pair[0] not in waiting]:
            del self.passed[pair]

    def _granted(self, ref: Ref) -> None:
        tenant = ref.namespace or ""
        first = next(each for each in self.waiting if each.namespace == tenant)
        assert first == ref, "within a tenant, first come is first served"
        self.waiting.remove(ref)
        for other in {each.namespace or "" for each in self.waiting} - {tenant}:
            if self.held(other) < self.share:
                self.passed[other, tenant] += 1
                assert self.passed[other, tenant] <= 1, f"{tenant} was served twice while {other} waited"
        for pair in [pair for pair in self.passed if pair[0] == tenant]:
            del self.passed[pair]


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
    game = Play(size)
    for act, what in steps:
        getattr(game, act)(what)
    game.end()


@pytest.mark.parametrize(("size", "most"), [(1, 1), (4, 1), (8, 2), (16, 4)])
def test_a_tenant_holds_a_quarter_and_at_least_one(size: int, most: int) -> None:
    pool = Pool(size, wake=lambda _: None)
    with ExitStack() as stack:
        got = [stack.enter_context(pool.slot(ticket("red", number), "red")) for number in range(size * 2)]
        assert (sum(got), pool.running) == (most, most)


def test_what_is_urgent_waits_for_nothing_that_is_not() -> None:
    pool = Pool(1, urgent=1, wake=lambda _: None)
    with pool.slot(ticket("red", 1), "red") as is_free, pool.slot(ticket("red", 2), "red", urgent=True) as is_too:
        assert (is_free, is_too, pool.running) == (True, True, 2)


def test_a_slot_that_is_kept_for_one_who_wants_it_no_more_is_handed_on() -> None:
    woken: list[Ref] = []
    pool = Pool(1, wake=woken.append)
    with pool.slot(ticket("red"), "red"):
        for tenant in ("green", "blue"):
            with pool.slot(ticket(tenant), tenant) as is_free:
                assert not is_free
    assert woken == [ticket("green")]
    pool.withdraw(ticket("green"))
    assert woken == [ticket("green"), ticket("blue")]


def test_who_turns_to_what_is_urgent_leaves_the_other_line() -> None:
    pool = Pool(1, urgent=1, wake=lambda _: None)
    with pool.slot(ticket("red"), "red"):
        with pool.slot(ticket("blue"), "blue"):
            assert pool.waiting == 1
        with pool.slot(ticket("blue"), "blue", urgent=True) as is_free:
            assert (is_free, pool.waiting) == (True, 0)


def test_a_slot_goes_back_to_the_tenant_it_was_kept_for() -> None:
    """A namespace may be given to another Tenant between the wish and its turn."""
    pool = Pool(1, wake=lambda _: None)
    with pool.slot(ticket("red"), "red"), pool.slot(ticket("blue"), "old"):
        pass
    with pool.slot(ticket("blue"), "new") as is_free:
        assert is_free
    assert (pool.running, pool.waiting) == (0, 0)
