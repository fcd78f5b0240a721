"""One authenticated connection pool to one API server: requests in, JSON answers or failures of ours out.

What verbs there are and what they mean is ``landlord.clients.cluster``'s; here are headers, fences, time-outs and
the translation of every trouble into ``landlord.api.failures``.
"""

import asyncio
import math
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, MutableSequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import orjson
from kubernetes.aio.client import ApiClient

from landlord.api.failures import Transient
from landlord.api.refs import Resource
from landlord.clients import depths
from landlord.clients.answers import failure, warning_texts, watch_event, words
from landlord.clients.fence import Fence, FencedBody, seconds_for
from landlord.clients.identity import proxy_for

Object = dict[str, Any]
Observer = Callable[[str, str, int, float], None]
"""Called after each request with verb, resource (plural), HTTP status (0: no answer) and seconds."""

JSON: Final = "application/json"
_METHODS: Final = {"LIST": "GET", "CREATE": "POST", "APPLY": "PATCH", "UPDATE": "PUT"}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. ``user`` is impersonated; ``content`` is the type of the body, or without one, of the answer."""

    method: str
    path: str
    user: str | None = None
    query: Mapping[str, str] | None = None
    body: object = None
    content: str | None = None


class Connection:
    """Requests to one API server; several ``Cluster``s, each somebody else, may share one."""

    def __init__(
        self, api: ApiClient, *, user_agent: str, observe: Observer, seconds: float, parallel: int, fence: Fence
    ) -> None:
        self.api = api
        self._user_agent = user_agent
        self._observe = observe
        self._fence = fence
        self._timeout = aiohttp.ClientTimeout(total=seconds)
        self._slots = asyncio.Semaphore(parallel)
        self._session: aiohttp.ClientSession | None = None
        # Decided once: aiohttp's trust_env would look it up in a thread for each request.
        self._proxy = proxy_for(api.configuration)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
        await self.api.close()  # type: ignore[no-untyped-call] # no hints upstream

    async def ask(
        self,
        verb: str,
        resource: Resource,
        path: str,
        *,
        missing_ok: bool = False,
        heard: MutableSequence[str] | None = None,
        **rest: Any,
    ) -> Object | None:
        """One request and its JSON answer; ``rest`` are fields of ``Request``. Warnings go into ``heard``."""
        started, status = asyncio.get_running_loop().time(), 0
        method = _METHODS.get(verb, verb)
        try:
            async with (
                self._slots,
                await self._send(Request(method, path, **rest), self._timeout) as response,
            ):
                status, text = response.status, await response.read()
                if heard is not None:
                    heard.extend(warning_texts(response.headers.getall("Warning", [])))
                if status < 300:
                    return dict(depths.parsed(text))
                if status == 404 and missing_ok:
                    return None
                raise failure(status, response.headers, text.decode(errors="replace"), f"{verb.lower()} {path}")
        except (aiohttp.ClientError, TimeoutError, ssl.SSLError, OSError, ValueError) as error:
            raise Transient(f"The API server did not answer {verb.lower()} {path}: {words(error)}.") from error
        finally:
            self._observe(verb, resource.plural, status, asyncio.get_running_loop().time() - started)

    async def stream(
        self, resource: Resource, path: str, query: Mapping[str, str], *, user: str | None = None
    ) -> AsyncIterator[Object]:
        """The events of a watch until the server ends it; ``Transient`` when nothing came for 90 seconds."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=90)
        try:
            async with await self._send(Request("GET", path, user, query), timeout) as response:
                if response.status != 200:
                    raise failure(response.status, response.headers, await response.text(), f"watch {resource.plural}")
                try:
                    async for line in response.content:
                        if line.strip():
                            yield watch_event(depths.parsed(line), resource)
                finally:
                    _cut(response)
        except (aiohttp.ClientError, TimeoutError, ssl.SSLError, OSError, ValueError) as error:
            raise Transient(f"The watch on {resource.plural} broke: {words(error)}.") from error

    async def _send(self, request: "Request", limit: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        configuration = self.api.configuration
        body, content = request.body, request.content
        headers = {"User-Agent": self._user_agent, "Accept": JSON if body is not None else content or JSON}
        for setting in (await configuration.auth_settings()).values():
            headers[setting["key"]] = setting["value"]
        if request.user is not None:
            headers["Impersonate-User"] = request.user
        if body is not None:
            headers["Content-Type"] = content or JSON
        query = urlencode({key: value for key, value in (request.query or {}).items() if value})
        url = f"{configuration.host}{request.path}" + (f"?{query}" if query else "")
        data = None
        if body is not None:
            data = FencedBody(orjson.dumps(body), self._fence)
            limit = aiohttp.ClientTimeout(total=min(seconds_for(self._fence), limit.total or math.inf))
        send = self._pool().request
        return await send(request.method, url, headers=headers, data=data, timeout=limit, proxy=self._proxy)

    def _pool(self) -> aiohttp.ClientSession:
        """The vendor library's TLS set-up on a session of our own, which its request layer would slow down."""
        if self._session is None:
            rest = self.api.rest_client
            connector = aiohttp.TCPConnector(limit=0, ssl=rest.ssl_context, keepalive_timeout=60)
            self._session = aiohttp.ClientSession(connector=connector, read_bufsize=2**21, auto_decompress=True)
        return self._session


def _cut(response: aiohttp.ClientResponse) -> None:
    """Drop a stream that is not at its end: the farewell of TLS would outlast its reader, and even the loop."""
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()
