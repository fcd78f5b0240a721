"""The yardstick: an asynchronous client that server-side-applies given objects as fast as it can, and nothing else."""

import asyncio
import json
import time
from typing import Any

import aiohttp

from landlord.api.refs import BY_KIND
from tests.admin import Admin

Object = dict[str, Any]
PARALLEL = 64


async def apply_all(admin: Admin, per_namespace: list[list[Object]]) -> float:
    """Seconds to apply everything: in each namespace the Namespace first, then the rest side by side."""
    slots = asyncio.Semaphore(PARALLEL)
    connector = aiohttp.TCPConnector(limit=0, ssl=admin.tls)
    async with aiohttp.ClientSession(connector=connector, headers={"User-Agent": "bare"}) as session:

        async def one(manifest: Object) -> None:
            async with slots:
                await _apply(session, admin, manifest)

        async def furnish(manifests: list[Object]) -> None:
            await one(manifests[0])
            await asyncio.gather(*(one(manifest) for manifest in manifests[1:]))

        started = time.perf_counter()
        await asyncio.gather(*(furnish(manifests) for manifests in per_namespace))
        return time.perf_counter() - started


async def _apply(session: aiohttp.ClientSession, admin: Admin, manifest: Object) -> None:
    meta = manifest["metadata"]
    path = BY_KIND.get(manifest["kind"])
    assert path is not None
    url = f"{admin.server}{path.path(meta.get('namespace'), meta['name'])}?fieldManager=landlord&force=true"
    headers = [*admin.headers, ("Content-Type", "application/apply-patch+yaml"), ("Accept", "application/json")]
    async with session.patch(url, data=json.dumps(manifest), headers=headers) as answer:
        body = await answer.read()
        assert answer.status < 300, body.decode()
