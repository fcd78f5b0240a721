"""What the kubelet and Prometheus ask: ``/healthz``, ``/readyz`` and ``/metrics`` over plain HTTP."""

import logging
import os
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from landlord.api.failures import Refused

_log = logging.getLogger(__name__)

Complaints = Callable[[], list[str]]
"""What is wrong now, in words; empty when all is well."""
Remarks = Callable[[], list[str]]
"""What somebody should know though all works, in words."""
Scrape = Callable[[str], Awaitable[tuple[bytes, str]]]
"""The metrics for an ``Accept`` header: text and content type."""


class Server:
    """Serves until closed. Use as an async context manager; ``address`` is known once it has started."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        unhealthy: Complaints,
        unready: Complaints,
        scrape: Scrape,
        remarks: Remarks = list,
    ) -> None:
        self.address = address
        self._scrape = scrape
        app = web.Application()
        app.router.add_get("/healthz", _answer(unhealthy))
        app.router.add_get("/readyz", _answer(unready, remarks))
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)

    async def __aenter__(self) -> Self:
        """Listen; raises ``Refused`` when that address cannot be had."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, *self.address).start()
        except OSError as error:
            await self._runner.cleanup()
            raise Refused(
                f"Cannot listen on {self.address[0]}:{self.address[1]}: {os.strerror(error.errno or 0)}."
            ) from error
        self.address = self._runner.addresses[0][:2]
        _log.info("Serving /healthz, /readyz and /metrics on %s:%d.", *self.address)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = await self._scrape(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})


def _answer(complaints: Complaints, remarks: Remarks = list) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        wrong = complaints()
        lines = [*(wrong or ["ok"]), *remarks()]
        return web.Response(text="\n".join(lines) + "\n", status=503 if wrong else 200)

    return answer
