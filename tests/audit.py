"""Counts what was asked of the API server, by whom, as its audit log tells it."""

import json
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.admin import Admin
from tests.polling import eventually

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
# Creating one of these asks a question; nothing is stored.
_QUESTIONS = frozenset({"authentication.k8s.io", "authorization.k8s.io"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `user` is who it was made as: the impersonated user, if there is one."""

    verb: str
    uri: str
    user: str
    real_user: str
    user_agent: str
    status: int
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str

    @property
    def is_write(self) -> bool:
        """Whether it was to change something that is stored, whatever came of it."""
        return self.verb in _WRITES and "dryRun=All" not in self.uri and self.group not in _QUESTIONS


class Audit:
    """The audit log of one cluster, from a mark on."""

    def __init__(self, log: Path, admin: Admin) -> None:
        self._log = log
        self._admin = admin
        self._offset = log.stat().st_size

    async def mark(self) -> None:
        """Forget all requests that were answered before this call."""
        await self._settled()
        self._offset = self._log.stat().st_size

    async def entries(self) -> list[Entry]:
        """All requests since the mark; those that were answered before this call are surely among them."""
        await self._settled()
        with self._log.open() as log:
            log.seek(self._offset)
            return [_entry(json.loads(line)) for line in log if line.endswith("\n")]

    async def writes(self, *, user: str = "", user_agent: str = "", ignoring: tuple[str, ...] = ()) -> list[Entry]:
        """The writes since the mark by this user (exactly) and user agent (its beginning).

        :param ignoring: names of resources that do not count, such as `leases`.
        """
        return [
            entry
            for entry in await self.entries()
            if entry.is_write
            and (not user or entry.user == user)
            and entry.user_agent.startswith(user_agent)
            and entry.resource not in ignoring
        ]

    async def write_counts(self) -> Counter[tuple[str, str]]:
        """How many writes each (user, user agent) has made since the mark."""
        return Counter((entry.user, entry.user_agent) for entry in await self.writes())

    async def _settled(self) -> None:
        """Wait for a line of our own: the lines of all requests answered before it are in the log then."""
        fence = uuid.uuid4().hex
        await self._admin.get("/version", fence=fence)
        begin = self._offset
        await eventually(lambda: fence in self._since(begin), describe="the audit log shows our own request")

    def _since(self, offset: int) -> str:
        with self._log.open() as log:
            log.seek(offset)
            return log.read()


def _entry(said: dict[str, Any]) -> Entry:
    real = said["user"]["username"]
    target = said.get("objectRef") or {}
    return Entry(
        verb=said["verb"],
        uri=said["requestURI"],
        user=(said.get("impersonatedUser") or {}).get("username", real),
        real_user=real,
        user_agent=said.get("userAgent", ""),
        status=(said.get("responseStatus") or {}).get("code", 0),
        group=target.get("apiGroup", ""),
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
    )
