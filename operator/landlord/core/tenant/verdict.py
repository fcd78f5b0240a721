"""What a pass found out, as the Tenant's status: conditions per environment and for the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from landlord.api.conditions import ConditionType, Reason, Status
from landlord.core.conditions import Finding, find, flag, settle

Json = dict[str, Any]


class State(IntEnum):
    """How an environment fares; the whole Tenant fares as its worst one."""

    READY = 0
    FROZEN = 1
    WORKING = 2
    WAITING = 3
    STUCK = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """One environment as a pass left it."""

    name: str
    namespace: str
    state: State
    reason: Reason
    message: str
    uid: str = ""
    digest: str = ""
    adopted: bool = False
    drift: tuple[str, ...] = ()
    is_capped: bool = False
    contested: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    preview: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """What concerns the Tenant as a whole. ``fault`` stops everything else: an invalid spec, a full aggregate."""

    generation: int
    cordoned: bool = False
    suspended: bool = False
    fault: tuple[Reason, str] | None = None
    deleting: str = ""
    members: Sequence[Json] = ()
    handled_at: str | None = None
    seen: Sequence[Seen] = field(default_factory=tuple)
    untouched: Sequence[Json] = ()
    """Environment entries that stay as they were, because nothing was done."""


def status(before: Mapping[str, Any], whole: Whole, now: datetime) -> Json:
    """The full new status, in the shape of ``TenantStatus``."""
    old = {entry.get("name"): entry for entry in before.get("environments") or ()}
    environments = [_environment(old.get(seen.name) or {}, seen, whole.generation, now) for seen in whole.seen]
    environments += whole.untouched
    ready = sum(_is_ready(entry) for entry in environments)
    fresh: Json = {
        "observedGeneration": whole.generation,
        "conditions": settle(before.get("conditions") or (), _findings(before, whole), whole.generation, now),
        "environments": environments,
        "members": list(whole.members),
        "summary": f"{ready}/{len(environments)}",
    }
    return fresh | ({"lastHandledReconcileAt": whole.handled_at} if whole.handled_at else {})


def same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether writing ``after`` over ``before`` would change nothing."""
    return all(before.get(key) == value for key, value in after.items())


def _environment(before: Mapping[str, Any], seen: Seen, generation: int, now: datetime) -> Json:
    flags = (
        flag(ConditionType.DRIFTED, _drift_reasons([seen]), " ".join(seen.drift), ""),
        flag(ConditionType.CONTESTED, (Reason.OTHER_WRITER, Reason.NO_DRIFT), " ".join(seen.contested), ""),
        flag(ConditionType.QUOTA_EXCEEDED, (Reason.USED_ABOVE_QUOTA, Reason.APPLIED), " ".join(seen.over), ""),
    )
    raised = [each for each in flags if each.status is Status.TRUE]  # the Tenant's own conditions say the calm ones
    findings = [*_triple(before, seen.state, seen.reason, seen.message), *raised]
    return {
        "name": seen.name,
        "namespace": seen.namespace,
        "uid": seen.uid,
        "digest": seen.digest,
        "adopted": seen.adopted,
        "preview": list(seen.preview),
        "conditions": settle(before.get("conditions") or (), findings, generation, now),
    }


def _findings(before: Mapping[str, Any], whole: Whole) -> list[Finding]:
    state, reason, message = _summary(whole)
    findings = _triple(before, state, reason, message)
    drift = "; ".join(f"{seen.name}: {' '.join(seen.drift)}" for seen in whole.seen if seen.drift)
    contested = "; ".join(f"{seen.name}: {' '.join(seen.contested)}" for seen in whole.seen if seen.contested)
    over = "; ".join(f"{seen.name}: {' '.join(seen.over)}" for seen in whole.seen if seen.over)
    cordon = (
        "The tenant's people and releases may write nothing until spec.cordoned is false." if whole.cordoned else ""
    )
    findings += [
        flag(
            ConditionType.DRIFTED,
            (Reason.DRIFT_FOUND, Reason.NO_DRIFT),
            drift,
            "Nothing differs from what was applied.",
        ),
        flag(
            ConditionType.CONTESTED,
            (Reason.OTHER_WRITER, Reason.NO_DRIFT),
            contested,
            "Nobody changes back what is corrected.",
        ),
        flag(
            ConditionType.QUOTA_EXCEEDED, (Reason.USED_ABOVE_QUOTA, Reason.APPLIED), over, "Use is within all quotas."
        ),
        flag(ConditionType.CORDONED, (Reason.CORDONED, Reason.APPLIED), cordon, "The tenant may write."),
    ]
    if whole.deleting:
        findings.append(Finding(ConditionType.DELETING, Status.TRUE, Reason.DELETING, whole.deleting))
    return findings


def _summary(whole: Whole) -> tuple[State, Reason, str]:
    if whole.deleting:
        return State.WORKING, Reason.DELETING, whole.deleting
    if whole.suspended:
        return State.FROZEN, Reason.SUSPENDED, "Suspended: nothing is changed until spec.suspend is false."
    if whole.fault:
        return State.STUCK, *whole.fault
    worst = max(whole.seen, key=lambda seen: seen.state, default=None)
    if worst is None or worst.state is State.READY:
        count = len(whole.seen)
        return (
            State.READY,
            Reason.APPLIED,
            f"All {count} environments are as the spec says."
            if count != 1
            else ("The environment is as the spec says."),
        )
    told = "; ".join(f"{seen.name}: {seen.message}" for seen in whole.seen if seen.state is not State.READY)
    return worst.state, worst.reason, told


def _drift_reasons(seen: Sequence[Seen]) -> tuple[Reason, Reason]:
    is_capped = any(each.is_capped for each in seen)
    return (Reason.CORRECTIONS_CAPPED if is_capped else Reason.DRIFT_FOUND), Reason.NO_DRIFT


def _triple(before: Mapping[str, Any], state: State, reason: Reason, message: str) -> list[Finding]:
    """Ready, and Reconciling or Stalled only while they are true, as kstatus wants it."""
    ready = {
        State.READY: Status.TRUE,
        State.FROZEN: _frozen(before),
        State.WORKING: Status.UNKNOWN,
        State.WAITING: Status.FALSE,
        State.STUCK: Status.FALSE,
    }[state]
    findings = [Finding(ConditionType.READY, ready, reason, message)]
    if state is State.WORKING:
        findings.append(Finding(ConditionType.RECONCILING, Status.TRUE, reason, message))
    if state is State.STUCK:
        findings.append(Finding(ConditionType.STALLED, Status.TRUE, reason, message))
    return findings


def _frozen(before: Mapping[str, Any]) -> Status:
    """Ready as it was: what is frozen neither gets better nor worse."""
    last = find(before.get("conditions"), ConditionType.READY).get("status")
    return Status(last) if last in (Status.TRUE.value, Status.FALSE.value) else Status.FALSE


def _is_ready(environment: Mapping[str, Any]) -> bool:
    return bool(find(environment.get("conditions"), ConditionType.READY).get("status") == Status.TRUE.value)
