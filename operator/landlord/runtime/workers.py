"""Passes at work: so many at once, each by itself, and what follows from how each one ends."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from landlord.api.failures import Busy, LandlordFailure, NotYet, Refused, SpecFault, Transient
from landlord.api.refs import Ref
from landlord.reconcilers.outcome import Outcome, Reconcile
from landlord.runtime.lanes import Lane
from landlord.runtime.queue import WorkQueue
from landlord.telemetry import logs

_log = logging.getLogger(__name__)

REFUSED_SECONDS: Final = 300.0
"""When to look again after the outside said no for good: permissions change without anybody telling us."""
SPREAD: Final = 0.2
"""Slow retries come up to this share later than asked for, so that many do not come at once."""
NOT_LEADING_SECONDS: Final = 1.0


Clean = Callable[[Ref, str], str]
"""Takes out of a text what must not be logged about an object."""


class Counts(Protocol):
    """Who counts passes; ``landlord.telemetry.metrics.Metrics`` does."""

    def passed(self, kind: str, result: str, seconds: float, reason: str | None = None) -> None:
        """A pass ended."""


@dataclass(frozen=True, slots=True)
class Again:
    """What follows from a pass: its name in the metrics, and when to look again."""

    result: str
    after: float | None = None
    backoff: bool = False


def judge(ending: Outcome | BaseException, chance: float = 0.5) -> Again:
    """What follows from how a pass ended; ``chance`` in 0..1 spreads slow retries."""
    match ending:
        case Outcome(requeue_after=None):
            return Again("success")
        case Outcome(requeue_after=after) if after is not None:
            return Again("requeue", after=max(after.total_seconds(), 0.001))
        case SpecFault():
            return Again("spec_fault")
        case NotYet(after=after) | Busy(after=after):
            result = "not_yet" if isinstance(ending, NotYet) else "transient"
            return Again(result, after=max(after.total_seconds(), 0.001) * (1 + SPREAD * chance))
        case Transient():
            return Again("transient", backoff=True)
        case Refused():
            return Again("refused", after=REFUSED_SECONDS * (1 + SPREAD * chance))
        case asyncio.CancelledError():
            return Again("cancelled", after=NOT_LEADING_SECONDS)
        case _:
            return Again("bug", backoff=True)


class Workers:
    """``count`` workers over the queue of one kind. ``run`` ends when the queue is closed and the last pass is over."""

    def __init__(
        self,
        kind: str,
        queue: WorkQueue[Ref],
        reconcile: Reconcile,
        *,
        count: int,
        counts: Counts,
        leading: Callable[[], bool],
        clean: Clean | None = None,
    ) -> None:
        self._kind = kind
        self._queue = queue
        self._reconcile = reconcile
        self._count = count
        self._counts = counts
        self._leading = leading
        self._clean = clean
        self._passes: set[asyncio.Task[Outcome]] = set()

    async def run(self) -> None:
        """Work until the queue is closed; passes that run then are finished first."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._count):
                group.create_task(self._work(), name=f"{self._kind} worker {number}")

    def cancel(self) -> int:
        """Cancel every pass that runs, and tell how many; the workers themselves go on."""
        for running in self._passes:
            running.cancel()
        return len(self._passes)

    async def _work(self) -> None:
        while (ref := await self._queue.take()) is not None:
            if not self._leading():
                self._queue.done(ref)
                self._queue.add(ref, Lane.URGENT, NOT_LEADING_SECONDS)
                continue
            with logs.about(ref, partial(self._clean, ref) if self._clean else None):
                await self._pass(ref)

    async def _pass(self, ref: Ref) -> None:
        """One pass in a task of its own, so that it can be cancelled without its worker."""
        started = time.monotonic()
        running = asyncio.ensure_future(self._reconcile(ref))
        self._passes.add(running)
        try:
            await asyncio.wait([running])
        finally:
            running.cancel()
            self._passes.discard(running)
            self._settle(ref, _ending(running), time.monotonic() - started)

    def _settle(self, ref: Ref, ending: Outcome | BaseException, seconds: float) -> None:
        again = judge(ending, random.random())  # noqa: S311 - not a secret
        reason = _reason(ending)
        self._counts.passed(self._kind, again.result, seconds, reason)
        self._queue.done(ref)
        delay = again.after
        if again.backoff:
            delay = self._queue.retry(ref)
        else:
            self._queue.forget(ref)
            if delay is not None:
                self._queue.add(ref, Lane.RESYNC if isinstance(ending, Outcome) else Lane.DRIFT, delay)
        _tell(ending, delay)


def _ending(running: "asyncio.Future[Outcome]") -> Outcome | BaseException:
    if not running.done() or running.cancelled():
        return asyncio.CancelledError()
    return running.exception() or running.result()


def _reason(ending: Outcome | BaseException) -> str | None:
    """The failure's name in the metrics; None for what is no failure."""
    match ending:
        case Outcome() | NotYet() | asyncio.CancelledError():
            return None
        case LandlordFailure():
            return type(ending).__name__
        case _:
            return "Bug"


def _tell(ending: Outcome | BaseException, delay: float | None) -> None:
    again = f" Looking again in {delay:.0f} s." if delay is not None else ""
    match ending:
        case Outcome():
            _log.debug("Pass ended well.%s", again)
        case NotYet(why=why):
            _log.info("Not yet: %s%s", why, again)
        case SpecFault(why=why):
            _log.warning("The spec cannot be made true: %s", why)
        case Refused(why=why):
            _log.warning("Refused: %s%s", why, again)
        case Transient(why=why):
            _log.warning("%s%s", why, again)
        case asyncio.CancelledError():
            _log.warning("The pass was cancelled.")
        case _:
            _log.error("The pass failed by a bug.%s", again, exc_info=ending)
