"""An Environment's status, from the statuses of the Tenants that name it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from landlord.api.conditions import ConditionType, Reason, Status
from landlord.core.conditions import Finding, find, flag, is_true, settle

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Inhabitant:
    """A Tenant that names the Environment; ``status`` is its entry for it, empty before its first pass."""

    tenant: str
    status: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that decides an Environment's status."""

    generation: int
    deleting: bool
    suspended: bool
    inhabitants: Sequence[Inhabitant]
    handled_at: str | None = None
    fault: str = ""
    """Why the spec is not understood, empty when it is."""
    releases: Sequence[Mapping[str, Any]] = ()
    """Statuses of the AppReleases in its namespaces."""


def status(before: Mapping[str, Any], facts: Facts, now: datetime) -> Json:
    """The full new status, in the shape of ``EnvironmentStatus``."""
    fresh: Json = {
        "observedGeneration": facts.generation,
        "conditions": settle(before.get("conditions") or (), _findings(facts), facts.generation, now),
        "tenants": counts(facts.inhabitants),
        "releases": release_counts(facts.releases),
    }
    return fresh | ({"lastHandledReconcileAt": facts.handled_at} if facts.handled_at else {})


def counts(inhabitants: Sequence[Inhabitant]) -> dict[str, int]:
    """Tenants by state."""
    all_conditions = [inhabitant.status.get("conditions") or () for inhabitant in inhabitants]
    ready = [find(conditions, ConditionType.READY).get("status") for conditions in all_conditions]
    return {
        "total": len(inhabitants),
        "ready": ready.count(Status.TRUE.value),
        "failed": ready.count(Status.FALSE.value),
        "drifted": sum(is_true(conditions, ConditionType.DRIFTED) for conditions in all_conditions),
    }


def release_counts(statuses: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """AppReleases by state."""
    all_conditions = [status.get("conditions") or () for status in statuses]
    held = [is_true(conditions, ConditionType.HELD) for conditions in all_conditions]
    ready = [find(conditions, ConditionType.READY).get("status") for conditions in all_conditions]
    failed = [each == Status.FALSE.value and not is_held for each, is_held in zip(ready, held, strict=True)]
    return {
        "total": len(statuses),
        "ready": ready.count(Status.TRUE.value),
        "progressing": len(ready) - ready.count(Status.TRUE.value) - ready.count(Status.FALSE.value),
        "held": sum(held),
        "failed": sum(failed),
    }


def holders(inhabitants: Sequence[Inhabitant]) -> str:
    """The Tenants that name it, for a message: at most ten, then a number."""
    tenants = sorted(inhabitant.tenant for inhabitant in inhabitants)
    more = f" and {len(tenants) - 10} more" if len(tenants) > 10 else ""
    return ", ".join(tenants[:10]) + more


def _findings(facts: Facts) -> list[Finding]:
    named = holders(facts.inhabitants)
    findings = [_ready(facts, named)]
    if facts.deleting and named:
        findings.append(Finding(ConditionType.RECONCILING, Status.TRUE, Reason.TENANTS_PRESENT, findings[0].message))
    if facts.fault and not facts.deleting:
        findings.append(Finding(ConditionType.STALLED, Status.TRUE, Reason.INVALID_SPEC, findings[0].message))
    in_use = (Reason.TENANTS_PRESENT, Reason.NO_TENANTS)
    findings.append(
        flag(ConditionType.IN_USE, in_use, f"Named by {_plural(facts)}." if named else "", "No Tenant names it.")
    )
    return findings


def _ready(facts: Facts, named: str) -> Finding:
    if facts.deleting:
        message = f"Being deleted; held while these Tenants name it: {named}. Take it out of them first."
        return Finding(ConditionType.READY, Status.UNKNOWN, Reason.TENANTS_PRESENT, message)
    if facts.fault:
        message = (
            f"{facts.fault}. Change it as kubectl explain environment.spec says; no tenant is changed here until then."
        )
        return Finding(ConditionType.READY, Status.FALSE, Reason.INVALID_SPEC, message)
    if facts.suspended:
        return Finding(
            ConditionType.READY, Status.TRUE, Reason.SUSPENDED, "Suspended: its tenants are left as they are."
        )
    return Finding(ConditionType.READY, Status.TRUE, Reason.APPLIED, "Its tenants get its defaults.")


def _plural(facts: Facts) -> str:
    count = len(facts.inhabitants)
    return "1 Tenant" if count == 1 else f"{count} Tenants"
