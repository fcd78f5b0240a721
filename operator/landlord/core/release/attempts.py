"""An attempt in flight: deploy, verify, test, bake, or roll back."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from landlord.api.conditions import Reason
from landlord.core.release.facts import Check, CheckState, Facts, Health, HealthState
from landlord.core.release.guilt import give_up, hold
from landlord.core.release.history import is_locked
from landlord.core.release.ledger import (
    Attempt,
    Desired,
    Failure,
    Intent,
    Judged,
    Ledger,
    Operation,
    Proven,
    Stage,
    Verdict,
)
from landlord.core.release.steps import Decision, Look, Rest, Run, Standing, Word

POLL: Final = timedelta(seconds=2)
SLOW_POLL: Final = timedelta(seconds=5)
GRACE: Final = timedelta(seconds=60)
"""A check that has said nothing is waited for this long past the bake, or as long as the bake itself."""


def go_on(facts: Facts, attempt: Attempt) -> Decision:
    """The next step of an attempt."""
    if isinstance(facts.desired, Desired) and facts.desired.key != attempt.desired.key:
        return _cancelled(facts, attempt, "Something else is wanted now.")
    if attempt.is_paused:
        return _resumed(facts, attempt)
    match attempt.stage:
        case Stage.DEPLOYING:
            return _deploy(facts, attempt)
        case Stage.ROLLING_BACK:
            return _roll_back(facts, attempt)
        case _ if facts.newest is None or facts.newest.number != attempt.revision:
            return _cancelled(facts, attempt, "Somebody else changed the release with Helm.")
        case Stage.VERIFYING:
            return _verify(facts, attempt)
        case Stage.TESTING:
            return _test(facts, attempt)
        case Stage.BAKING:
            return _bake(facts, attempt)


def prove(facts: Facts, attempt: Attempt, why: str) -> Ledger:
    """Everything held: this is what to go back to from now on."""
    desired, revision = attempt.desired, attempt.revision
    judged = Judged(desired, Verdict.PROVEN, Reason.PROVEN.value, why, facts.now, revision)
    proven = Proven(revision, desired, facts.now)
    ledger = replace(facts.ledger.judged(judged), proven=proven, attempt=None, held=None)
    return replace(ledger, recovering=0, recovering_since=None)


def _cancelled(facts: Facts, attempt: Attempt, why: str) -> Decision:
    ledger = facts.ledger
    if attempt.stage is not Stage.ROLLING_BACK and attempt.revision:
        ledger = ledger.judged(
            Judged(attempt.desired, Verdict.CANCELLED, Reason.PROGRESSING.value, why, facts.now, attempt.revision)
        )
    return _look(replace(ledger, attempt=None), why)


def _resumed(facts: Facts, attempt: Attempt) -> Decision:
    """A suspension is over: what was watched must be watched anew."""
    on = replace(attempt, is_paused=False, since=facts.now, deadline=facts.now + facts.wish.timeout)
    return _look(replace(facts.ledger, attempt=on), "Resumed.")


def _deploy(facts: Facts, attempt: Attempt) -> Decision:
    if not isinstance(facts.desired, Desired):
        return _cancelled(facts, attempt, facts.desired.why)
    if facts.closed is not None:
        standing = Standing.STUCK if facts.closed.is_final else Standing.WAITING
        return Decision(Rest(facts.closed.after), facts.ledger, Word(standing, facts.closed.reason, facts.closed.why))
    if attempt.not_before is not None and facts.now < attempt.not_before:
        failure = attempt.failure or Failure(Reason.PROGRESSING.value, "Waiting.")
        why = f"{failure.why} Trying again at {attempt.not_before:%H:%M:%S} UTC."
        return Decision(
            Rest(attempt.not_before - facts.now), facts.ledger, Word(Standing.WORKING, Reason(failure.reason), why)
        )
    newest = facts.newest
    if is_locked(newest):
        return Decision(Rest(GRACE), facts.ledger, _LOCKED)
    base = newest.number if newest else 0
    if newest is not None and newest.status == "uninstalling":
        return _run(facts, Operation.UNINSTALL, base, "An uninstall that was broken off is finished first.")
    why = "Installing." if newest is None else f"Upgrading revision {base}."
    return _run(facts, Operation.DEPLOY, base, f"{why} Chart version {attempt.desired.chart_version}.")


def _run(facts: Facts, operation: Operation, base: int, why: str, target: int = 0) -> Decision:
    limit = facts.wish.test_timeout if operation is Operation.TEST else facts.wish.timeout
    intent = Intent(operation, base, target, facts.now, facts.now + limit, facts.runner)
    reason = {Operation.ROLLBACK: Reason.ROLLING_BACK, Operation.TEST: Reason.TESTING}.get(operation, Reason.DEPLOYING)
    return Decision(Run(), replace(facts.ledger, intent=intent), Word(Standing.WORKING, reason, why))


def uninstall(facts: Facts) -> Decision:
    """Remove all that Helm put there."""
    newest = facts.newest
    decision = _run(facts, Operation.UNINSTALL, newest.number if newest else 0, "Uninstalling.")
    return replace(decision, word=Word(Standing.WORKING, Reason.UNINSTALLING, "Helm removes what it installed."))


def _verify(facts: Facts, attempt: Attempt) -> Decision:
    health = facts.health
    if health is None:
        return _working(facts, POLL, Reason.PROGRESSING, "Waiting for the first sight of the workloads.")
    match health.state:
        case HealthState.READY:
            return _ready(facts, attempt)
        case HealthState.GUILTY:
            return _guilty(facts, attempt, health.reason, health.why)
        case HealthState.ENVIRONMENT:
            return _blamed_on_environment(facts, attempt, health)
        case HealthState.WORKING if facts.now >= attempt.deadline:
            timeout = _words(facts.wish.timeout)
            return _guilty(facts, attempt, Reason.TIMEOUT, f"Not ready within {timeout}: {health.why}")
        case HealthState.WORKING:
            return _working(facts, _pace(facts, attempt), Reason.PROGRESSING, health.why)


def _blamed_on_environment(facts: Facts, attempt: Attempt, health: Health) -> Decision:
    """No verdict, however long it lasts; once the cause is gone the workloads have their full time again."""
    if facts.now < attempt.deadline:
        return _working(facts, _pace(facts, attempt), health.reason, health.why)
    on = replace(attempt, deadline=facts.now + facts.wish.timeout)
    word = Word(Standing.WORKING, health.reason, f"{health.why} It is no fault of the release; waiting.")
    return Decision(Rest(SLOW_POLL), replace(facts.ledger, attempt=on), word)


def _ready(facts: Facts, attempt: Attempt) -> Decision:
    if facts.wish.tests and not attempt.is_tested:
        on = replace(attempt, stage=Stage.TESTING, since=facts.now, not_before=None)
        return _look(replace(facts.ledger, attempt=on), "The workloads are ready; the Helm tests are next.")
    if facts.wish.bake > timedelta(0) or facts.checks:
        on = replace(attempt, stage=Stage.BAKING, since=facts.now)
        return _look(replace(facts.ledger, attempt=on), "The workloads are ready; the bake begins.")
    return _look(prove(facts, attempt, "The workloads are ready."), "The workloads are ready.")


def _test(facts: Facts, attempt: Attempt) -> Decision:
    if attempt.not_before is not None and facts.now < attempt.not_before:
        return _working(facts, attempt.not_before - facts.now, Reason.TESTING, "The Helm tests are tried again soon.")
    return _run(facts, Operation.TEST, attempt.revision, "The Helm tests run.")


def _bake(facts: Facts, attempt: Attempt) -> Decision:
    health = facts.health
    if health is not None and health.state is HealthState.GUILTY:
        return _guilty(facts, attempt, health.reason, health.why)
    failing = _first(facts.checks, CheckState.FAILING)
    if failing is not None:
        return _guilty(facts, attempt, Reason.CHECK_FAILED, f"Check {failing.name} failed: {failing.why}")
    end = attempt.since + facts.wish.bake
    if facts.now < end:
        return _working(facts, min(SLOW_POLL, end - facts.now), Reason.BAKING, f"Baking until {end:%H:%M:%S} UTC.")
    if health is None or health.state is not HealthState.READY:
        return _working(facts, POLL, health.reason if health else Reason.BAKING, health.why if health else "Looking.")
    return _baked(facts, attempt, facts.now >= end + max(facts.wish.bake, GRACE))


def _baked(facts: Facts, attempt: Attempt, is_patience_over: bool) -> Decision:
    open_ = _first(facts.checks, CheckState.PENDING) or _first(facts.checks, CheckState.INCONCLUSIVE)
    if open_ is not None and not is_patience_over:
        why = f"Check {open_.name} has not come to a result: {open_.why}"
        return _working(facts, SLOW_POLL, Reason.INCONCLUSIVE, why)
    why = "Ready, and healthy for the whole bake."
    if open_ is not None:
        why = f"Ready for the whole bake; check {open_.name} came to no result: {open_.why}"
    return _look(prove(facts, attempt, why), why)


def _roll_back(facts: Facts, attempt: Attempt) -> Decision:
    proven, newest = facts.ledger.proven, facts.newest
    if proven is None or all(each.number != proven.revision for each in facts.history):
        number = proven.revision if proven else 0
        why = f"Revision {number}, the last proven one, is no longer there to roll back to."
        blocked = Failure(Reason.MISSING_ROLLBACK_TARGET.value, why)
        return _look(hold(facts.ledger, attempt, facts.now, blocked=blocked), why)
    if attempt.not_before is not None and facts.now < attempt.not_before:
        return _working(facts, attempt.not_before - facts.now, Reason.ROLLING_BACK, "Rolling back is tried again soon.")
    why = f"Rolling back to revision {proven.revision}: {attempt.failure.why if attempt.failure else ''}".rstrip()
    return _run(facts, Operation.ROLLBACK, newest.number if newest else 0, why, proven.revision)


def _guilty(facts: Facts, attempt: Attempt, reason: Reason, why: str) -> Decision:
    return _look(give_up(facts.ledger, attempt, Failure(reason.value, why), facts.wish, facts.now), why, reason)


def _working(facts: Facts, after: timedelta, reason: Reason, why: str) -> Decision:
    return Decision(Rest(after), facts.ledger, Word(Standing.WORKING, reason, why))


def _look(ledger: Ledger, why: str, reason: Reason = Reason.PROGRESSING) -> Decision:
    return Decision(Look(), ledger, Word(Standing.WORKING, reason, why))


def _pace(facts: Facts, attempt: Attempt) -> timedelta:
    """Look again soon at first: most workloads are ready within seconds, and news wakes the pass anyway."""
    age = facts.now - attempt.since
    return min(max(age / 4, timedelta(milliseconds=250)), SLOW_POLL)


def _first(checks: Iterable[Check], state: CheckState) -> Check | None:
    return next((check for check in checks if check.state is state), None)


def _words(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    return f"{minutes}m{seconds}s" if minutes and seconds else f"{minutes}m" if minutes else f"{seconds}s"


_LOCKED: Final = Word(
    Standing.STUCK,
    Reason.RELEASE_LOCKED,
    "Another Helm operation on this release, not Landlord's, is in progress or was broken off. If nobody runs Helm "
    "here, unlock it with helm rollback to a revision that worked.",
)
