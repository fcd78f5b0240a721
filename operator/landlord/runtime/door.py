"""The front door: kopf watches our kinds and hands every event in. Nothing but this module knows kopf.

Only ``on.event`` is used: kopf then writes nothing at all, neither annotations nor finalizers, and decides nothing.
It runs in the caller's event loop, with a registry and settings of its own. Two habits of kopf to live with: when it
ends it cancels every task created after its start, so it ends with the process; and it takes over SIGTERM and
SIGINT, which is why ``started`` is called once it has, for the caller to take them back.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final, Protocol

import aiohttp
import kopf
from kopf._cogs.clients import api

from landlord.api.names import GROUP
from landlord.api.refs import Resource
from landlord.clients import depths
from landlord.clients.identity import Identity

_log = logging.getLogger(__name__)

Object = dict[str, Any]
OnEvent = Callable[[str, str | None, Object], None]
"""Told the kind, the type (None: from a listing; ADDED, MODIFIED, DELETED) and the body, and must be quick.

Of an object that vanished unseen the body holds ``metadata`` with name, namespace and uid only. Bodies may be older
than our own last write. A burst of DELETED may mean that the CRD went away.
"""

LOGIN_SECONDS: Final = 600
"""How long a token is used before it is read again; the kubelet renews it well before it ends."""


class LoggedIn(Protocol):
    """The part of ``Cluster`` the door needs."""

    async def identity(self) -> Identity:
        """Address and credentials as they are now."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The latest state of an object that came through the door."""

    name: str
    version: str
    namespace: str | None = None


class Backoffs:
    """Pauses between attempts, for ever: doubling from 0.1 s to 30 s, half to whole, so that an outage is sat out."""

    def __iter__(self) -> Iterator[float]:
        pause = 0.1
        while True:
            yield pause * random.uniform(0.5, 1)  # noqa: S311 - not a secret
            pause = min(pause * 2, 30.0)


class Door:
    """Kinds of ours, watched by kopf. ``run`` returns only when cancelled or when kopf cannot go on."""

    def __init__(self, cluster: LoggedIn, resources: tuple[Resource, ...], on_event: OnEvent) -> None:
        self._cluster = cluster
        self._on_event = on_event
        self.resources = resources
        self.shown: dict[str, dict[str, Shown]] = {resource.kind: {} for resource in resources}
        """What came through, by kind and UID; what was deleted is not in it."""

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Let kopf watch until cancelled; raises when kopf gives up."""
        _read_any_depth()
        ready = asyncio.Event()
        announcing = asyncio.ensure_future(_call_when(ready, started))
        try:
            await kopf.operator(
                registry=self._registry(), settings=settings(), clusterwide=True, standalone=True, ready_flag=ready
            )
        finally:
            announcing.cancel()
        _log.warning("kopf has ended.")

    def declare_gone(self, kind: str, uid: str) -> None:
        """An object vanished without a DELETED, which a watch after a gap does not tell: hand one in."""
        shown = self.shown[kind].pop(uid, None)
        if shown is not None:
            where = {"namespace": shown.namespace} if shown.namespace else {}
            self._on_event(kind, "DELETED", {"metadata": {"name": shown.name, "uid": uid, **where}})

    def come_in(self, kind: str, type_: str | None, body: Object) -> None:
        """One event of kopf's."""
        meta = body["metadata"]
        if type_ == "DELETED":
            self.shown[kind].pop(meta["uid"], None)
        else:
            self.shown[kind][meta["uid"]] = Shown(meta["name"], meta["resourceVersion"], meta.get("namespace"))
        self._on_event(kind, type_, body)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._login)
        for resource in self.resources:
            kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)(
                _handler(resource.kind, self.come_in)
            )
        return registry

    async def _login(self, **_: Any) -> kopf.ConnectionInfo:
        return connection(await self._cluster.identity(), datetime.now(UTC))  # noqa: TID251 - the runtime reads it


def _read_any_depth() -> None:
    """Let kopf read objects of any depth: its own way ends it, and us, at the first that is 1,000 levels deep.

    kopf has no setting for this. Lists it reads by aiohttp's ``json()``, events by ``json.loads``.
    """
    setattr(api, "json", SimpleNamespace(loads=depths.loads))  # noqa: B010 - it is no name that kopf exports
    (aiohttp.ClientResponse.json.__kwdefaults__ or {})["loads"] = depths.loads


def _handler(kind: str, come_in: Callable[[str, str | None, Object], None]) -> Callable[..., Any]:
    async def on_event(event: kopf.RawEvent, **_: Any) -> None:
        come_in(kind, event["type"], dict(event["object"]))

    on_event.__name__ = on_event.__qualname__ = f"on_{kind.lower()}"
    return on_event


def connection(identity: Identity, now: datetime) -> kopf.ConnectionInfo:
    """Our identity in kopf's words; what can rotate is asked for again after ``LOGIN_SECONDS``."""
    scheme, _, token = (identity.authorization or "").partition(" ")
    return kopf.ConnectionInfo(
        server=identity.server,
        ca_path=identity.ca_file,
        insecure=identity.insecure,
        certificate_path=identity.certificate_file,
        private_key_path=identity.key_file,
        proxy_url=identity.proxy,
        scheme=scheme or None,
        token=token or None,
        trust_env=True,
        expiration=now + timedelta(seconds=LOGIN_SECONDS) if token else None,
    )


def settings() -> kopf.OperatorSettings:
    """How kopf behaves here: endless patience with the API server, no writes, no opinion."""
    chosen = kopf.OperatorSettings()
    chosen.watching.chunk_size = 500
    chosen.watching.server_timeout = 300
    chosen.watching.client_timeout = 330
    chosen.watching.connect_timeout = 10
    chosen.watching.reconnect_backoff = 1.0
    chosen.queueing.idle_timeout = 1
    chosen.queueing.exit_timeout = 5
    chosen.queueing.error_delays = (1, 2, 5, 10, 30, 60)
    chosen.networking.request_timeout = 30
    chosen.networking.connect_timeout = 5
    chosen.networking.error_backoffs = Backoffs()
    chosen.networking.enforce_retry_after = True
    chosen.posting.enabled = False
    chosen.peering.standalone = True
    # kopf takes its own finalizer off wherever no handler of its needs one, so it must not be ours.
    chosen.persistence.finalizer = f"{GROUP}/kopf-has-none"
    chosen.persistence.diffbase_storage = _NoDifferences()
    # kopf must see CRDs come and go: without that a CRD that is deleted ends it, and one that comes late is never seen.
    chosen.scanning.disabled = False
    # Our own exit is bounded by the drain time; kopf's last resort would kill the thread of the caller.
    chosen.process.ultimate_exiting_timeout = None
    return chosen


class _NoDifferences(kopf.DiffBaseStorage):
    """Spares kopf the deep copies by which it would compare bodies; nobody here asks what it found."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:
        """No essence at all."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Nothing was stored."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Store nothing."""


async def _call_when(ready: asyncio.Event, started: Callable[[], None]) -> None:
    await ready.wait()
    started()
