"""Are the watches alive? A watch can die without a word, so what came in is compared with what there is.

kopf does not tell when it last heard anything, and a watcher of it that was cancelled stays dead (nolar/kopf#1276).
So once a minute the metadata of our own kinds is listed. An object that is listed in a state the door has not shown,
and that shows nothing new within the grace time either, is *behind*; behind in three rounds in a row means that the
watch is dead, and ``problems`` tells the kubelet to start the process anew. While the API server does not answer
nothing is concluded: a restart would not help.
"""

import logging
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from landlord.api.failures import LandlordFailure
from landlord.api.refs import Resource
from landlord.clients.cluster import Page
from landlord.runtime.door import Shown
from landlord.runtime.informer import Informer
from landlord.runtime.pace import REAL, Pace

_log = logging.getLogger(__name__)

ROUND_SECONDS: Final = 60.0
GRACE_SECONDS: Final = 15.0
ROUNDS: Final = 3
SILENCE_SECONDS: Final = 240.0
LAG_EVERY_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.1
LOOKS: Final = 50
"""So often what was listed is looked for before it is listed again: some of it may be gone by then."""


class Lists(Protocol):
    """The part of ``Cluster`` the watchdog needs."""

    def pages(
        self, resource: Resource, namespace: str | None = None, *, metadata_only: bool = False
    ) -> AsyncIterator[Page]:
        """Every object of a kind, page by page."""


class Entrance(Protocol):
    """The part of ``Door`` the watchdog looks at."""

    resources: tuple[Resource, ...]
    shown: dict[str, dict[str, Shown]]

    def declare_gone(self, kind: str, uid: str) -> None:
        """Hand in a DELETED that never came."""


class Gauges(Protocol):
    """Who exports what is found; ``landlord.telemetry.metrics.Metrics`` does."""

    def behind(self, kind: str, count: int) -> None:
        """So many objects of a kind are behind."""

    def lagged(self, seconds: float) -> None:
        """The event loop woke this late."""


@dataclass(slots=True)
class _Standing:
    rounds_behind: int = 0
    complete: bool = False
    trouble: str = "not listed yet"


class Watchdog:
    """Watches the watchers of one process."""

    def __init__(
        self, cluster: Lists, door: Entrance, informers: Iterable[Informer], gauges: Gauges, *, pace: Pace = REAL
    ) -> None:
        self._cluster = cluster
        self._door = door
        self._informers = tuple(informers)
        self._gauges = gauges
        self._pace = pace
        self._standing = {resource.kind: _Standing() for resource in door.resources}
        for kind in self._standing:
            gauges.behind(kind, 0)

    async def until_complete(self) -> None:
        """Return once everything there is has come through the door and every informer has listed."""
        for resource in self._door.resources:
            await self._until_shown(resource)
        for informer in self._informers:
            await informer.synced.wait()

    async def run(self) -> None:
        """Look round for ever, once a minute."""
        while True:
            await self._pace.sleep(ROUND_SECONDS)
            for resource in self._door.resources:
                try:
                    await self.look_at(resource)
                except LandlordFailure as failure:
                    _log.warning("Could not compare %s with its watch: %s", resource.plural, failure.why)

    async def measure_lag(self) -> None:
        """Export for ever how late the event loop wakes."""
        while True:
            due = self._pace.clock() + LAG_EVERY_SECONDS
            await self._pace.sleep(LAG_EVERY_SECONDS)
            self._gauges.lagged(max(0.0, self._pace.clock() - due))

    async def look_at(self, resource: Resource) -> None:
        """Compare one kind's list with what the door has shown, and again after the grace time."""
        kind = resource.kind
        shown_before = dict(self._door.shown[kind])
        listed = await self._versions(resource)
        suspects = {uid for uid, version in listed.items() if _version(shown_before.get(uid)) != version}
        vanished = shown_before.keys() - listed.keys()
        if suspects or vanished:
            await self._pace.sleep(GRACE_SECONDS)
        shown = self._door.shown[kind]
        for uid in vanished & shown.keys():
            _log.warning("%s %s is gone, and the watch did not say so.", kind, shown[uid].name)
            self._door.declare_gone(kind, uid)
        silent = {uid for uid in suspects if _is_behind(listed[uid], shown_before.get(uid), shown.get(uid))}
        self._note(kind, len(await self._still_there(resource, silent)))

    def problems(self) -> list[str]:
        """Why this process should be started anew; empty while all is well."""
        dead = [
            f"the watch on {kind} shows nothing of what happens"
            for kind, standing in self._standing.items()
            if standing.rounds_behind >= ROUNDS
        ]
        silent = [
            f"the watch on {informer.resource.plural} is silent for {informer.silent_seconds:.0f} s"
            for informer in self._informers
            if informer.silent_seconds > SILENCE_SECONDS and informer.problem is None
        ]
        return dead + silent

    def unready(self) -> list[str]:
        """What is not in sight (yet); empty once the caches are complete and nothing is wrong."""
        ours = [f"{kind}: {standing.trouble}" for kind, standing in self._standing.items() if not standing.complete]
        theirs = [
            f"{informer.resource.kind}: {informer.problem or 'not listed yet'}"
            for informer in self._informers
            if informer.problem or not informer.synced.is_set()
        ]
        return ours + theirs

    async def _until_shown(self, resource: Resource) -> None:
        standing = self._standing[resource.kind]
        while not standing.complete:
            try:
                listed = await self._versions(resource)
            except LandlordFailure as failure:
                if standing.trouble != failure.why:
                    _log.warning("Cannot list %s: %s", resource.qualified, failure.why)
                standing.trouble = failure.why
                await self._pace.sleep(RETRY_SECONDS)
                continue
            for _ in range(LOOKS):
                missing = listed.keys() - self._door.shown[resource.kind].keys()
                standing.trouble = f"{len(missing)} of {len(listed)} not seen yet"
                standing.complete = not missing
                if standing.complete:
                    return
                await self._pace.sleep(LOOK_SECONDS)

    async def _versions(self, resource: Resource) -> dict[str, str]:
        """UID to resourceVersion of everything there is."""
        return {
            obj["metadata"]["uid"]: obj["metadata"]["resourceVersion"]
            async for page in self._cluster.pages(resource, metadata_only=True)
            for obj in page.items
        }

    async def _still_there(self, resource: Resource, suspects: set[str]) -> set[str]:
        """The suspects that were not merely deleted while we waited."""
        return suspects & (await self._versions(resource)).keys() if suspects else suspects

    def _note(self, kind: str, behind: int) -> None:
        standing = self._standing[kind]
        standing.rounds_behind = standing.rounds_behind + 1 if behind else 0
        self._gauges.behind(kind, behind)
        if behind:
            _log.error("The watch on %s has not shown the latest state of %d objects.", kind, behind)


def _version(shown: Shown | None) -> str | None:
    return shown.version if shown else None


def _is_behind(listed: str, before: Shown | None, now: Shown | None) -> bool:
    """Has the watch shown neither the listed state nor anything else since?"""
    return _version(now) != listed and _version(now) == _version(before)
