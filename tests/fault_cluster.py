"""A real connection to the API server on which one chosen request goes wrong, and which remembers what it was asked.

Requests go one after another in the order in which they are made, so the n-th write of a pass is the same write in
every run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from landlord.api.failures import Busy, Conflict, Transient
from landlord.api.refs import Resource
from landlord.clients.cluster import Cluster

Object = dict[str, Any]

_READS = frozenset({"GET", "LIST"})


class Crash(BaseException):
    """The operator's process is gone in the middle of a pass; no `except Exception` of it runs any more."""


class Kind(Enum):
    """What goes wrong with one request."""

    CRASH_BEFORE = "crash before it is sent"
    CRASH_AFTER = "crash after it is stored, its answer unread"
    LOST = "stored, but the answer is lost"
    CONFLICT = "409"
    BUSY = "429"
    UNAVAILABLE = "503"
    EDITED = "an edit by somebody just before it"

    @property
    def crashes(self) -> bool:
        """Whether the process ends with it."""
        return self in (Kind.CRASH_BEFORE, Kind.CRASH_AFTER)


@dataclass(frozen=True, slots=True)
class Fault:
    """The request that goes wrong: the so-manieth write, or read, from 1, after the cluster was armed."""

    kind: Kind
    number: int
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the operator made it; `uid` is the precondition of a DELETE."""

    verb: str
    path: str
    uid: str

    @property
    def is_write(self) -> bool:
        """Whether it was to change something."""
        return self.verb not in _READS


class FaultyCluster(Cluster):
    """The shared connection, seen through one operator process. `arm` begins the count anew."""

    def __init__(self, shared: Cluster) -> None:
        self._shared = shared
        self._turn = asyncio.Lock()
        self._fault: Fault | None = None
        self._seen = {True: 0, False: 0}
        self.echo: Callable[[], Awaitable[object]] | None = None
        """Called after each request that was carried out."""
        self.edit: Callable[[], Awaitable[object]] | None = None
        """What somebody does at the moment of ``Kind.EDITED``."""
        self.crashed = False
        self.struck: Request | None = None
        self.requests: list[Request] = []
        self.written = 0
        """How many writes there were in all, since the beginning."""

    def arm(self, fault: Fault | None) -> None:
        """Forget the requests so far; from now on the fault may strike, once."""
        self._fault = fault
        self._seen = {True: 0, False: 0}
        self.requests.clear()

    @property
    def writes(self) -> list[Request]:
        """The writes since the cluster was armed."""
        return [request for request in self.requests if request.is_write]

    async def _ask(self, verb: str, resource: Resource, path: str, **rest: Any) -> Object | None:
        async with self._turn:
            if self.crashed:
                raise Crash
            request = Request(verb, path, _precondition(rest.get("body")))
            is_dry = (rest.get("query") or {}).get("dryRun") is not None
            is_read = is_dry or not request.is_write
            fault = self._strike(is_read)
            self.written += not is_read
            if not is_dry:
                self.requests.append(request)
            if fault is not None:
                self.struck = request
                return await self._spoil(fault, verb, resource, path, **rest)
            answer = await self._shared._ask(verb, resource, path, **rest)
            if self.echo:
                await self.echo()
            return answer

    def _strike(self, is_read: bool) -> Kind | None:
        """What happens to the request that comes now."""
        self._seen[is_read] += 1
        fault = self._fault
        if fault is None or fault.is_read != is_read or fault.number != self._seen[is_read]:
            return None
        self._fault = None
        return fault.kind

    async def _spoil(self, kind: Kind, verb: str, resource: Resource, path: str, **rest: Any) -> Object | None:
        if kind is Kind.EDITED and self.edit:
            await self.edit()
            return await self._shared._ask(verb, resource, path, **rest)
        if kind in (Kind.CRASH_AFTER, Kind.LOST):
            await self._shared._ask(verb, resource, path, **rest)
        self.crashed = kind.crashes
        match kind:
            case Kind.CRASH_BEFORE | Kind.CRASH_AFTER:
                raise Crash
            case Kind.CONFLICT:
                raise Conflict(f"The API server answered 409 Conflict ({verb} {path}): chosen by the plan.")
            case Kind.BUSY:
                raise Busy(f"The API server asked to slow down ({verb} {path}).", timedelta(seconds=1))
            case _:
                raise Transient(f"The API server did not answer {verb} {path}: chosen by the plan.")


def _precondition(body: object) -> str:
    if not isinstance(body, Mapping):
        return ""
    return str((body.get("preconditions") or {}).get("uid", ""))
