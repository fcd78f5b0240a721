"""One kind of object kept in sight: LIST in pages, then WATCH, again and again, and never silently dead.

Nothing is cached here; a ``Sink`` keeps what it needs. Every trouble is survived: a broken or silent watch is taken
up where it was, a forgotten resourceVersion (410) and a gap mean a new LIST, 429 waits as long as it was told, and a
missing right (403) is retried for ever while ``problem`` says what is missing.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final, Protocol

from landlord.api.failures import Busy, Forbidden, Gone, LandlordFailure, Transient
from landlord.api.refs import Resource
from landlord.clients.cluster import Page
from landlord.runtime.pace import REAL, Pace

_log = logging.getLogger(__name__)

Object = dict[str, Any]

FIRST_PAUSE_SECONDS: Final = 0.5
LAST_PAUSE_SECONDS: Final = 30.0
WATCH_SECONDS: Final = 300
RESYNC_SPREAD: Final = 0.1


class Source(Protocol):
    """The part of ``Cluster`` an informer needs."""

    def pages(self, resource: Resource, namespace: str | None = None, *, selector: str = "") -> AsyncIterator[Page]:
        """Every object of the kind, page by page."""

    def watch(
        self,
        resource: Resource,
        resource_version: str,
        namespace: str | None = None,
        *,
        selector: str = "",
        seconds: int = 300,
    ) -> AsyncIterator[Object]:
        """Watch events, bookmarks included, until the server ends the stream."""


class Sink(Protocol):
    """Who is told what there is. Calls never overlap, and all of them come from one event loop."""

    async def replace(self, objects: AsyncIterator[Object]) -> None:
        """Everything there is, page by page: what is not among it has vanished.

        The iteration may raise half-way; then nothing that was known may be dropped, for the list was not whole.
        """

    def upsert(self, obj: Object) -> None:
        """An object is new or changed."""

    def remove(self, obj: Object) -> None:
        """An object is gone; it is given in its last state."""


class Listener(Protocol):
    """Who counts what an informer goes through; ``landlord.telemetry.metrics`` has one."""

    def heard(self) -> None:
        """The server said something, if only a bookmark."""

    def restarted(self, cause: str) -> None:
        """A watch or list ended other than by its time; ``cause`` is one of a few words."""


class Informer:
    """One kind, one namespace or all, one label selector, one sink. ``run`` never returns; cancel it."""

    def __init__(
        self,
        source: Source,
        resource: Resource,
        sink: Sink,
        *,
        namespace: str | None = None,
        selector: str = "",
        resync: timedelta = timedelta(minutes=30),
        listener: Listener | None = None,
        pace: Pace = REAL,
    ) -> None:
        self._source = source
        self._sink = sink
        self._namespace = namespace
        self._selector = selector
        self._resync = resync.total_seconds()
        self._listener = listener
        self._clock = pace.clock
        self._sleep = pace.sleep
        self._version = ""
        self._list_again_at = 0.0
        self._troubles = 0
        self.resource = resource
        self.synced = asyncio.Event()
        """Set for good once the first LIST has reached the sink."""
        self.last_heard = pace.clock()
        """When the server last said anything, by the informer's clock."""
        self.problem: str | None = None
        """Why nothing can be seen at present; None while all is well."""

    @property
    def silent_seconds(self) -> float:
        """How long the server has said nothing, not even a bookmark."""
        return self._clock() - self.last_heard

    async def run(self) -> None:
        """List and watch until cancelled, whatever happens."""
        while True:
            try:
                await self._list_if_needed()
                await self._watch()
            except LandlordFailure as failure:
                await self._survive(failure)
            except Exception as error:
                _log.exception("Watching %s failed by a bug; it goes on.", self._name)
                self._version = ""
                await self._survive(error)

    async def _list_if_needed(self) -> None:
        if self._version and self._clock() < self._list_again_at:
            return
        self._version = ""
        versions: list[str] = []
        await self._sink.replace(self._objects(versions))
        self._version = versions[0]
        spread = 1 + RESYNC_SPREAD * random.uniform(-1, 1)  # noqa: S311 - not a secret
        self._list_again_at = self._clock() + self._resync * spread
        self._well()
        self.synced.set()

    async def _objects(self, versions: list[str]) -> AsyncIterator[Object]:
        """The objects of every page, one by one; the resourceVersion of each page goes into ``versions``."""
        async for page in self._source.pages(self.resource, self._namespace, selector=self._selector):
            self._heard()
            versions.append(page.resource_version)
            for obj in page.items:
                yield obj

    async def _watch(self) -> None:
        until_list = self._list_again_at - self._clock()
        seconds = max(1, int(min(WATCH_SECONDS * random.uniform(0.8, 1), until_list)))  # noqa: S311 - not a secret
        place = (self.resource, self._version, self._namespace)
        events = self._source.watch(*place, selector=self._selector, seconds=seconds)
        started, quiet = self._clock(), True
        async for event in events:
            quiet = False
            self._heard()
            self._well()
            self._tell(event["type"], event["object"])
            self._version = event["object"]["metadata"]["resourceVersion"]
        if quiet and self._clock() - started < min(1, seconds / 2):
            raise Transient(f"The API server ended the watch on {self.resource.plural} at once.")
        self._heard()
        self._well()

    def _tell(self, kind: str, obj: Object) -> None:
        match kind:
            case "ADDED" | "MODIFIED":
                self._sink.upsert(obj)
            case "DELETED":
                self._sink.remove(obj)
            case _:  # BOOKMARK: only its resourceVersion counts
                return

    async def _survive(self, failure: Exception) -> None:
        """Note what happened and wait: longer with each trouble in a row, and never less than we were told."""
        cause = _cause(failure)
        if self._listener:
            self._listener.restarted(cause)
        if isinstance(failure, Gone):
            self._version = ""
        self._troubles += 1
        words = failure.why if isinstance(failure, LandlordFailure) else type(failure).__name__
        self._say(words)
        if self._troubles > 1 or cause == "forbidden":
            self.problem = words
        await self._sleep(self._pause(failure))

    def _say(self, words: str) -> None:
        """Log a trouble that lasts, not with every attempt; a watch begun anew is nobody's business."""
        if self._troubles == 1:
            _log.debug("Watching %s is begun anew: %s", self._name, words)
        elif words != self.problem:
            _log.warning("Cannot see %s: %s", self._name, words)

    def _pause(self, failure: Exception) -> float:
        longest = min(LAST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(self._troubles - 1, 16))
        told = failure.after.total_seconds() if isinstance(failure, Busy) else 0.0
        return told + longest * random.uniform(0.5, 1)  # noqa: S311 - not a secret

    def _heard(self) -> None:
        self.last_heard = self._clock()
        if self._listener:
            self._listener.heard()

    def _well(self) -> None:
        if self.problem:
            _log.info("Seeing %s again.", self._name)
        self._troubles, self.problem = 0, None

    @property
    def _name(self) -> str:
        return self.resource.qualified + (f" in {self._namespace}" if self._namespace else "")


def _cause(failure: Exception) -> str:
    match failure:
        case Gone():
            return "gone"
        case Busy():
            return "busy"
        case Forbidden():
            return "forbidden"
        case LandlordFailure():
            return "broken"
        case _:
            return "bug"
