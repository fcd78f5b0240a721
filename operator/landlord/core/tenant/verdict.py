"""What a pass found out, as the Tenant's status: conditions per environment and for the whole."""

from collections.abc import Iterable, Mapping, Sequence
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
    expected: int = 0
    """How many environments the spec has, for the summary of a Tenant in which nothing was done yet."""
    seen: Sequence[Seen] = field(default_factory=tuple)
    untouched: Sequence[Json] = ()
    """Environment entries that stay as they were, because nothing was done."""


def status(before: Mapping[str, Any], whole: Whole, now: datetime) -> Json:
    """The full new status, in the shape of ``TenantStatus``."""
    old = {entry.get("name"): entry for entry in before.get("environments") or ()}
    environments = [_environment(old.get(seen.name) or {}, seen, whole.generation, now) for seen in _worst(whole.seen)]
    environments += whole.untouched
    ready = sum(_is_ready(entry) for entry in environments)
    findings = _findings(before, whole, environments)
    fresh: Json = {
        "observedGeneration": whole.generation,
        "conditions": settle(before.get("conditions") or (), findings, whole.generation, now),
        "environments": environments,
        "members": list(whole.members),
        "summary": f"{ready}/{max(len(environments), whole.expected)}",
    }
    return fresh | ({"lastHandledReconcileAt": whole.handled_at} if whole.handled_at else {})


def same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether writing ``after`` over ``before`` would change nothing."""
    return all(before.get(key) == value for key, value in after.items())


def _worst(all_seen: Sequence[Seen]) -> Iterable[Seen]:
    """One for each name, the worst: a name that stands twice in a status could not be stored."""
    worst: dict[str, Seen] = {}
    for seen in all_seen:
        known = worst.setdefault(seen.name, seen)
        if seen.state > known.state:
            worst[seen.name] = seen
    return worst.values()


def _environment(before: Mapping[str, Any], seen: Seen, generation: int, now: datetime) -> Json:
    drift_reason = Reason.CORRECTIONS_CAPPED if seen.is_capped else Reason.DRIFT_FOUND
    flags = (
        flag(ConditionType.DRIFTED, (drift_reason, Reason.NO_DRIFT), " ".join(seen.drift), ""),
        flag(ConditionType.CONTESTED, (Reason.OTHER_WRITER, Reason.NO_DRIFT), " ".join(seen.contested), ""),
        flag(ConditionType.QUOTA_EXCEEDED, (Reason.USED_ABOVE_QUOTA, Reason.APPLIED), " ".join(seen.over), ""),
    )
    raised = [each for each in flags if each.status is Status.TRUE]  # the Tenant's own conditions say the calm ones
    findings = [*_triple(seen.state, seen.reason, seen.message, frozen=_as_it_was(before)), *raised]
    entry: Json = {
        "name": seen.name,
        "namespace": seen.namespace,
        "uid": seen.uid,
        "digest": seen.digest,
        "conditions": settle(before.get("conditions") or (), findings, generation, now),
    }
    if seen.adopted:
        entry["adopted"] = True
    return entry | ({"preview": list(seen.preview)} if seen.preview else {})


def _findings(before: Mapping[str, Any], whole: Whole, environments: Sequence[Json]) -> list[Finding]:
    state, reason, message = _summary(whole)
    frozen = _as_it_was(before)
    if whole.seen:
        frozen = Status.TRUE if all(_is_ready(entry) for entry in environments) else Status.FALSE
    findings = _triple(state, reason, message, frozen=frozen)
    findings += _troubles(environments, looked=bool(whole.seen))
    cordon = (
        "The tenant's people and releases may write nothing until spec.cordoned is false." if whole.cordoned else ""
    )
    if cordon:
        findings.append(Finding(ConditionType.CORDONED, Status.TRUE, Reason.CORDONED, cordon))
    if whole.deleting:
        findings.append(Finding(ConditionType.DELETING, Status.TRUE, Reason.DELETING, whole.deleting))
    return findings


_TROUBLES = {
    ConditionType.DRIFTED: Reason.DRIFT_FOUND,
    ConditionType.CONTESTED: Reason.OTHER_WRITER,
    ConditionType.QUOTA_EXCEEDED: Reason.USED_ABOVE_QUOTA,
}
_NO_DRIFT = Finding(ConditionType.DRIFTED, Status.FALSE, Reason.NO_DRIFT, "Nothing differs from what was applied.")


def _troubles(environments: Sequence[Json], *, looked: bool) -> Iterable[Finding]:
    """What environments have, told of the whole; that nothing drifted is said only by a pass that ``looked``.

    All other troubles are conditions only while they last: each condition costs the API server half a millisecond
    whenever its object is written.
    """
    for kind, reason in _TROUBLES.items():
        found = {str(entry["name"]): find(entry.get("conditions"), kind) for entry in environments}
        raised = {name: each for name, each in found.items() if each.get("status") == Status.TRUE.value}
        is_capped = any(each.get("reason") == Reason.CORRECTIONS_CAPPED.value for each in raised.values())
        if raised:
            told = "; ".join(f"{name}: {each.get('message', '')}" for name, each in raised.items())
            yield Finding(kind, Status.TRUE, Reason.CORRECTIONS_CAPPED if is_capped else reason, told)
        elif looked and kind is ConditionType.DRIFTED:
            yield _NO_DRIFT


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


def _triple(state: State, reason: Reason, message: str, *, frozen: Status) -> list[Finding]:
    """Ready, and Reconciling or Stalled only while they are true, as kstatus wants it."""
    ready = {
        State.READY: Status.TRUE,
        State.FROZEN: frozen,
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


def _as_it_was(before: Mapping[str, Any]) -> Status:
    """Ready as before: what is frozen neither gets better nor worse."""
    last = find(before.get("conditions"), ConditionType.READY).get("status")
    return Status(last) if last in (Status.TRUE.value, Status.FALSE.value) else Status.FALSE


def _is_ready(environment: Mapping[str, Any]) -> bool:
    return bool(find(environment.get("conditions"), ConditionType.READY).get("status") == Status.TRUE.value)
