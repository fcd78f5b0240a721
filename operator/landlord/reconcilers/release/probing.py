"""Looks at the health checks of all releases that are being verified, each at its time, by one scheduler.

A check that waits for its next look is an entry in a heap and nothing else: 1,000 releases may bake at once. Looks in
flight are bounded, in all and for each namespace, so that nobody's slow Service keeps the others waiting.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

from landlord.api.checks import HealthCheck
from landlord.api.refs import Ref
from landlord.api.releases import Outcome, Sample
from landlord.clients.probes.looks import Look, Probe, Target
from landlord.reconcilers.release.looks import Written, kind_of, named, prepare, rhythm
from landlord.reconcilers.release.series import Series

Observer = Callable[[Ref, str, Sample, float], None]
"""Called after each look with release, kind of check (``http``, ``promql``, ``cel``), sample and seconds."""

_LOG: Final = logging.getLogger(__name__)
_PAUSE_WHEN_CROWDED: Final = 0.5
_FEW: Final = 1000


@dataclass(eq=False, slots=True)
class _Entry:
    """One check of one release. ``is_wanted`` ends when the release is forgotten; the heap drops it later."""

    ref: Ref
    look: Look
    target: Target
    interval: float
    series: Series
    is_wanted: bool = True


@dataclass(frozen=True, slots=True)
class _Watched:
    attempt: str
    checks: tuple[HealthCheck, ...]
    target: Target
    entries: Mapping[str, _Entry]


@dataclass(slots=True)
class _Heap:
    """Entries by the time they are due."""

    items: list[tuple[float, int, _Entry]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)
    dropped: int = 0

    def push(self, due: float, entry: _Entry) -> None:
        """Put in an entry."""
        heappush(self.items, (due, next(self.order), entry))

    def sweep(self) -> None:
        """Make room once most entries are unwanted: they may be due in a day only."""
        self.dropped += 1
        if self.dropped > _FEW and self.dropped > len(self.items) // 2:
            self.items = [item for item in self.items if item[2].is_wanted]
            heapify(self.items)
            self.dropped = 0


class Prober:
    """Samples of every watched release. Run ``run`` in one task; everything else may be called at any time.

    :param on_sample: called when a sample may change a verdict: anything but one more pass after a pass.
    :param parallel: looks in flight in all; one namespace may have a quarter of them.
    """

    def __init__(
        self,
        *,
        http: Probe,
        promql: Probe,
        cel: Probe,
        on_sample: Callable[[Ref], None],
        now: Callable[[], datetime],
        observe: Observer = lambda _ref, _kind, _sample, _seconds: None,
        parallel: int = 64,
        label: str = "namespace",
    ) -> None:
        self._probes: Mapping[str, Probe] = {"http": http, "promql": promql, "cel": cel}
        self._on_sample, self._now, self._observe, self._label = on_sample, now, observe, label
        self._slots = asyncio.Semaphore(parallel)
        self._share = max(1, parallel // 4)
        self._looking: Counter[str] = Counter()
        self._watched: dict[Ref, _Watched] = {}
        self._heap = _Heap()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Look at what is due until cancelled; looks in flight end with it."""
        async with asyncio.TaskGroup() as looks:
            while True:
                entry = await self._next()
                if self._looking[entry.target.namespace] >= self._share:
                    self._heap.push(self._time() + _PAUSE_WHEN_CROWDED, entry)
                    continue
                await self._slots.acquire()
                self._looking[entry.target.namespace] += 1
                looks.create_task(self._turn(entry))

    async def admit(
        self, checks: Sequence[HealthCheck], target: Target, places: Mapping[str, Written] | None = None
    ) -> None:
        """Raise ``SpecFault`` for the first check that can never be carried out; ``places`` say where each stands."""
        for check in checks:
            with named(check, (places or {}).get(check.name)):
                await self._probes[kind_of(check)].admit(prepare(check, target, label=self._label), target)

    def watch(
        self,
        ref: Ref,
        attempt: str,
        checks: Sequence[HealthCheck],
        target: Target,
        *,
        since: datetime | None = None,
    ) -> None:
        """Look at these checks from now on; the same again changes nothing, another attempt begins anew.

        Delays count from ``since``, when the release became ready; by default now. Raises ``SpecFault`` for a query
        that cannot be narrowed.
        """
        before = self._watched.get(ref)
        wanted = tuple(checks)
        if before is not None and (before.attempt, before.checks, before.target) == (attempt, wanted, target):
            return
        held = before.entries if before is not None and before.attempt == attempt else {}
        entries = {check.name: self._entry(ref, check, target, held) for check in wanted}
        self.forget(ref)
        self._watched[ref] = _Watched(attempt, wanted, target, entries)
        waited = (self._now() - since).total_seconds() if since is not None else 0.0
        for check in wanted:
            delay = 0.0 if check.name in held else rhythm(check).delay.total_seconds() - waited
            self._heap.push(self._time() + max(0.0, delay), entries[check.name])
        self._changed.set()

    def forget(self, ref: Ref) -> None:
        """Look no more, and drop what was seen."""
        watched = self._watched.pop(ref, None)
        for entry in watched.entries.values() if watched else ():
            entry.is_wanted = False
            self._heap.sweep()

    def samples(self, ref: Ref, attempt: str) -> tuple[Sample, ...]:
        """What was seen of this attempt, oldest first. Of long runs of passes the first and last are there."""
        watched = self._watched.get(ref)
        if watched is None or watched.attempt != attempt:
            return ()
        found = [sample for entry in watched.entries.values() for sample in entry.series]
        return tuple(sorted(found, key=lambda sample: sample.at))

    async def baseline(self, checks: Sequence[HealthCheck], target: Target) -> tuple[Sample, ...]:
        """One look at each http and promql check, before a deploy; what is not there yet is inconclusive."""
        wanted = [check for check in checks if kind_of(check) != "cel"]
        return tuple(await asyncio.gather(*(self._baseline_of(check, target) for check in wanted)))

    async def _baseline_of(self, check: HealthCheck, target: Target) -> Sample:
        with named(check):
            look = prepare(check, target, label=self._label, is_baseline=True)
        async with self._slots:
            return await self._sample(look, target)

    def _entry(self, ref: Ref, check: HealthCheck, target: Target, held: Mapping[str, _Entry]) -> _Entry:
        series = held[check.name].series if check.name in held else Series()
        interval = rhythm(check).interval.total_seconds()
        with named(check):
            return _Entry(ref, prepare(check, target, label=self._label), target, interval, series)

    async def _next(self) -> _Entry:
        """The next entry, once it is due."""
        while True:
            self._changed.clear()
            items = self._heap.items
            wait = items[0][0] - self._time() if items else None
            if wait is not None and wait <= 0:
                entry = heappop(items)[2]
                if entry.is_wanted:
                    return entry
                continue
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _turn(self, entry: _Entry) -> None:
        """One look of the scheduler's; the next is due an interval after this one began."""
        began = self._time()
        try:
            sample = await self._sample(entry.look, entry.target)
        finally:
            self._slots.release()
            self._leave(entry.target.namespace)
        if not entry.is_wanted:
            return
        self._heap.push(max(began + entry.interval, self._time()), entry)
        self._changed.set()
        self._observe(entry.ref, kind_of(entry.look.check), sample, self._time() - began)
        before = entry.series.last
        entry.series.add(sample)
        if before is None or sample.outcome is not Outcome.PASS or before.outcome is not Outcome.PASS:
            self._on_sample(entry.ref)

    def _leave(self, namespace: str) -> None:
        self._looking[namespace] -= 1
        if not self._looking[namespace]:
            del self._looking[namespace]

    async def _sample(self, look: Look, target: Target) -> Sample:
        """A sample come what may: a bug of ours is no fault of the release, and must not end everybody's looks."""
        now = self._now()
        try:
            return await self._probes[kind_of(look.check)].sample(look, target, now)
        except Exception:
            _LOG.exception("A look at check %s of %s/%s failed.", look.name, target.namespace, target.release)
            return look.found(
                now, Outcome.INCONCLUSIVE, "The check could not be carried out; the operator's log says why."
            )

    def _time(self) -> float:
        return asyncio.get_running_loop().time()
