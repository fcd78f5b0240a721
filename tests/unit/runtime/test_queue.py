"""The work queue: what it promises, by example and by machine."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from landlord.runtime.lanes import PATIENCE, Lane, Lanes
from landlord.runtime.queue import WorkQueue


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Recorder:
    adds: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    retries: int = 0

    def added(self, lane: int) -> None:
        self.adds.append(lane)

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def retried(self) -> None:
        self.retries += 1


def tenant_of(key: str) -> str:
    return key.split("/", maxsplit=1)[0]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue[str]:
    return WorkQueue(tenant_of=tenant_of, clock=clock, chance=lambda: 0.5)


def test_a_key_added_often_is_handed_out_once(queue: WorkQueue[str]) -> None:
    for _ in range(5):
        queue.add("a")
    assert [queue.pop(), queue.pop()] == ["a", None]


def test_a_change_during_a_pass_causes_exactly_one_more(queue: WorkQueue[str]) -> None:
    queue.add("a")
    assert queue.pop() == "a"
    queue.add("a")
    queue.add("a")
    assert queue.pop() is None
    queue.done("a")
    assert queue.pop() == "a"
    queue.done("a")
    assert queue.pop() is None


def test_the_more_urgent_lane_goes_first_and_wins_for_a_waiting_key(queue: WorkQueue[str]) -> None:
    queue.add("slow", Lane.RESYNC)
    queue.add("late", Lane.RESYNC)
    queue.add("drift", Lane.DRIFT)
    queue.add("late", Lane.URGENT)
    queue.add("late", Lane.RESYNC)
    assert [queue.pop() for _ in range(3)] == ["late", "drift", "slow"]


def test_a_delay_is_waited_for_and_the_earliest_wins(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a", after=10)
    queue.add("a", after=3)
    queue.add("a", after=7)
    clock.now += 2.9
    assert queue.pop() is None
    clock.now += 0.2
    assert queue.pop() == "a"
    queue.done("a")
    clock.now += 60
    assert queue.pop() is None


def test_an_immediate_add_overtakes_a_delay_with_the_more_urgent_lane_of_both(queue: WorkQueue[str]) -> None:
    queue.add("b", Lane.DRIFT)
    queue.add("a", Lane.URGENT, after=10)
    queue.add("a", Lane.RESYNC)
    assert [queue.pop(), queue.pop()] == ["a", "b"]
    assert queue.delayed == 0


def test_a_delay_that_ends_during_a_pass_causes_one_more(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    assert queue.pop() == "a"
    queue.add("a", after=1)
    clock.now += 2
    assert queue.pop() is None
    queue.done("a")
    assert queue.pop() == "a"


def test_retries_double_up_to_five_minutes_and_start_again_after_forget(queue: WorkQueue[str]) -> None:
    delays = [queue.retry("a") for _ in range(12)]
    assert delays[:4] == [1, 2, 4, 8]
    assert delays[-1] == 300
    queue.forget("a")
    assert queue.retry("a") == 1


@pytest.mark.parametrize(("chance", "delay"), [(0.0, 0.8), (1.0, 1.2)])
def test_retries_are_spread_by_a_fifth_either_way(clock: Clock, chance: float, delay: float) -> None:
    queue: WorkQueue[str] = WorkQueue(tenant_of=tenant_of, clock=clock, chance=lambda: chance)
    assert queue.retry("a") == pytest.approx(delay)


def test_a_dropped_key_leaves_nothing_behind(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    queue.add("b", after=1)
    queue.drop("a")
    queue.drop("b")
    clock.now += 10
    assert queue.pop() is None
    assert list(queue.keys()) == []


def test_tenants_take_turns_however_many_keys_one_of_them_has(queue: WorkQueue[str]) -> None:
    for number in range(4):
        queue.add(f"loud/{number}")
    queue.add("quiet/0")
    assert [queue.pop() for _ in range(3)] == ["loud/0", "quiet/0", "loud/1"]


def test_an_owner_has_no_more_passes_at_once_than_his_share_in_all_his_namespaces_together(clock: Clock) -> None:
    queue = WorkQueue[str](
        tenant_of=lambda key: key[:2], clock=clock, share=2, owner_of=lambda namespace: namespace[:1]
    )
    for key in ("r1-a", "r1-b", "r2-c", "r2-d", "b1-e"):
        queue.add(key)
    taken = [queue.pop() for _ in range(3)]
    assert sorted(str(key)[:1] for key in taken) == ["b", "r", "r"]
    assert (queue.pop(), len(queue)) == (None, 2)
    queue.done("b1-e")
    assert queue.pop() is None
    queue.done(next(str(key) for key in taken if str(key)[:1] == "r"))
    assert (queue.pop() or "")[:1] == "r"
    assert queue.pop() is None


def test_a_lane_whose_keys_must_all_wait_holds_up_no_other_lane(clock: Clock) -> None:
    queue = WorkQueue[str](tenant_of=lambda key: key[:1], clock=clock, share=1)
    for key in ("r1", "r2"):
        queue.add(key, Lane.URGENT)
    queue.add("b1", Lane.RESYNC)
    assert [queue.pop(), queue.pop(), queue.pop()] == ["r1", "b1", None]


async def test_who_is_barred_is_handed_out_as_soon_as_the_share_allows(clock: Clock) -> None:
    queue = WorkQueue[str](tenant_of=lambda key: key[:1], clock=clock, share=1)
    queue.add("r1")
    queue.add("r2")
    assert queue.pop() == "r1"
    taker = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    queue.done("r1")
    assert await asyncio.wait_for(taker, 5) == "r2"


def test_the_oldest_pass_and_the_depths_are_told(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a", Lane.URGENT)
    queue.add("b", Lane.RESYNC)
    queue.pop()
    clock.now += 5
    assert (queue.running, queue.longest_running(), len(queue), queue.depth(Lane.RESYNC)) == (1, 5, 1, 1)


def test_gauges_hear_of_adds_waits_and_retries(clock: Clock) -> None:
    recorder = Recorder()
    queue: WorkQueue[str] = WorkQueue(tenant_of=tenant_of, clock=clock, gauges=recorder)
    queue.add("a", Lane.URGENT)
    queue.add("a", Lane.URGENT)
    clock.now += 2
    queue.pop()
    queue.retry("a")
    assert (recorder.adds, recorder.waits, recorder.retries) == ([0], [2.0], 1)


def test_overtaken_delays_do_not_pile_up(queue: WorkQueue[str], clock: Clock) -> None:
    for _ in range(10_000):
        clock.now += 2
        queue.add("a", after=600)
        queue.add("a")
        queue.pop()
        queue.done("a")
    assert len(queue._heap) < 100


def test_a_key_whose_passes_are_undone_at_once_goes_on_once_a_second(queue: WorkQueue[str], clock: Clock) -> None:
    passes = 0
    for _ in range(1000):
        clock.now += 0.1
        queue.add("a", Lane.URGENT)
        if queue.pop():
            queue.done("a")
            passes += 1
    assert 100 <= passes <= 140


def test_a_key_that_rested_and_calmed_down_goes_at_once_again(queue: WorkQueue[str], clock: Clock) -> None:
    for _ in range(25):
        queue.add("a")
        if queue.pop():
            queue.done("a")
    clock.now += 60
    assert queue.pop() == "a"
    queue.done("a")
    queue.add("a")
    assert queue.pop() == "a"


async def test_take_waits_for_an_add_and_every_key_goes_to_one_taker(clock: Clock) -> None:
    queue: WorkQueue[str] = WorkQueue(tenant_of=tenant_of)
    takers = [asyncio.create_task(queue.take()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("b", after=0.01)
    done, _ = await asyncio.wait(takers, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert {task.result() for task in done} == {"a"}
    while len([task for task in takers if task.done()]) < 2:
        await asyncio.wait([task for task in takers if not task.done()], timeout=5, return_when="FIRST_COMPLETED")
    queue.close()
    assert sorted([str(await task) for task in takers]) == ["None", "a", "b"]


class QueueMachine(RuleBasedStateMachine):
    """Adds, passes and time in any order, beside a model that knows only what was promised."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue: WorkQueue[str] = WorkQueue(tenant_of=tenant_of, clock=self.clock, chance=lambda: 0.5)
        self.promised: dict[str, float] = {}
        """By when each key may be taken at the latest; what is absent was not asked for."""
        self.running: set[str] = set()

    keys = st.sampled_from([f"{tenant}/{name}" for tenant in "tuv" for name in "ab"])
    lanes = st.sampled_from(list(Lane))

    @rule(key=keys, lane=lanes)
    def add_now(self, key: str, lane: Lane) -> None:
        self.queue.add(key, lane)
        self.promised[key] = self.clock.now

    @rule(key=keys, lane=lanes, after=st.integers(1, 50))
    def add_later(self, key: str, lane: Lane, after: int) -> None:
        self.queue.add(key, lane, after)
        self.promised[key] = min(self.promised.get(key, float("inf")), self.clock.now + after)

    @rule(key=keys, lane=lanes)
    def retry(self, key: str, lane: Lane) -> None:
        delay = self.queue.retry(key, lane)
        self.promised[key] = min(self.promised.get(key, float("inf")), self.clock.now + delay)

    @rule(key=keys)
    def forget(self, key: str) -> None:
        self.queue.forget(key)

    @rule(key=keys)
    def drop(self, key: str) -> None:
        self.queue.drop(key)
        self.promised.pop(key, None)

    @rule(seconds=st.integers(0, 20))
    def pass_time(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def start(self) -> None:
        key = self.queue.pop()
        if key is None:
            late = {key for key, due in self.promised.items() if due <= self.clock.now and key not in self.running}
            assert not late, f"lost or held back: {late}"
            return
        assert key not in self.running, "two passes of one key at once"
        assert self.promised.pop(key) <= self.clock.now, "before its time, or never asked for"
        self.running.add(key)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.queue.done(key)
        self.running.remove(key)

    @invariant()
    def nothing_is_kept_that_nobody_asked_for(self) -> None:
        assert set(self.queue.keys()) == set(self.promised) | self.running
        assert self.queue.running == len(self.running)


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)


class LanesMachine(RuleBasedStateMachine):
    """However the urgent lanes are fed, the head of a lane is taken after a bounded number of turns."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: Lanes[str] = Lanes(tenant_of)
        self.lane_of: dict[str, Lane] = {}
        self.waits = dict.fromkeys(Lane, 0)
        self.turns: dict[str, list[str]] = {}

    @rule(tenant=st.sampled_from("tuv"), name=st.integers(0, 5), lane=st.sampled_from(list(Lane)))
    def put(self, tenant: str, name: int, lane: Lane) -> None:
        key = f"{tenant}/{name}"
        self.lanes.put(key, lane)
        self.lane_of[key] = min(lane, self.lane_of.get(key, lane))

    @precondition(lambda self: self.lane_of)
    @rule()
    def take(self) -> None:
        key = self.lanes.take()
        assert key is not None
        taken = self.lane_of.pop(key)
        waiting = set(self.lane_of.values())
        for lane in Lane:
            self.waits[lane] = self.waits[lane] + 1 if lane in waiting and lane != taken else 0
        assert self.waits[Lane.DRIFT] <= PATIENCE[Lane.DRIFT] + 1
        assert self.waits[Lane.RESYNC] <= PATIENCE[Lane.RESYNC]
        assert self.waits[Lane.URGENT] <= 2

    @invariant()
    def depths_agree_with_the_model(self) -> None:
        assert len(self.lanes) == len(self.lane_of)
        for lane in Lane:
            assert self.lanes.depth(lane) == list(self.lane_of.values()).count(lane)


TestLanesMachine = LanesMachine.TestCase
TestLanesMachine.settings = settings(max_examples=200, stateful_step_count=80, deadline=None)


@pytest.mark.parametrize("lane", list(Lane))
def test_a_tenant_waits_no_longer_than_one_turn_of_every_other_tenant(lane: Lane) -> None:
    lanes: Lanes[str] = Lanes(tenant_of)
    for tenant in range(10):
        for number in range(20):
            lanes.put(f"t{tenant}/{number}", lane)
    taken = [tenant_of(lanes.take() or "") for _ in range(200)]
    for turn in range(20):
        assert len(set(taken[turn * 10 : turn * 10 + 10])) == 10
