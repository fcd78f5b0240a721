"""How the process stops: in peace, at once, and when the Lease is lost."""

import asyncio
import contextlib
import os
import signal
from typing import Any

from landlord.runtime import exits, leader
from landlord.runtime.queue import WorkQueue
from landlord.runtime.stopping import Stop, drain, end_tasks


async def test_the_first_signal_asks_and_the_second_leaves() -> None:
    left: list[int] = []
    stop = Stop(left.append)
    stop.listen()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await stop.asked.wait()
        assert left == []
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            while not left:
                await asyncio.sleep(0.001)
        assert left == [exits.INTERRUPTED]
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)


async def test_draining_waits_for_what_runs() -> None:
    queue: WorkQueue[str] = WorkQueue(tenant_of=str)
    queue.add("a")
    finished: list[str] = []

    async def work() -> None:
        while (key := await queue.take()) is not None:
            await asyncio.sleep(0.02)
            finished.append(key)
            queue.done(key)

    task = asyncio.get_running_loop().create_task(work())
    await asyncio.sleep(0)
    assert await drain([queue], [task], lambda: 0, 5)
    assert finished == ["a"]


async def test_what_does_not_finish_in_time_is_cut_off() -> None:
    stuck: asyncio.Task[Any] = asyncio.get_running_loop().create_task(asyncio.Event().wait())
    assert not await drain([], [stuck], stuck.cancel, 0.01)
    assert stuck.cancelled()


class LostLease:
    """A lease that is lost as soon as it is held, or that fails by a bug."""

    def __init__(self, *, bug: bool = False, released: bool = False) -> None:
        self.lost = asyncio.Event()
        self._bug, self._released = bug, released

    async def hold(self) -> None:
        if self._bug:
            raise ZeroDivisionError
        if not self._released:
            self.lost.set()


async def leave_codes(lease: Any) -> tuple[list[int], bool]:
    left: list[int] = []
    passing: asyncio.Task[Any] = asyncio.get_running_loop().create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    await leader.keep(lease, passing.cancel, left.append)
    cancelled = passing.cancelled()
    passing.cancel()
    await asyncio.gather(passing, return_exceptions=True)
    return left, cancelled


async def test_losing_the_lease_cancels_the_passes_and_leaves() -> None:
    assert await leave_codes(LostLease()) == ([exits.LEASE_LOST], True)


async def test_a_bug_in_holding_the_lease_is_a_loss() -> None:
    assert await leave_codes(LostLease(bug=True)) == ([exits.LEASE_LOST], True)


async def test_giving_the_lease_back_is_no_loss() -> None:
    assert await leave_codes(LostLease(released=True)) == ([], False)


async def stubborn(woken: asyncio.Event) -> None:
    while not woken.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await woken.wait()


async def test_a_task_that_will_not_end_does_not_keep_the_process() -> None:
    left: list[int] = []
    woken = asyncio.Event()
    task = asyncio.get_running_loop().create_task(stubborn(woken))
    await asyncio.sleep(0)
    await end_tasks(exits.CLEAN, left.append, seconds=0.05)
    woken.set()
    await task
    assert left == [exits.CLEAN]


async def test_tasks_that_end_when_cancelled_let_the_process_end_by_itself() -> None:
    left: list[int] = []
    waiting = asyncio.get_running_loop().create_task(asyncio.Event().wait())
    await end_tasks(exits.CLEAN, left.append, seconds=5)
    assert waiting.cancelled()
    assert left == []
