"""The last step of a Tenant's pass: status patched once and only if changed, and an Event for a new reason."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from landlord.api.conditions import ConditionType
from landlord.api.refs import TENANTS
from landlord.clients.cluster import Cluster
from landlord.core.conditions import find
from landlord.core.tenant import verdict
from landlord.core.tenant.verdict import Whole
from landlord.reconcilers import objects
from landlord.reconcilers.world import Body, World


class Announce(Protocol):
    """Tells people of a change by an Event; never blocks and never fails."""

    def __call__(self, body: Mapping[str, Any], reason: str, note: str, *, warning: bool = False) -> None:
        """Say ``note`` about the object."""


class Recorder:
    """Writes what passes found into Tenants' statuses."""

    def __init__(self, cluster: Cluster, world: World, announce: Announce) -> None:
        self._cluster = cluster
        self._world = world
        self.announce = announce

    async def record(self, body: Body, whole: Whole, now: datetime) -> None:
        """Make the status say what ``whole`` says; quiet when it says so already."""
        before = body.get("status") or {}
        fresh = verdict.status(before, whole, now)
        if verdict.same(before, fresh):
            return
        self._world.put_tenant(await objects.patch_status(self._cluster, TENANTS, body, fresh))
        old = find(before.get("conditions"), ConditionType.READY)
        new = find(fresh["conditions"], ConditionType.READY)
        if (old.get("status"), old.get("reason")) != (new["status"], new["reason"]):
            self.announce(body, new["reason"], new["message"], warning=new["status"] == "False")
