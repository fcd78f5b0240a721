"""Reading a tenant's objects afresh: when it is asked for, and once in an interval, lest a watch missed something."""

import asyncio
from datetime import datetime, timedelta

from landlord.api import names
from landlord.api.refs import CHILDREN
from landlord.clients.cluster import Cluster
from landlord.core.child import observe
from landlord.reconcilers import objects
from landlord.reconcilers.world import Body, World


class Verifier:
    """Remembers when each tenant was last read; the first time counts as read, because the caches are new then."""

    def __init__(self, cluster: Cluster, world: World) -> None:
        self._cluster = cluster
        self._world = world
        self._last: dict[str, datetime] = {}

    async def verify_if_due(self, body: Body, interval: timedelta, now: datetime) -> None:
        """Read the tenant's objects when the interval is over or a new request stands in the annotations."""
        name = body["metadata"]["name"]
        asked = objects.asked_at(body)
        is_asked = asked is not None and asked != (body.get("status") or {}).get("lastHandledReconcileAt")
        if is_asked or now - self._last.setdefault(name, now) >= interval:
            await self.verify(name, now)

    async def verify(self, name: str, now: datetime) -> None:
        """Read all of the tenant's objects from the API server and take them as the truth."""
        selector, before = f"{names.LABEL_TENANT}={name}", self._world.known(tenant=name)
        lists = await asyncio.gather(*(self._cluster.list_all(kind, selector=selector) for kind in CHILDREN))
        live = [observe(kind.kind, item) for kind, items in zip(CHILDREN, lists, strict=True) for item in items]
        self._world.replace(before, live)
        self._last[name] = now

    def forget(self, name: str) -> None:
        """Drop what is remembered of a Tenant that is gone."""
        self._last.pop(name, None)
