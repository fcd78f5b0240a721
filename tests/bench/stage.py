"""A fresh cluster with Landlord installed, and the operator in it, for one measurement at a time."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from sandbox import cluster as sandbox
from tests.admin import Admin, open_admin
from tests.installation import install
from tests.manifests import TENANTS, condition
from tests.operator_process import OperatorProcess, operator_token_kubeconfig, running_operator

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """One sandbox for the whole run; ``fresh`` empties it."""

    folder: Path

    async def fresh(self) -> Path:
        """An empty cluster with CRDs, rights and policies; the operator's kubeconfig."""
        record = await asyncio.to_thread(sandbox.reset, self.folder / "cluster")
        return await asyncio.to_thread(self._install, record.kubeconfig)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Admin]:
        """Whoever may do everything."""
        async with open_admin(str(self.folder / "cluster" / "kubeconfig"), self.folder) as admin:
            yield admin

    @asynccontextmanager
    async def identity(self, kubeconfig: Path) -> AsyncIterator[Admin]:
        """The operator's identity as a plain client."""
        async with open_admin(str(kubeconfig), self.folder) as client:
            yield client

    @contextmanager
    def operator(self, kubeconfig: Path, *flags: str) -> Iterator[OperatorProcess]:
        """The operator with its default settings, the Lease included."""
        with running_operator(kubeconfig, self.folder, *flags, name=f"operator-{time.monotonic_ns()}") as process:
            yield process

    def writes_since(self, offset: int) -> list[str]:
        """Writes of the operator in the audit log beyond ``offset``, Lease renewals apart."""
        found = []
        with self.audit_log().open() as log:
            log.seek(offset)
            for line in log:
                entry = json.loads(line)
                is_ours = entry.get("userAgent", "").startswith(("landlord/", "kopf/"))
                if is_ours and entry["verb"] not in ("get", "list", "watch") and "/leases" not in entry["requestURI"]:
                    found.append(f"{entry['verb']} {entry['requestURI']}")
        return found

    def audit_log(self) -> Path:
        """The API server's audit log."""
        return Path(json.loads((self.folder / "cluster" / "sandbox.json").read_text())["audit_log"])

    def _install(self, kubeconfig: str) -> Path:
        return operator_token_kubeconfig(install(kubeconfig), kubeconfig, self.folder)


async def all_ready(admin: Admin, count: int) -> None:
    """Return once so many Tenants are Ready in their present generation; seen by one watch."""
    ready: set[str] = set()
    while True:
        listed = await admin.get(TENANTS)
        ready = {item["metadata"]["name"] for item in listed["items"] if is_ready(item)}
        if len(ready) >= count:
            return
        query = f"watch=true&resourceVersion={listed['metadata']['resourceVersion']}&timeoutSeconds=300"
        url, headers = f"{admin.server}{TENANTS}?{query}", list(admin.headers)
        timeout = aiohttp.ClientTimeout(total=None, sock_read=300)
        async with admin.session.get(
            url, headers=headers, ssl=admin.tls, timeout=timeout, read_bufsize=2**22
        ) as stream:
            async for line in stream.content:
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED") and is_ready(event["object"]):
                    ready.add(event["object"]["metadata"]["name"])
                if len(ready) >= count:
                    return


def is_ready(obj: Object) -> bool:
    """Whether the object is Ready, in the generation it has now."""
    current = (obj.get("status") or {}).get("observedGeneration") == obj["metadata"]["generation"]
    return current and condition(obj).get("status") == "True"


def consumption(process: OperatorProcess) -> tuple[float, int]:
    """CPU seconds so far and resident bytes."""
    seen = psutil.Process(process.pid)
    times = seen.cpu_times()
    return times.user + times.system, seen.memory_info().rss
