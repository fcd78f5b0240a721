"""A real connection to the API server on which one chosen request goes wrong, and which remembers what it was asked.

Requests go one after another in the order in which they are made, so the n-th write of a pass is the same write in
every run.
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Self

from landlord.api.failures import Busy, Conflict, Transient
from landlord.api.refs import Resource
from landlord.clients.cluster import Cluster
from landlord.clients.identity import Identity

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
    among: str = ""
    """Only requests with this in verb and path are counted."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the operator made it; `uid` is the precondition of a DELETE."""

    verb: str
    path: str
    uid: str

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"

    @property
    def is_write(self) -> bool:
        """Whether it was to change something."""
        return self.verb not in _READS


class FaultyCluster(Cluster):
    """The shared connection, seen through one operator process. `arm` begins the count anew.

    Whoever it acts as, it is one process: what acts as somebody else passes every request on to `_whole`.
    """

    def __init__(self, shared: Cluster) -> None:
        self._shared = shared
        self._whole = self
        self._user = None
        self._turn = asyncio.Lock()
        self._fault: Fault | None = None
        self._seen = 0
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
        self._seen = 0
        self.requests.clear()

    def acting_as(self, user: str) -> Self:
        """The same process as somebody else."""
        other = copy.copy(self)
        other._shared, other._user = self._whole._shared.acting_as(user), user
        return other

    @property
    def server(self) -> str:
        """The API server's address."""
        return self._shared.server

    async def identity(self) -> Identity:
        """Address and credentials as they are now."""
        return await self._shared.identity()

    async def watch(
        self,
        resource: Resource,
        resource_version: str,
        namespace: str | None = None,
        *,
        selector: str = "",
        seconds: int = 300,
    ) -> AsyncIterator[Object]:
        """Watch events, undisturbed."""
        events = self._shared.watch(resource, resource_version, namespace, selector=selector, seconds=seconds)
        async for event in events:
            yield event

    @property
    def writes(self) -> list[Request]:
        """The writes since the cluster was armed."""
        return [request for request in self.requests if request.is_write]

    async def _ask(self, verb: str, resource: Resource, path: str, **rest: Any) -> Object | None:
        return await self._whole._carry(self._shared, verb, resource, path, **rest)

    async def _carry(self, shared: Cluster, verb: str, resource: Resource, path: str, **rest: Any) -> Object | None:
        async with self._turn:
            if self.crashed:
                raise Crash
            request = Request(verb, path, _precondition(rest.get("body")))
            is_dry = (rest.get("query") or {}).get("dryRun") is not None
            is_read = is_dry or not request.is_write
            fault = self._strike(request, is_read=is_read)
            self.written += not is_read
            if not is_dry:
                self.requests.append(request)
            if fault is not None:
                self.struck = request
                return await self._spoil(fault, shared, verb, resource, path, **rest)
            answer = await shared._ask(verb, resource, path, **rest)
            if self.echo:
                await self.echo()
            return answer

    def _strike(self, request: Request, *, is_read: bool) -> Kind | None:
        """What happens to the request that comes now."""
        fault = self._fault
        if fault is None or fault.is_read != is_read or fault.among not in f"{request} ":
            return None
        self._seen += 1
        if fault.number != self._seen:
            return None
        self._fault = None
        return fault.kind

    async def _spoil(
        self, kind: Kind, shared: Cluster, verb: str, resource: Resource, path: str, **rest: Any
    ) -> Object | None:
        if kind is Kind.EDITED and self.edit:
            await self.edit()
            return await shared._ask(verb, resource, path, **rest)
        if kind in (Kind.CRASH_AFTER, Kind.LOST):
            await shared._ask(verb, resource, path, **rest)
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
