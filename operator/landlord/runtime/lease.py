"""One leader at a time: a ``coordination.k8s.io/v1`` Lease, taken by compare-and-swap, believed only for a while.

The rule that keeps two operators apart, in the terms of the leader's and of a candidate's own clock:

* the leader may write until ``renew_deadline`` after it *began* the last renewal that succeeded;
* a candidate may take over no sooner than ``duration`` after it first *saw* the Lease in its present state, and that
  sight is later than the leader's beginning. With ``renew_deadline`` < ``duration`` the times cannot overlap.

Clocks of two machines are never compared: ``renewTime`` is written for people and is only looked at for being
different from before. The clock counts suspension of the machine too (``CLOCK_BOOTTIME``), so a process that was
stopped and wakes finds its time over before it does anything else. (A virtual machine that its host freezes has no
clock that tells; it finds out at its next renewal, within the retry period.)

What remains: a request handed to the kernel just before the stop may still land after it. ``seconds_left`` therefore
also tells how long an answer may be waited for: until ``duration`` has passed since the last renewal began. Past
that the connection is closed, and the API server drops a request whose connection is gone before it reaches storage.
A stopped process cannot close anything; there the duration minus the deadline (5 s by default) is the time that the
network and the API server have to land or lose what was already sent.
"""

import asyncio
import logging
import random
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import uuid4

from landlord.api.failures import Conflict, LandlordFailure, Transient
from landlord.api.refs import LEASES, Resource

_log = logging.getLogger(__name__)

Object = dict[str, Any]

RETRY_SPREAD: Final = 0.2
"""Candidates look again after the retry period and up to this share of it more, so that they do not march in step."""


class Leases(Protocol):
    """The part of ``Cluster`` a lease needs; it must not be fenced by this very lease."""

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        """The object, or None."""

    async def create(self, resource: Resource, manifest: Object) -> Object:
        """The object as created."""

    async def replace(self, resource: Resource, manifest: Object) -> Object:
        """The object as stored; raises ``Conflict`` when it changed since."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Where the Lease is and how long it means; ``retry_period < renew_deadline < duration``."""

    namespace: str
    name: str
    duration: timedelta = timedelta(seconds=15)
    renew_deadline: timedelta = timedelta(seconds=10)
    retry_period: timedelta = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class _Sight:
    """A state of the Lease and when it was first seen; two are the same when nobody wrote in between."""

    holder: str
    renewed: str
    version: str
    at: float

    def same(self, other: "_Sight") -> bool:
        return (self.holder, self.renewed, self.version) == (other.holder, other.renewed, other.version)


def boot_clock() -> float:
    """Seconds that go on while the process or the machine sleeps and never jump."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall_clock() -> datetime:
    """The time of day, for people who read the Lease."""
    return datetime.now(UTC)  # noqa: TID251 - the runtime is where the clock is read


def own_identity() -> str:
    """A holder name no other process has, also not this one after a restart: host (the pod's name) and chance."""
    return f"{socket.gethostname()}_{uuid4().hex[:12]}"


class Lease:
    """The claim of this process: ``acquire``, then ``hold`` until it returns. ``seconds_left`` is the fence."""

    def __init__(
        self,
        cluster: Leases,
        terms: Terms,
        *,
        identity: str | None = None,
        clock: Callable[[], float] = boot_clock,
        wall: Callable[[], datetime] = wall_clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._cluster = cluster
        self._terms = terms
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self.identity = identity or own_identity()
        self._held: Object | None = None
        self._renewed_at: float | None = None
        self._sight: _Sight | None = None
        self._released = False
        self._trouble = ""
        self.lost = asyncio.Event()
        """Set once when the Lease was held and is no longer; it is never held again by this object."""

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last looked at; empty when nobody did or it was never seen."""
        return self._sight.holder if self._sight else ""

    def valid(self) -> bool:
        """May a write start now?"""
        return self._until_deadline() > 0

    def seconds_left(self) -> float:
        """How long a write that starts now may be waited for before somebody else may lead; 0: it must not start."""
        if self._renewed_at is None or not self.valid():
            return 0.0
        return self._renewed_at + self._terms.duration.total_seconds() - self._clock()

    async def acquire(self) -> None:
        """Wait until the Lease is ours, however long that takes."""
        while not await self._attempt(self._try_to_acquire, self._terms.renew_deadline.total_seconds() / 2):
            spread = random.uniform(1, 1 + RETRY_SPREAD)  # noqa: S311 - not a secret
            await self._sleep(self._terms.retry_period.total_seconds() * spread)
        _log.info("Leading as %s.", self.identity)

    async def hold(self) -> None:
        """Renew the Lease until it is lost or released, then return; ``lost`` is set when it was lost."""
        while not (self._released or self.lost.is_set()):
            await self._sleep(min(self._terms.retry_period.total_seconds(), max(0.0, self._until_deadline())))
            if self._released:
                return
            if not self.valid():
                self._lose("it could not be renewed in time")
                return
            await self._attempt(self._renew, self._until_deadline())

    async def release(self) -> None:
        """Give the Lease back so that another may lead at once. Writes must have ended; none may start any more."""
        had_it = self.valid()
        self._released = True
        if had_it:
            await self._attempt(self._empty, self._terms.renew_deadline.total_seconds() / 2)

    def _until_deadline(self) -> float:
        if self._renewed_at is None or self.lost.is_set() or self._released:
            return 0.0
        return self._renewed_at + self._terms.renew_deadline.total_seconds() - self._clock()

    async def _attempt(self, step: Callable[[], Awaitable[bool]], seconds: float) -> bool:
        """Run one step in bounded time, one at a time; a stumble is logged and False."""
        try:
            async with asyncio.timeout(seconds), self._turn:
                return await step()
        except TimeoutError:
            self._complain("the API server took too long to answer")
        except LandlordFailure as failure:
            self._complain(failure.why)
        return False

    def _complain(self, why: str) -> None:
        """Say once what keeps going wrong, not with every attempt."""
        if why != self._trouble:
            _log.warning("The Lease %s could not be read or written: %s", self._terms.name, why)
        self._trouble = why

    async def _try_to_acquire(self) -> bool:
        started = self._clock()
        live = await self._cluster.get(LEASES, self._terms.name, self._terms.namespace)
        if live is None:
            return self._may_create() and self._take(await self._cluster.create(LEASES, self._manifest(None)), started)
        if not self._may_take(live):
            return False
        started = self._clock()
        return self._take(await self._cluster.replace(LEASES, self._manifest(live)), started)

    def _may_take(self, live: Object) -> bool:
        """Is nobody the holder, or are we, or has the holder shown no sign of life for the whole duration?"""
        spec = live.get("spec") or {}
        version = str(live["metadata"].get("resourceVersion", ""))
        sight = _Sight(spec.get("holderIdentity") or "", str(spec.get("renewTime")), version, self._clock())
        if self._sight is None or not self._sight.same(sight):
            if self.holder != sight.holder:
                _log.info("The Lease %s is held by %s.", self._terms.name, sight.holder or "nobody")
            self._sight = sight
        if sight.holder in {"", self.identity}:
            return True
        promised = float(spec.get("leaseDurationSeconds") or 0)
        return self._clock() - self._sight.at >= max(promised, self._terms.duration.total_seconds())

    def _may_create(self) -> bool:
        """There is no Lease: may we make it? Not while one that somebody deleted by hand is still believed in."""
        duration = self._terms.duration.total_seconds()
        return self._sight is None or not self._sight.holder or self._clock() - self._sight.at >= duration

    async def _renew(self) -> bool:
        for _ in range(2):
            started = self._clock()
            try:
                return self._take(await self._cluster.replace(LEASES, self._manifest(self._held)), started)
            except Transient as failure:
                if not await self._is_still_ours() or not isinstance(failure, Conflict):
                    self._complain(failure.why)
                    return False
        return False

    async def _is_still_ours(self) -> bool:
        """After a failure: was it our own renewal whose answer was lost, or did somebody take or delete the Lease?"""
        live = await self._cluster.get(LEASES, self._terms.name, self._terms.namespace)
        holder = ((live or {}).get("spec") or {}).get("holderIdentity")
        if holder == self.identity:
            self._held = live
            return True
        self._lose(f"it is held by {holder or 'nobody'}" if live else "it was deleted")
        return False

    async def _empty(self) -> bool:
        live = await self._cluster.get(LEASES, self._terms.name, self._terms.namespace)
        if live is None or (live.get("spec") or {}).get("holderIdentity") != self.identity:
            return False
        manifest = self._manifest(live)
        manifest["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
        await self._cluster.replace(LEASES, manifest)
        _log.info("Gave the Lease %s back.", self._terms.name)
        return True

    def _take(self, stored: Object, started: float) -> bool:
        self._held, self._renewed_at, self._trouble = stored, started, ""
        version = str(stored["metadata"].get("resourceVersion", ""))
        self._sight = _Sight(self.identity, "", version, started)
        return True

    def _lose(self, why: str) -> None:
        self.lost.set()
        if self._sight:
            self._sight = replace(self._sight, holder="")
        _log.error("The Lease %s is lost: %s. Every write stops.", self._terms.name, why)

    def _manifest(self, live: Object | None) -> Object:
        """The Lease as ours; with ``live`` it replaces exactly that state of it."""
        now = self._wall().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        before: Object = (live or {}).get("spec") or {}
        ours = before.get("holderIdentity") == self.identity
        spec = {
            "holderIdentity": self.identity,
            # A whole number by the API; rounded up, because others may not come sooner than we mean.
            "leaseDurationSeconds": max(1, -(-int(self._terms.duration.total_seconds() * 1000) // 1000)),
            "acquireTime": before.get("acquireTime", now) if ours else now,
            "renewTime": now,
            "leaseTransitions": int(before.get("leaseTransitions") or 0) + (0 if ours or live is None else 1),
        }
        head = (live or {}).get("metadata") or {"name": self._terms.name, "namespace": self._terms.namespace}
        kept = {key: value for key, value in head.items() if key != "managedFields"}
        return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": kept, "spec": spec}
