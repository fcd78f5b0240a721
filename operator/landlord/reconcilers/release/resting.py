"""A release at rest: looked at once in its interval for health and drift, and in between not at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from landlord.api.apprelease import DriftMode
from landlord.api.failures import LandlordFailure
from landlord.api.refs import Ref
from landlord.api.releases import StoredRelease
from landlord.clients.cluster import Cluster
from landlord.core.health.signs import State
from landlord.core.release.drift import Drift, Ignore
from landlord.core.release.facts import Health
from landlord.core.release.ledger import Operation
from landlord.reconcilers import objects
from landlord.reconcilers.release import stuck
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.drifting import Drifting
from landlord.reconcilers.release.inventory import Inventory
from landlord.reconcilers.release.observation import Observation

SOON: Final = timedelta(seconds=30)
"""A release that is not well is looked at again after this long."""

Corrected = Callable[[str, str], None]
"""Counts a correction: the kind of object, and ``applied`` or ``recreated``."""


@dataclass(frozen=True, slots=True)
class Rested:
    """What the last look at a release at rest found."""

    at: datetime
    revision: int
    asked: str | None
    health: Health | None
    """None also while what was put right has not settled yet."""
    drift: tuple[Mapping[str, Any], ...] = ()
    inventory: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)
    """What was put right."""
    troubles: tuple[str, ...] = field(default_factory=tuple)
    """What could not be put right, or not be looked at; empty when the look before found the same: it is no news."""
    unmended: tuple[str, ...] = field(default_factory=tuple)
    """The same whether it is news or not."""
    wish: object = None
    """How drift was to be treated."""

    @property
    def is_well(self) -> bool:
        """Whether nothing calls for an early look."""
        return self.health is not None and self.health.state is State.READY


class Resting:
    """Remembers each release's last look; what is lost by a restart is looked at again."""

    def __init__(self, cluster: Cluster, observation: Observation, corrected: Corrected) -> None:
        self._cluster = cluster
        self._observation = observation
        self._drifting = Drifting(cluster, observation.eyes)
        self._corrected = corrected
        self._known: dict[Ref, Rested] = {}
        self._deployed: dict[Ref, Rested] = {}

    def forget(self, ref: Ref) -> None:
        """The release is gone, or is changed: what was seen counts no more."""
        self._known.pop(ref, None)
        self._deployed.pop(ref, None)
        self._drifting.forget(ref)

    def change(self, case: Case, operation: Operation, at: datetime) -> None:
        """Helm is about to work on it. After a deploy all is as wanted: drift is what comes later."""
        self.forget(case.ref)
        if operation is Operation.DEPLOY:
            self._deployed[case.ref] = Rested(at, 0, objects.asked_at(case.body), None, wish=_wish(case))

    async def begin(self, case: Case, revision: int, health: Health | None) -> None:
        """A deploy of this process was proven, with this health: its first look at rest is made by that.

        The look counts from the deploy on, because so old is what is known of drift; and what was asked for since
        is still to be done.
        """
        deployed = self._deployed.pop(case.ref, None)
        if deployed is None or health is None:
            return
        found = await self._observation.stored(case, revision)
        entries = _entries(found[1]) if found is not None else ()
        self._known[case.ref] = replace(deployed, revision=revision, health=health, inventory=entries)

    async def look(self, case: Case, revision: int) -> Rested:
        """What the last look found; a new one when its time has come, or somebody asked for it."""
        known = self._known.get(case.ref)
        if known is not None and not self._is_due(case, known, revision):
            return known
        fresh = await self._look(case, revision)
        is_news = known is None or known.unmended != fresh.unmended
        fresh = replace(fresh, troubles=fresh.unmended if is_news else (), wish=_wish(case))
        self._known[case.ref] = fresh
        return fresh

    async def free_stuck(self, case: Case, revision: int) -> tuple[str, ...]:
        """After a rollback: delete pods of the rejected revision that keep an ordered StatefulSet from going on."""
        found = await self._observation.stored(case, revision)
        if found is None:
            return ()
        live = await self._observation.eyes.live(found[1])
        owned = await self._observation.eyes.owned(live, case.namespace)
        sets = [obj for entry, obj in live.objects.items() if entry.kind == "StatefulSet"]
        return await stuck.free(self._cluster, case.namespace, stuck.blocking(sets, owned.pods))

    def _is_due(self, case: Case, known: Rested, revision: int) -> bool:
        if known.revision != revision or known.asked != objects.asked_at(case.body):
            return True
        if known.wish != _wish(case):
            return True
        return case.now >= known.at + (case.interval * 0.85 if known.is_well else min(SOON, case.interval))

    async def _look(self, case: Case, revision: int) -> Rested:
        """Health is judged last, and not against what was put right just now: its controller needs a moment."""
        asked = objects.asked_at(case.body)
        found = await self._observation.stored(case, revision)
        if found is None:
            return Rested(case.now, revision, asked, None)
        seen = Rested(case.now, revision, asked, None, inventory=_entries(found[1]))
        if case.drift_mode is not DriftMode.IGNORE:
            seen = await self._compare(case, found, seen)
        health = await self._observation.health(case, revision, None, is_first=False)
        is_settling = bool(seen.notes) and health is not None and health.state is not State.READY
        return replace(seen, health=None if is_settling else health)

    async def _compare(self, case: Case, found: tuple[StoredRelease, Inventory], seen: Rested) -> Rested:
        """What has drifted, and what became of it where it is to be put right."""
        ignore = ignored(case)
        findings = await self._drifting.look(case.ref, *found, ignore)
        left, done, failed = list(findings.drifts), list[str](), list[str]()
        if left and case.drift_mode is DriftMode.CORRECT and case.closed is None:
            left, done, failed = await self._correct(case, found, findings.drifts, ignore)
        unmended = (*failed, *list(findings.unseen.values())[:5])
        return replace(seen, drift=tuple(map(_told, left)), notes=tuple(done), unmended=unmended)

    async def _correct(
        self,
        case: Case,
        found: tuple[StoredRelease, Inventory],
        drifts: tuple[Drift, ...],
        ignore: tuple[Ignore, ...],
    ) -> tuple[list[Drift], list[str], list[str]]:
        """Put right what can be: what is left, what was done, and what failed."""
        release, kept = found
        try:
            done = await self._drifting.correct(case.ref, release, kept, drifts, ignore)
        except LandlordFailure as failure:
            return list(drifts), [], [failure.why]
        left: list[Drift] = []
        notes: list[str] = []
        failed: list[str] = []
        for one in done:
            if one.failure is not None:
                left.append(one.drift)
                failed.append(f"{one.drift.why} {one.failure.why}")
                continue
            self._corrected(one.drift.entry.kind, "recreated" if one.drift.is_gone else "applied")
            notes.append(f"{one.drift.why} It is as deployed again.")
        return left, notes, failed


def _wish(case: Case) -> object:
    return case.drift_mode, ignored(case)


def _entries(kept: Inventory) -> tuple[str, ...]:
    return tuple(f"{item.entry.api_version} {item.entry.kind} {item.entry.name}" for item in kept.items)


def ignored(case: Case) -> tuple[Ignore, ...]:
    """What the spec leaves to others."""
    if case.release is None:
        return ()
    rules = case.release.spec.drift.ignore
    return tuple(
        Ignore(rule.pointers, rule.target.kind if rule.target else "", rule.target.name if rule.target else "")
        for rule in rules
    )


def _told(drift: Drift) -> Mapping[str, Any]:
    """One drifted object in the shape of ``DriftedObject``."""
    what = f"{drift.entry.kind} {drift.entry.name}"
    if drift.is_gone:
        return {"object": what, "fields": [], "manager": ""}
    managers = ", ".join(sorted({change.manager for change in drift.changes}))[:253]
    return {"object": what, "fields": [change.pointer for change in drift.changes[:16]], "manager": managers}
