"""What repositories' indexes said a moment ago, for those who may read them."""

import time
from asyncio import Semaphore
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from landlord.clients.charts.flights import Flights
from landlord.clients.charts.outline import Listing

_KEPT: Final = 128
_ENTRIES_KEPT: Final = 20_000
_JUST_NOW: Final = 10.0
"""Younger than this nothing is read anew, so that a wrong version does not mean a download at each pass."""
_AT_ONCE: Final = 6
"""An index may take tens of megabytes while it is read."""


class Indexes:
    """Listings by a key that names repository, chart and access; each is read by one at a time."""

    def __init__(self, freshness: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._freshness = freshness
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, Listing]] = OrderedDict()
        self._flights = Flights()
        self._readers = Semaphore(_AT_ONCE)

    async def read(self, key: str, load: Callable[[], Awaitable[Listing]], *, fresh: bool) -> Listing:
        """The listing; ``fresh`` wants one that was read just now."""
        async with self._flights.turn(key):
            at, held = self._held.get(key, (0.0, None))
            if held is not None and self._clock() - at < (_JUST_NOW if fresh else self._freshness):
                return held
            async with self._readers:
                listing = await load()
            self._held[key] = (self._clock(), listing)
            self._held.move_to_end(key)
            self._make_room()
            return listing

    def forget(self, key: str) -> None:
        """Read it anew next time."""
        self._held.pop(key, None)

    def _make_room(self) -> None:
        """Keep the latest, within the bounds; a single one is kept in any case."""
        entries = sum(len(listing.entries) for _, listing in self._held.values())
        while len(self._held) > 1 and (len(self._held) > _KEPT or entries > _ENTRIES_KEPT):
            _, (_, oldest) = self._held.popitem(last=False)
            entries -= len(oldest.entries)
