"""An attempt in flight: deploy, verify, test, bake, or roll back."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from landlord.api.conditions import Reason
from landlord.core.health.checks import CheckState
from landlord.core.health.signs import State
from landlord.core.release.answers import locked, reason_of, run, shut, tidy, unprepared
from landlord.core.release.facts import Check, Facts, Health
from landlord.core.release.guilt import WAITED_FOR, cancelled, give_up, has_way_back, hold, undetermined
from landlord.core.release.history import foreign, is_locked, stands, target
from landlord.core.release.ledger import (
    Attempt,
    Desired,
    Failure,
    Judged,
    Ledger,
    Operation,
    Proven,
    Stage,
    Verdict,
)
from landlord.core.release.steps import Decision, Look, Rest, Standing, Word, sentence

POLL: Final = timedelta(seconds=2)
SLOW_POLL: Final = timedelta(seconds=5)
GRACE: Final = timedelta(seconds=60)
"""A check that has said nothing is waited for this long past the bake, or as long as the bake itself."""


def go_on(facts: Facts, attempt: Attempt) -> Decision:
    """The next step of an attempt."""
    if _is_outdated(facts, attempt):
        return _cancelled(facts, attempt, "Something else is wanted now.")
    if attempt.is_paused:
        return _resumed(facts, attempt)
    match attempt.stage:
        case Stage.DEPLOYING:
            return _deploy(facts, attempt)
        case Stage.ROLLING_BACK:
            return _roll_back(facts, attempt)
        case _ if not stands(facts.history, facts.ledger.running) or _number(facts) != attempt.revision:
            return _cancelled(facts, attempt, "Somebody else changed the release with Helm.")
        case Stage.VERIFYING:
            return _verify(facts, attempt)
        case Stage.TESTING:
            return _test(facts, attempt)
        case Stage.BAKING:
            return _bake(facts, attempt)


def prove(facts: Facts, attempt: Attempt, why: str) -> Ledger:
    """Everything held: this is what to go back to from now on."""
    desired, revision, running = attempt.desired, attempt.revision, facts.ledger.running
    judged = Judged(desired, Verdict.PROVEN, Reason.PROVEN.value, why, facts.now, revision, attempt.ordinal)
    proven = Proven(revision, desired, facts.now, uid=running.uid if running else "")
    ledger = replace(facts.ledger.judged(judged), proven=proven, attempt=None, held=None)
    return replace(ledger, recovering=0, recovering_since=None)


def _is_outdated(facts: Facts, attempt: Attempt) -> bool:
    """Whether something else is wanted and can start; until it can, what runs is still to be judged."""
    if not isinstance(facts.desired, Desired) or facts.desired.key == attempt.desired.key:
        return False
    return facts.closed is None or attempt.stage is Stage.DEPLOYING


def _cancelled(facts: Facts, attempt: Attempt, why: str) -> Decision:
    return _look(cancelled(facts.ledger, attempt, why, facts.now), why)


def _resumed(facts: Facts, attempt: Attempt) -> Decision:
    """A suspension is over: what was watched must be watched anew."""
    on = replace(attempt, is_paused=False, since=facts.now, deadline=facts.now + facts.wish.timeout)
    return _look(replace(facts.ledger, attempt=on), "The suspension is over; the attempt goes on.")


def _deploy(facts: Facts, attempt: Attempt) -> Decision:
    if not isinstance(facts.desired, Desired):
        return unprepared(facts, facts.desired)
    if facts.closed is not None:
        return shut(facts, facts.closed)
    newest = facts.newest
    if is_locked(newest):
        return locked(facts)
    if _is_reckoning_due(facts):
        return _cancelled(facts, attempt, "Somebody else changed the release with Helm.")
    if attempt.not_before is not None and facts.now < attempt.not_before:
        return _later(facts, attempt, attempt.not_before)
    base = newest.number if newest else 0
    if newest is not None and newest.status == "uninstalling":
        return run(facts, Operation.UNINSTALL, "An uninstall that was broken off is finished first.")
    trouble = attempt.failure
    if trouble is not None and reason_of(trouble) in WAITED_FOR:
        return run(facts, Operation.DEPLOY, f"{sentence(trouble.why)} Trying again now.", reason=reason_of(trouble))
    why = "Installing" if newest is None else f"Upgrading revision {base}"
    return run(facts, Operation.DEPLOY, f"{why} with chart version {attempt.desired.chart_version}.")


def _is_reckoning_due(facts: Facts) -> bool:
    """Whether somebody deployed something else, or removed all, since the ledger was last written."""
    ledger = facts.ledger
    is_all_gone = facts.newest is None and (ledger.running is not None or ledger.proven is not None)
    return is_all_gone or foreign(facts.history, ledger.running) is not None


def _later(facts: Facts, attempt: Attempt, due: datetime) -> Decision:
    failure = attempt.failure or Failure(Reason.PROGRESSING.value, "A pause is kept.")
    why = f"{sentence(failure.why)} Trying again at {due:%H:%M:%S} UTC."
    return tidy(facts, Word(Standing.WORKING, reason_of(failure), why), Rest(due - facts.now))


def _verify(facts: Facts, attempt: Attempt) -> Decision:
    health = facts.health
    if health is None:
        return _working(facts, POLL, Reason.PROGRESSING, "Waiting for the first sight of the workloads.")
    match health.state:
        case State.READY:
            return _ready(facts, attempt)
        case State.GUILTY:
            return _guilty(facts, attempt, health.reason, health.why)
        case State.ENVIRONMENT:
            return _blamed_on_environment(facts, attempt, health)
        case State.WORKING if health.is_excused and facts.now >= attempt.since + facts.wish.timeout:
            return _waited_for(facts.ledger, health)
        case State.WORKING if facts.now >= attempt.deadline:
            timeout = _words(facts.wish.timeout)
            return _guilty(facts, attempt, Reason.TIMEOUT, f"Not ready within {timeout}: {health.why}")
        case State.WORKING:
            return _working(facts, _pace(facts, attempt), _cause(health), health.why)


def _cause(health: Health) -> Reason:
    """A cause outside of the release is told from the first look; all else may still pass, and is progress."""
    return health.reason if health.is_excused and health.reason in WAITED_FOR else Reason.PROGRESSING


def _blamed_on_environment(facts: Facts, attempt: Attempt, health: Health) -> Decision:
    """No verdict, however long it lasts; once the cause is gone the workloads still have much of their time."""
    ledger, wish = facts.ledger, facts.wish
    if attempt.deadline - facts.now < wish.timeout / 2:
        ledger = replace(ledger, attempt=replace(attempt, deadline=facts.now + wish.timeout))
    if facts.now < attempt.since + wish.timeout:
        return Decision(
            Rest(_pace(facts, attempt)), ledger, Word(Standing.WORKING, health.reason, sentence(health.why))
        )
    ledger = undetermined(ledger, attempt, Failure(health.reason.value, sentence(health.why)), facts.now)
    if health.is_losing and has_way_back(ledger, attempt, wish):
        return _saved(facts, ledger, attempt, health)
    return _waited_for(ledger, health)


def _waited_for(ledger: Ledger, health: Health) -> Decision:
    """Told in the same words for as long as it lasts, also while the next deadline is not yet over."""
    why = f"{sentence(health.why)} It is no fault of the release; it is waited for."
    return Decision(Rest(SLOW_POLL), ledger, Word(Standing.WORKING, health.reason, why))


def _saved(facts: Facts, ledger: Ledger, attempt: Attempt, health: Health) -> Decision:
    """No fault of the release, but what served before goes under with it: back, without a rejection."""
    failure = Failure(health.reason.value, f"{sentence(health.why)} Pods of the revision before were being lost.")
    back = replace(attempt, stage=Stage.ROLLING_BACK, since=facts.now, failure=failure, not_before=None)
    return _look(replace(ledger, attempt=back), failure.why, health.reason)


def _ready(facts: Facts, attempt: Attempt) -> Decision:
    if facts.wish.tests and not attempt.is_tested:
        on = replace(attempt, stage=Stage.TESTING, since=facts.now, not_before=None)
        return _look(replace(facts.ledger, attempt=on), "The workloads are ready; the Helm tests are next.")
    if facts.wish.bake > timedelta(0) or facts.checks:
        on = replace(attempt, stage=Stage.BAKING, since=facts.now)
        return _look(replace(facts.ledger, attempt=on), "The workloads are ready; the bake begins.")
    return _look(prove(facts, attempt, "The workloads are ready."), "The workloads are ready.")


def _test(facts: Facts, attempt: Attempt) -> Decision:
    trouble = attempt.failure
    why, reason = (f"{sentence(trouble.why)} ", reason_of(trouble)) if trouble else ("", Reason.TESTING)
    if attempt.not_before is not None and facts.now < attempt.not_before:
        due = f"The Helm tests are tried again at {attempt.not_before:%H:%M:%S} UTC."
        return _working(facts, attempt.not_before - facts.now, reason, why + due)
    if facts.closed is not None and facts.closed.reason is Reason.CORDONED:
        return shut(facts, facts.closed)
    return run(facts, Operation.TEST, f"{why}The Helm tests run.", reason=reason)


def _bake(facts: Facts, attempt: Attempt) -> Decision:
    health = facts.health
    if health is not None and health.state is State.GUILTY:
        return _guilty(facts, attempt, health.reason, health.why)
    failing = _first(facts.checks, CheckState.FAILING)
    if failing is not None:
        return _guilty(facts, attempt, Reason.CHECK_FAILED, f"Check {failing.name} failed: {failing.why}")
    end = attempt.since + facts.wish.bake
    if facts.now < end:
        return _working(facts, min(SLOW_POLL, end - facts.now), Reason.BAKING, f"Baking until {end:%H:%M:%S} UTC.")
    if health is None or health.state is not State.READY:
        reason, why = (health.reason, health.why) if health else (Reason.BAKING, "The workloads are not in sight.")
        return _working(facts, POLL, reason, why)
    return _baked(facts, attempt, facts.now >= end + max(facts.wish.bake, GRACE))


def _baked(facts: Facts, attempt: Attempt, is_patience_over: bool) -> Decision:
    wavering = next((check for check in facts.checks if check.is_wavering), None)
    open_ = wavering or _first(facts.checks, CheckState.PENDING) or _first(facts.checks, CheckState.INCONCLUSIVE)
    if open_ is not None and (wavering or not is_patience_over):
        why = f"Check {open_.name} has not come to a result: {open_.why}"
        return _working(facts, SLOW_POLL, Reason.INCONCLUSIVE, why)
    why = "Ready, and healthy for the whole bake."
    if open_ is not None:
        why = f"Ready for the whole bake; check {open_.name} came to no result: {open_.why}"
    return _look(prove(facts, attempt, why), why)


def _roll_back(facts: Facts, attempt: Attempt) -> Decision:
    if is_locked(facts.newest):
        return locked(facts)
    if facts.closed is not None and facts.closed.reason is Reason.CORDONED:
        return shut(facts, facts.closed)  # any other gate is open for rollbacks
    if foreign(facts.history, facts.ledger.running) is not None:
        why = "Somebody else changed the release with Helm before it was rolled back; that is left alone."
        return _look(hold(facts.ledger, attempt, facts.now), why, Reason.EXTERNAL_CHANGE)
    proven = facts.ledger.proven
    if proven is None or target(facts.history, proven) is None:
        which = f"Revision {proven.revision}, the last proven one," if proven else "The last proven revision"
        blocked = Failure(Reason.MISSING_ROLLBACK_TARGET.value, f"{which} is no longer there to roll back to.")
        return _look(hold(facts.ledger, attempt, facts.now, blocked=blocked), blocked.why, Reason.ROLLING_BACK)
    if attempt.not_before is not None and facts.now < attempt.not_before:
        trouble = sentence(attempt.blocked.why) if attempt.blocked else "A pause is kept."
        why = f"{trouble} Rolling back is tried again at {attempt.not_before:%H:%M:%S} UTC."
        return tidy(facts, Word(Standing.WORKING, Reason.ROLLING_BACK, why), Rest(attempt.not_before - facts.now))
    cause = sentence(attempt.failure.why) if attempt.failure else "What was wanted turned out bad."
    return run(facts, Operation.ROLLBACK, f"{cause} Rolling back to revision {proven.revision}.", proven.revision)


def _guilty(facts: Facts, attempt: Attempt, reason: Reason, why: str) -> Decision:
    failure = Failure(reason.value, sentence(why))
    return _look(give_up(facts.ledger, attempt, failure, facts.wish, facts.now), why, reason)


def _working(facts: Facts, after: timedelta, reason: Reason, why: str) -> Decision:
    return Decision(Rest(after), facts.ledger, Word(Standing.WORKING, reason, why))


def _look(ledger: Ledger, why: str, reason: Reason = Reason.PROGRESSING) -> Decision:
    return Decision(Look(), ledger, Word(Standing.WORKING, reason, why))


def _pace(facts: Facts, attempt: Attempt) -> timedelta:
    """Look again soon at first: most workloads are ready within seconds, and news wakes the pass anyway."""
    age = facts.now - attempt.since
    return min(max(age / 4, timedelta(milliseconds=250)), SLOW_POLL)


def _number(facts: Facts) -> int:
    return facts.newest.number if facts.newest is not None else 0


def _first(checks: Iterable[Check], state: CheckState) -> Check | None:
    return next((check for check in checks if check.state is state), None)


def _words(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    return f"{minutes}m{seconds}s" if minutes and seconds else f"{minutes}m" if minutes else f"{seconds}s"
