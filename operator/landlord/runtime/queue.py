"""The work queue: each key at most once, at most one pass of it at a time, and none ever lost.

A key is in exactly one of these places, or in two while a pass of it runs:

    delayed --due--> ready --take--> running --done--> (gone, or ready again when it was added meanwhile)

Adding a key that waits already changes only *when* and *how urgently* it goes: the earliest time and the most
urgent lane win. Adding a key that is running causes exactly one more pass. So the depth is bounded by the number of
objects there are, however many events arrive.
"""

import asyncio
import heapq
import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final, Generic, Protocol

from landlord.runtime.lanes import Key, Lane, Lanes

FIRST_RETRY_SECONDS: Final = 1.0
LAST_RETRY_SECONDS: Final = 300.0
JITTER: Final = 0.2
BURST: Final = 20
BURST_SECONDS: Final = 20.0
REST_SECONDS: Final = 1.0
"""So many passes of one key in so many seconds mean that somebody undoes them: from then on each waits a rest."""


class Gauges(Protocol):
    """Who is told what the queue does; ``landlord.telemetry.metrics`` has one."""

    def added(self, lane: int) -> None:
        """A key became ready in this lane."""

    def waited(self, seconds: float) -> None:
        """A key was handed out this long after it had become ready."""

    def retried(self) -> None:
        """A key was put off with backoff after a failure."""


@dataclass(frozen=True, slots=True)
class _Later:
    due: float
    lane: Lane


class WorkQueue(Generic[Key]):
    """Keys of one kind waiting for their pass. Belongs to one event loop; only ``take`` waits, nothing else blocks."""

    def __init__(
        self,
        *,
        tenant_of: Callable[[Key], str],
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        gauges: Gauges | None = None,
        share: float = math.inf,
        owner_of: Callable[[str], str] = str,
    ) -> None:
        """At most ``share`` passes run at once for those tenants, or namespaces, that have the same owner."""
        self._clock = clock
        self._chance = chance
        self._gauges = gauges
        self._ready = Lanes(tenant_of)
        self._share = share
        self._owner_of = owner_of
        self._tenant_of = tenant_of
        self._owners: dict[Key, str] = {}
        self._busy: Counter[str] = Counter()
        self._since: dict[Key, float] = {}
        self._running: dict[Key, float] = {}
        self._again: dict[Key, Lane] = {}
        self._later: dict[Key, _Later] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._order = count()
        self._failures: dict[Key, int] = {}
        self._taken: dict[Key, deque[float]] = {}
        self._wake = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        """How many keys are ready now, running and delayed ones not counted."""
        return len(self._ready)

    def depth(self, lane: int) -> int:
        """How many keys are ready in one lane."""
        return self._ready.depth(Lane(lane))

    @property
    def delayed(self) -> int:
        """How many keys wait for their time."""
        return len(self._later)

    @property
    def running(self) -> int:
        """How many keys were taken and are not done."""
        return len(self._running)

    def longest_running(self) -> float:
        """Seconds since the oldest running pass was taken; 0 when none runs."""
        now = self._clock()
        return now - min(self._running.values(), default=now)

    def add(self, key: Key, lane: Lane = Lane.DRIFT, after: float | None = None) -> None:
        """Ask for a pass of ``key`` now, or ``after`` so many seconds. An earlier time already asked for stays."""
        if after is not None and after > 0:
            self._add_later(key, lane, self._clock() + after)
        else:
            self._add_now(key, lane)

    def retry(self, key: Key, lane: Lane = Lane.DRIFT) -> float:
        """Ask for a pass after a failure: 1 s doubled with each failure in a row, +-20 %, 300 s at most. The delay."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        backoff = min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 16), LAST_RETRY_SECONDS)
        delay = min(backoff * (1 - JITTER + 2 * JITTER * self._chance()), LAST_RETRY_SECONDS)
        if self._gauges:
            self._gauges.retried()
        self.add(key, lane, delay)
        return delay

    def forget(self, key: Key) -> None:
        """The failures in a row are over: the next ``retry`` starts at one second. Pending passes stay."""
        self._failures.pop(key, None)

    def drop(self, key: Key) -> None:
        """The object is gone: nothing of ``key`` stays but a pass that runs already."""
        self.forget(key)
        self._taken.pop(key, None)
        self._ready.discard(key)
        self._since.pop(key, None)
        self._later.pop(key, None)
        self._again.pop(key, None)

    def pop(self) -> Key | None:
        """The next key whose pass may start now, or None; the caller owes ``done`` for it."""
        self._ripen()
        key = self._ready.take(lambda tenant: self._busy[self._owner_of(tenant)] >= self._share)
        if key is None:
            return None
        now = self._clock()
        self._owners[key] = self._owner_of(self._tenant_of(key))
        self._busy[self._owners[key]] += 1
        self._running[key] = now
        self._taken.setdefault(key, deque(maxlen=BURST)).append(now)
        since = self._since.pop(key)
        if self._gauges:
            self._gauges.waited(now - since)
        return key

    def done(self, key: Key) -> None:
        """The pass of ``key`` is over; when it was added meanwhile it becomes ready again."""
        del self._running[key]
        self._give_back(self._owners.pop(key))
        lane = self._again.pop(key, None)
        if lane is not None:
            self._add_now(key, lane)

    def _give_back(self, owner: str) -> None:
        if self._busy[owner] >= self._share:
            self._wake.set()  # somebody may have been barred until now
        self._busy[owner] -= 1
        if not self._busy[owner]:
            del self._busy[owner]

    async def take(self) -> Key | None:
        """Wait for the next key; None once the queue is closed. The caller owes ``done`` for it."""
        while not self._closed:
            key = self.pop()
            if key is not None:
                return key
            self._wake.clear()
            await self._sleep_until_woken()
        return None

    def close(self) -> None:
        """Hand out nothing more; everybody who waits in ``take`` gets None."""
        self._closed = True
        self._wake.set()

    def keys(self) -> Iterator[Key]:
        """Every key that still waits or runs, in no order, each once."""
        yield from {**self._since, **self._running, **self._again, **self._later}

    def _add_now(self, key: Key, lane: Lane) -> None:
        later = self._later.pop(key, None)
        lane = min(lane, later.lane) if later else lane
        if key in self._running:
            self._again[key] = min(lane, self._again.get(key, lane))
            return
        if key not in self._ready and self._rests_until(key) > self._clock():
            self._add_later(key, lane, self._rests_until(key))
            return
        if key not in self._ready:
            self._since[key] = self._clock()
            if self._gauges:
                self._gauges.added(lane)
        self._ready.put(key, lane)
        self._wake.set()

    def _rests_until(self, key: Key) -> float:
        """When a key that has had a burst of passes may have the next; the past for any other."""
        taken = self._taken.get(key)
        if taken is None or len(taken) < BURST or self._clock() - taken[0] > BURST_SECONDS:
            return -math.inf
        return taken[-1] + REST_SECONDS

    def _add_later(self, key: Key, lane: Lane, due: float) -> None:
        if key in self._ready or key in self._again:
            return
        earlier = self._later.get(key)
        if earlier is not None and earlier.due <= due:
            self._later[key] = _Later(earlier.due, min(lane, earlier.lane))
            return
        self._later[key] = _Later(due, min(lane, earlier.lane) if earlier else lane)
        heapq.heappush(self._heap, (due, next(self._order), key))
        self._compact()
        self._wake.set()

    def _ripen(self) -> None:
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            later = self._later.get(key)
            if later is not None and later.due == due:
                self._add_now(key, later.lane)

    def _compact(self) -> None:
        """Drop what was overtaken, before it outgrows what counts."""
        if len(self._heap) > 64 + 2 * len(self._later):
            self._heap = [(later.due, next(self._order), key) for key, later in self._later.items()]
            heapq.heapify(self._heap)

    def _next_due(self) -> float | None:
        while self._heap:
            due, _, key = self._heap[0]
            later = self._later.get(key)
            if later is not None and later.due == due:
                return due
            heapq.heappop(self._heap)
        return None

    async def _sleep_until_woken(self) -> None:
        due = self._next_due()
        seconds = None if due is None else max(0.0, due - self._clock())
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
