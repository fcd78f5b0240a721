"""What people are told of a release: its status, from the ledger and the machine's word."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from landlord.api.conditions import ConditionType, Reason, Status
from landlord.core.conditions import Finding, find, settle, timestamp
from landlord.core.health.signs import State
from landlord.core.release.answers import reason_of
from landlord.core.release.facts import Check, Health
from landlord.core.release.ledger import Attempt, Desired, Failure, Held, Judged, Ledger, Stage
from landlord.core.release.steps import Standing, Word

Json = dict[str, Any]

SHOWN_HISTORY: Final = 5
LONGEST: Final = 512
"""Characters of one entry of an inventory, or of one pointer."""


@dataclass(frozen=True, slots=True)
class Told:
    """All that goes into a status."""

    generation: int
    ledger: Ledger
    word: Word
    desired: Desired | None = None
    environment: str = ""
    health: Health | None = None
    checks: Sequence[Check] = field(default_factory=tuple)
    drift: Sequence[Mapping[str, Any]] | None = None
    """Drifted objects as ``DriftedObject``; None when nobody looked."""
    inventory: Sequence[str] | None = None
    handled_at: str | None = None
    retried_at: str | None = None
    source_revision: str = ""


def status(before: Mapping[str, Any], told: Told, now: datetime) -> Json:
    """The full new status, in the shape of ``AppReleaseStatus``; keys that are None are to be taken away."""
    ledger = told.ledger
    fresh: Json = {
        "observedGeneration": told.generation,
        "conditions": settle(before.get("conditions") or (), _findings(before, told), told.generation, now),
        "environment": told.environment,
        "desired": _desired(told.desired) if told.desired else before.get("desired"),
        "deployed": _running(ledger),
        "proven": _proven(ledger),
        "held": _held(ledger.held),
        "attempt": _attempt(ledger.attempt, told.word),
        "history": [_judged(each) for each in reversed(ledger.verdicts[-SHOWN_HISTORY:])],
        "checks": _checks(before, told),
    }
    fresh |= _drift(before, told)
    optional = {
        "lastHandledReconcileAt": told.handled_at,
        "lastHandledRetryAt": told.retried_at,
        "sourceRevision": told.source_revision,
    }
    return fresh | {key: value for key, value in optional.items() if value}


def same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether writing ``after`` over ``before`` would change nothing."""
    return all(_equal(before.get(key), value) for key, value in after.items())


def _equal(before: Any, after: Any) -> bool:
    return before == after or (before in (None, [], "") and after in (None, [], ""))


def _drift(before: Mapping[str, Any], told: Told) -> Json:
    found: Json = {}
    if told.drift is not None:
        shown = [_drifted_object(each) for each in told.drift[:20]]
        found["drift"] = {"count": len(told.drift), "objects": shown} if told.drift else None
    if told.inventory is not None:
        entries = [each[:LONGEST] for each in told.inventory[:50]]
        found["inventory"] = {"count": len(told.inventory), "entries": entries}
    return found


def _drifted_object(found: Mapping[str, Any]) -> Json:
    """As short as the schema wants it: keys of maps, and so the pointers to them, may be as long as anybody likes."""
    fields = [field[:LONGEST] for field in found.get("fields") or ()]
    manager = str(found.get("manager") or "")[:253]
    return {**found, "object": str(found["object"])[:LONGEST], "fields": fields, "manager": manager}


def _findings(before: Mapping[str, Any], told: Told) -> list[Finding]:
    findings = _triple(told.word, _as_it_was(before))
    findings += _extra(before, told)
    if told.drift:
        found = f"Changed by hand: {'; '.join(_drifted(each) for each in told.drift[:5])}."
        findings.append(Finding(ConditionType.DRIFTED, Status.TRUE, Reason.DRIFT_FOUND, found))
    elif told.drift is None:
        findings += _kept(before, ConditionType.DRIFTED)
    return findings


def _drifted(found: Mapping[str, Any]) -> str:
    """One ``DriftedObject`` in words; without fields it is the object itself that is missing."""
    fields, manager = ", ".join(found.get("fields") or ()), found.get("manager")
    what = f"{found['object']} {fields}" if fields else f"{found['object']} is not there"
    return f"{what} by {manager}" if manager else what


def _triple(word: Word, frozen: Status) -> list[Finding]:
    """Ready, and of Reconciling and Stalled the one that holds."""
    ready = {
        Standing.READY: Status.TRUE,
        Standing.WORKING: Status.UNKNOWN,
        Standing.WAITING: Status.FALSE,
        Standing.STUCK: Status.FALSE,
        Standing.FROZEN: frozen,
    }[word.standing]
    found = [Finding(ConditionType.READY, ready, word.reason, word.why)]
    if word.standing is Standing.WORKING:
        found.append(Finding(ConditionType.RECONCILING, Status.TRUE, word.reason, word.why))
    if word.standing is Standing.STUCK:
        found.append(Finding(ConditionType.STALLED, Status.TRUE, word.reason, word.why))
    return found


def _extra(before: Mapping[str, Any], told: Told) -> Iterable[Finding]:
    """What is told beside the triple: proof, health, hold and rollback; each only while there is something to tell."""
    ledger, held = told.ledger, told.ledger.held
    proven = ledger.proven
    if told.desired is None:
        yield from _kept(before, ConditionType.PROVEN)
    else:
        is_proven = proven is not None and proven.desired.key == told.desired.key
        reason = Reason.PROVEN if is_proven else told.word.reason
        why = f"Revision {proven.revision} is proven." if is_proven and proven else "What is wanted is not proven."
        yield Finding(ConditionType.PROVEN, Status.TRUE if is_proven else Status.FALSE, reason, why)
    if told.health is None:
        yield from _kept(before, ConditionType.HEALTHY)
    if told.health is not None and told.health.state is not State.READY:
        yield Finding(ConditionType.HEALTHY, Status.FALSE, told.health.reason, told.health.why)
    elif told.health is not None:
        yield Finding(ConditionType.HEALTHY, Status.TRUE, Reason.CHECKS_PASSED, "All workloads are ready.")
    if held is not None:
        yield Finding(ConditionType.HELD, Status.TRUE, reason_of(held.failure), held.failure.why)
    if held is not None and held.rolled_back_to:
        yield Finding(ConditionType.ROLLED_BACK, Status.TRUE, Reason.ROLLED_BACK, rolled_back(held))


def rolled_back(held: Held) -> str:
    """What a rollback went back from, to what, and why; what was refused untried has no revision of its own."""
    what = f"Revision {held.failed_revision} was rolled back" if held.failed_revision else "Went back"
    return f"{what} to revision {held.rolled_back_to}: {held.failure.why}"


def _kept(before: Mapping[str, Any], kind: ConditionType) -> list[Finding]:
    entry = find(before.get("conditions"), kind)
    if not entry:
        return []
    reason = reason_of(Failure(str(entry["reason"]), ""))
    return [Finding(kind, Status(entry["status"]), reason, str(entry.get("message", "")))]


def _as_it_was(before: Mapping[str, Any]) -> Status:
    return Status(find(before.get("conditions"), ConditionType.READY).get("status", Status.UNKNOWN))


def _desired(desired: Desired) -> Json:
    return {
        "candidate": desired.candidate,
        "attempt": desired.key,
        "chartDigest": desired.chart_digest,
        "valuesDigest": desired.values_digest,
        "chartVersion": desired.chart_version,
    }


def _running(ledger: Ledger) -> Json | None:
    if ledger.running is None:
        return None
    return {"revision": ledger.running.revision} | _what(ledger.running.desired)


def _proven(ledger: Ledger) -> Json | None:
    if ledger.proven is None:
        return None
    return {"revision": ledger.proven.revision, "at": timestamp(ledger.proven.at)} | _what(ledger.proven.desired)


def _what(desired: Desired) -> Json:
    return {
        "candidate": desired.candidate,
        "chartVersion": desired.chart_version,
        "appVersion": desired.app_version[:253],
    }


def _held(held: Held | None) -> Json | None:
    if held is None:
        return None
    found: Json = {
        "attempt": held.desired.key,
        "candidate": held.desired.candidate,
        "reason": held.failure.reason,
        "message": held.failure.why[:4096],
        "since": timestamp(held.since),
    }
    numbers = {"failedRevision": held.failed_revision, "rolledBackTo": held.rolled_back_to}
    return found | {key: number for key, number in numbers.items() if number}


def _attempt(attempt: Attempt | None, word: Word) -> Json | None:
    if attempt is None:
        return None
    action = "Rollback" if attempt.stage is Stage.ROLLING_BACK else "Deploy"
    found: Json = {
        "key": attempt.desired.key,
        "action": action,
        "stage": attempt.stage.value,
        "tries": attempt.tries,
        "startedAt": timestamp(attempt.started),
        "deadline": timestamp(attempt.deadline),
        "message": word.why[:4096],
    }
    return found | ({"revision": attempt.revision} if attempt.revision else {})


def _judged(judged: Judged) -> Json:
    return {
        "revision": judged.revision,
        "candidate": judged.desired.candidate,
        "chartVersion": judged.desired.chart_version,
        "outcome": judged.verdict.value,
        "reason": judged.reason,
        "message": judged.why[:1024],
        "finishedAt": timestamp(judged.at),
    }


def _checks(before: Mapping[str, Any], told: Told) -> list[Json]:
    """At rest what they said last stays, so that a person can read why; an attempt begins with none."""
    if told.ledger.attempt is None and not told.checks:
        return list(before.get("checks") or ())
    return [_check(each) for each in told.checks]


def _check(check: Check) -> Json:
    return {"name": check.name, "state": check.state.value, "message": check.why[:1024]}
