"""Helm in the hands of a fault plan: its way to the API server counts its writes, and at one of them it is killed.

Helm is the real program, started by the operator's own client; it only reaches the real API server through a gateway
here. So its n-th write is the same write in every run, and the process ends exactly before or after it.
"""

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from typing import Any

import aiohttp
from aiohttp import web

from landlord.clients.cluster import Cluster
from landlord.clients.helm.client import Helm
from landlord.clients.helm.process import Ended, Ending, Limits, Started
from landlord.clients.identity import Identity
from tests.fault_cluster import Crash, FaultyCluster

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OF_THE_CONNECTION = frozenset({"host", "transfer-encoding", "connection", "content-length"})
_UNAVAILABLE = {
    "apiVersion": "v1",
    "kind": "Status",
    "status": "Failure",
    "reason": "ServiceUnavailable",
    "message": "the server is currently unable to handle the request",
    "code": 503,
}


class Moment(Enum):
    """When in the life of a Helm process something happens."""

    BEFORE_START = "before Helm starts"
    BEFORE_WRITE = "before Helm's write"
    AFTER_WRITE = "after Helm's write"
    AFTER_END = "after Helm has ended, its result unread"


class Blow(Enum):
    """What happens then."""

    CRASH = "the operator and its Helm die"
    HELM_ALONE = "Helm alone is killed"
    STOP = "the operator is asked to stop"
    UNAVAILABLE = "503 for Helm"
    LOST = "the answer to Helm is lost"


@dataclass(frozen=True, slots=True)
class HelmFault:
    """One blow: at the so-manieth write of the so-manieth run of Helm, both from 1."""

    moment: Moment
    run: int = 1
    write: int = 0
    blow: Blow = Blow.CRASH

    def __str__(self) -> str:
        where = f"{self.moment.value}{f' {self.write}' if self.write else ''} of run {self.run}"
        return f"{self.blow.value} {where}"


@dataclass(slots=True)
class HelmRun:
    """One run of Helm that may change something: its words, and its writes in order."""

    words: tuple[str, ...]
    attempt: tuple[str, int]
    """Key and ordinal of the attempt it is for."""
    proven: int
    """The revision that was proven then."""
    pid: int = 0
    is_struck: bool = False
    writes: list[str] = field(default_factory=list)

    @property
    def verb(self) -> str:
        """What Helm was to do."""
        return self.words[0]


class FaultyHelm:
    """Takes the place of ``Helm._start`` in one operator process."""

    def __init__(self, helm: Helm, cluster: "GatedCluster", fault: HelmFault | None) -> None:
        self._start = helm._start
        self._cluster = cluster
        self._fault = fault
        self.runs: list[HelmRun] = []
        self.on_stop: Callable[[], Awaitable[object]] | None = None
        self.about: Callable[[], tuple[tuple[str, int], int]] = lambda: (("", 0), 0)
        """Tells the attempt in flight and the proven revision."""
        self._stopping: asyncio.Future[Any] | None = None

    async def start(self, words: list[str], stdin: bytes, limits: Limits, ending: Ending, started: Started) -> Ended:
        """Run Helm, or what the plan makes of it."""
        if words[0] in ("template", "version"):
            return await self._start(words, stdin, limits, ending, started)
        run = HelmRun(tuple(words), *self.about())
        self.runs.append(run)
        if self._is_now(run, Moment.BEFORE_START):
            self._die(run)
        ended = await self._start(words, stdin, limits, ending, self._noting(run, started))
        if (run.is_struck and self._blow is Blow.CRASH) or self._is_now(run, Moment.AFTER_END):
            self._die(run)
        if run.is_struck and self._blow is Blow.STOP and self._stopping is not None:
            await asyncio.shield(self._stopping)
        return ended

    def before(self, write: str) -> bool:
        """Told of a write on its way; False when it never arrives."""
        run = self.runs[-1]
        run.writes.append(write)
        return not self._is_now(run, Moment.BEFORE_WRITE) or self._strike(run)

    def after(self) -> bool:
        """Told that the write was carried out; False when its answer never arrives."""
        run = self.runs[-1]
        return not self._is_now(run, Moment.AFTER_WRITE) or self._strike(run)

    @property
    def _blow(self) -> Blow | None:
        return self._fault.blow if self._fault else None

    def _is_now(self, run: HelmRun, moment: Moment) -> bool:
        fault = self._fault
        if fault is None or run.is_struck or fault.moment is not moment or fault.run != len(self.runs):
            return False
        return moment in (Moment.BEFORE_START, Moment.AFTER_END) or fault.write == len(run.writes)

    def _strike(self, run: HelmRun) -> bool:
        """Whether the request that is under way, or its answer, goes on."""
        run.is_struck = True
        match self._blow:
            case Blow.STOP:
                if self.on_stop is not None:
                    self._stopping = asyncio.ensure_future(self.on_stop())
                return True
            case Blow.CRASH | Blow.HELM_ALONE:
                os.kill(run.pid, signal.SIGKILL)
        return False

    def _die(self, run: HelmRun) -> None:
        run.is_struck = self._cluster.crashed = True
        raise Crash

    def _noting(self, run: HelmRun, started: Started) -> Started:
        async def noted(pid: int, since: int) -> None:
            run.pid = pid
            await started(pid, since)

        return noted


class GatedCluster(FaultyCluster):
    """A faulty connection whose Helm goes through the gateway."""

    def __init__(self, shared: Cluster, gateway: "Gateway") -> None:
        super().__init__(shared)
        self._gateway = gateway
        self.gate = secrets.token_hex(4)

    def put(self, helm: Helm, fault: HelmFault | None) -> FaultyHelm:
        """Have this Helm go by the plan."""
        faulty = FaultyHelm(helm, self, fault)
        setattr(helm, "_start", faulty.start)  # noqa: B010 - a method of one object is replaced on purpose
        self._gateway.gates[self.gate] = faulty
        return faulty

    async def identity(self) -> Identity:
        """The login, at the gateway's address."""
        known = await super().identity()
        return replace(known, server=f"{self._gateway.address}/{self.gate}", ca_file=None, insecure=False)


class Gateway:
    """Passes every request on to the API server. Its first path segment says whose Helm it is."""

    def __init__(self, session: aiohttp.ClientSession, identity: Identity) -> None:
        self._session = session
        self._server = identity.server
        self._authorization = identity.authorization or ""
        self.address = ""
        self.gates: dict[str, FaultyHelm] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request of a Helm."""
        gate, _, path = request.path_qs.lstrip("/").partition("/")
        faulty = self.gates[gate]
        is_write = request.method in _WRITES and "dryRun" not in request.query_string
        body = await request.read()
        if is_write and not faulty.before(f"{request.method} /{path.partition('?')[0]}"):
            return web.json_response(_UNAVAILABLE, status=503)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_THE_CONNECTION}
        headers["Authorization"] = self._authorization  # Helm shows no token where there is no TLS
        url = f"{self._server}/{path}"
        async with self._session.request(request.method, url, headers=headers, data=body or None) as response:
            if is_write:
                text = await response.read()
                if not faulty.after() and request.transport is not None:
                    request.transport.abort()
                return web.Response(status=response.status, body=text, headers=_kept(response))
            return await self._stream(request, response)

    async def _stream(self, request: web.Request, response: aiohttp.ClientResponse) -> web.StreamResponse:
        answer = web.StreamResponse(status=response.status, headers=_kept(response))
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):  # a Helm that was killed hears nothing
            await answer.prepare(request)
            async for chunk in response.content.iter_any():
                await answer.write(chunk)
            await answer.write_eof()
        return answer


def _kept(response: aiohttp.ClientResponse) -> Sequence[tuple[str, str]] | Any:
    return [(name, value) for name, value in response.headers.items() if name.lower() not in _OF_THE_CONNECTION]


@asynccontextmanager
async def open_gateway(shared: Cluster) -> AsyncIterator[Gateway]:
    """A gateway to the API server of this connection."""
    connection = shared._connection
    connector = aiohttp.TCPConnector(limit=0, ssl=connection.api.rest_client.ssl_context)
    patience = aiohttp.ClientTimeout(total=timedelta(minutes=5).total_seconds())
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False, timeout=patience) as session:
        gateway = Gateway(session, await shared.identity())
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", gateway.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        gateway.address = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
        try:
            yield gateway
        finally:
            await runner.cleanup()
