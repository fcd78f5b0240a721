"""Helm ran, or was about to: what the intent came to, told by the history and, if it was this very pass, by its end."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from landlord.api.conditions import Reason
from landlord.api.failures import HelmTrouble
from landlord.core.release.facts import Facts, Process
from landlord.core.release.guilt import ENVIRONMENT, failure_of, give_up, hold, pause
from landlord.core.release.history import is_locked
from landlord.core.release.ledger import Attempt, Failure, Intent, Ledger, Operation, Running, Stage
from landlord.core.release.steps import Decision, Look, MarkFailed, Rest, Standing, Word

POLL: Final = timedelta(seconds=2)
MARGIN: Final = timedelta(seconds=60)
"""A Helm process of which nothing can be known is taken for gone this long after it had to end."""


def settle(facts: Facts, intent: Intent) -> Decision:
    """What the intent came to; waits while its process may still live."""
    if facts.ended is None and _may_live(facts, intent):
        return Decision(Rest(POLL), facts.ledger, _RUNS)
    newest = facts.since(intent.base)
    if newest is not None and is_locked(newest) and intent.operation is not Operation.TEST:
        why = "Helm was ended before it had finished; its lock is taken off."
        return Decision(MarkFailed(newest.number), facts.ledger, Word(Standing.WORKING, Reason.PROGRESSING, why))
    match intent.operation:
        case Operation.DEPLOY:
            return _look(facts, _after_deploy(facts, intent))
        case Operation.ROLLBACK:
            return _look(facts, _after_rollback(facts, intent))
        case Operation.TEST:
            return _look(facts, _after_test(facts))
        case Operation.UNINSTALL:
            return _look(facts, replace(facts.ledger, intent=None))


def _may_live(facts: Facts, intent: Intent) -> bool:
    if facts.process is Process.RUNNING:
        return True
    return facts.process is Process.UNKNOWN and facts.now < intent.until + MARGIN


def _after_deploy(facts: Facts, intent: Intent) -> Ledger:
    ledger, newest = facts.ledger, facts.since(intent.base)
    attempt = ledger.attempt
    if attempt is None:
        return replace(ledger, intent=None)
    if newest is None:
        return _not_applied(facts, ledger, attempt)
    attempt = replace(attempt, revision=newest.number)
    if newest.status == "deployed" and (facts.ended is None or facts.ended.trouble is None):
        on = replace(attempt, stage=Stage.VERIFYING, since=facts.now, deadline=facts.now + facts.wish.timeout)
        running = Running(newest.number, attempt.desired)
        return replace(ledger, intent=None, attempt=on, running=running, recovering=0, recovering_since=None)
    return _half_applied(facts, replace(ledger, running=Running(newest.number, attempt.desired)), attempt)


def _not_applied(facts: Facts, ledger: Ledger, attempt: Attempt) -> Ledger:
    """No revision was stored, so nothing was changed."""
    ended = facts.ended
    if ended is None or ended.trouble is None or ended.trouble is HelmTrouble.KILLED:
        return replace(ledger, intent=None)
    if ended.trouble in ENVIRONMENT:
        return _wait(facts, ledger, attempt, ENVIRONMENT[ended.trouble], ended.why)
    return _count(facts, ledger, attempt, failure_of(ended.trouble, ended.why, is_first=ledger.proven is None))


def _half_applied(facts: Facts, ledger: Ledger, attempt: Attempt) -> Ledger:
    """A revision was stored and did not come to its end."""
    ended = facts.ended
    if ended is None or ended.trouble is None:
        return _wait(facts, ledger, attempt, Reason.INTERRUPTED, "The operator was ended while Helm ran.", at_once=True)
    if ended.trouble in ENVIRONMENT:
        return _wait(facts, ledger, attempt, ENVIRONMENT[ended.trouble], ended.why)
    return _count(facts, ledger, attempt, failure_of(ended.trouble, ended.why, is_first=ledger.proven is None))


def _wait(facts: Facts, ledger: Ledger, attempt: Attempt, reason: Reason, why: str, *, at_once: bool = False) -> Ledger:
    """No verdict: a new attempt of the same, later. A revision of its own makes it another attempt."""
    after = facts.now if at_once and attempt.ordinal == 1 else facts.now + pause(attempt.ordinal)
    again = replace(
        attempt,
        stage=Stage.DEPLOYING,
        since=facts.now,
        ordinal=attempt.ordinal + 1,
        not_before=after,
        failure=Failure(reason.value, why),
        revision=0,
    )
    return replace(ledger, intent=None, attempt=again)


def _count(facts: Facts, ledger: Ledger, attempt: Attempt, failure: Failure) -> Ledger:
    """The release's own fault: again if ``retries`` allow, else rejected."""
    attempt = replace(attempt, tries=attempt.tries + 1)
    if attempt.tries > facts.wish.retries:
        return give_up(ledger, attempt, failure, facts.wish, facts.now)
    after = facts.now + pause(attempt.tries)
    again = replace(attempt, stage=Stage.DEPLOYING, since=facts.now, not_before=after, failure=failure)
    return replace(ledger, intent=None, attempt=again)


def _after_rollback(facts: Facts, intent: Intent) -> Ledger:
    ledger, newest = facts.ledger, facts.since(intent.base)
    attempt, proven = ledger.attempt, ledger.proven
    if attempt is None or proven is None:
        return replace(ledger, intent=None)
    if newest is not None and newest.status == "deployed":
        held = hold(ledger, attempt, facts.now, to=proven.revision)
        running = Running(newest.number, proven.desired)
        return replace(held, running=running, recovering=newest.number, recovering_since=facts.now)
    counted = replace(attempt, rollbacks=attempt.rollbacks + 1, not_before=facts.now + pause(attempt.rollbacks + 1))
    ended = facts.ended
    if ended is not None and ended.trouble is HelmTrouble.MISSING_REVISION:
        blocked = Failure(Reason.MISSING_ROLLBACK_TARGET.value, ended.why)
        return hold(ledger, counted, facts.now, blocked=blocked)
    if counted.rollbacks >= facts.wish.rollback_attempts:
        why = ended.why if ended is not None and ended.why else "Helm was ended while it rolled back."
        return hold(ledger, counted, facts.now, blocked=Failure(Reason.ROLLBACK_FAILED.value, why))
    return replace(ledger, intent=None, attempt=counted)


def _after_test(facts: Facts) -> Ledger:
    ledger, ended, attempt = facts.ledger, facts.ended, facts.ledger.attempt
    if attempt is None or ended is None:
        return replace(ledger, intent=None)
    if ended.trouble is None:
        on = replace(attempt, stage=Stage.BAKING, since=facts.now, is_tested=True)
        return replace(ledger, intent=None, attempt=on)
    if ended.trouble in ENVIRONMENT or ended.trouble is HelmTrouble.KILLED:
        return replace(ledger, intent=None, attempt=replace(attempt, not_before=facts.now + pause(2)))
    failure = Failure(Reason.TEST_FAILED.value, ended.why)
    return give_up(ledger, attempt, failure, facts.wish, facts.now)


def _look(facts: Facts, ledger: Ledger) -> Decision:
    return Decision(Look(), ledger, _RUNS)


_RUNS: Final = Word(Standing.WORKING, Reason.DEPLOYING, "Helm runs.")
