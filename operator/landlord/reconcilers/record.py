"""The last step of a Tenant's pass: status patched once and only if changed, and Events for what is new in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from landlord.api.conditions import ConditionType, Status
from landlord.api.refs import TENANTS
from landlord.clients.cluster import Cluster
from landlord.core.conditions import find, is_true
from landlord.core.tenant import verdict
from landlord.core.tenant.verdict import Whole
from landlord.reconcilers import objects
from landlord.reconcilers.world import Body, World

Conditions = Sequence[Mapping[str, Any]]


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
        self._world.echo_tenant(await objects.patch_status(self._cluster, TENANTS, body, fresh))
        self._announce_changes(body, before.get("conditions"), fresh["conditions"])

    def _announce_changes(self, body: Body, before: Conditions | None, after: Conditions) -> None:
        old, new = find(before, ConditionType.READY), find(after, ConditionType.READY)
        if (old.get("status"), old.get("reason")) != (new["status"], new["reason"]):
            self.announce(body, new["reason"], new["message"], warning=new["status"] == Status.FALSE.value)
        for kind in _TROUBLES:
            if is_true(after, kind) and not is_true(before, kind):
                found = find(after, kind)
                self.announce(body, found["reason"], found["message"], warning=True)


_TROUBLES = (ConditionType.DRIFTED, ConditionType.CONTESTED, ConditionType.QUOTA_EXCEEDED)
"""Conditions that are news when they come true: a Tenant that has them may be Ready all the same."""
