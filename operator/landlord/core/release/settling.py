"""Helm ran, or was about to: what the intent came to, told by the history and, if it was this very pass, by its end."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from landlord.api.conditions import Reason
from landlord.api.failures import HelmTrouble
from landlord.api.releases import RevisionMeta
from landlord.core.release.answers import reason_of
from landlord.core.release.facts import Facts, Process
from landlord.core.release.guilt import ENVIRONMENT, again, failure_of, give_up, hold, pause, undetermined
from landlord.core.release.history import is_locked, made_by
from landlord.core.release.ledger import Attempt, Failure, Intent, Ledger, Operation, Pause, Running, Stage
from landlord.core.release.steps import Decision, Look, MarkFailed, Rest, Standing, Word, sentence

POLL: Final = timedelta(seconds=2)
MARGIN: Final = timedelta(seconds=60)
"""A Helm process of which nothing can be known is taken for gone this long after it had to end."""


def settle(facts: Facts, intent: Intent) -> Decision:
    """What the intent came to; waits while its process may still live."""
    facts = replace(facts, ended=facts.ended or intent.ended)
    word = Word(Standing.WORKING, *_WORDS[intent.operation])
    if facts.ended is None and _may_live(facts, intent):
        return Decision(Rest(POLL), facts.ledger, word)
    made = _made(facts, intent)
    if made is not None and is_locked(made):
        why = "Helm was ended before it had finished; its lock is taken off."
        noted = replace(facts.ledger, intent=replace(intent, ended=facts.ended))
        return Decision(MarkFailed(made.number), noted, Word(Standing.WORKING, Reason.INTERRUPTED, why))
    match intent.operation:
        case Operation.DEPLOY:
            ledger = _after_deploy(facts, intent, made)
        case Operation.ROLLBACK:
            ledger = _after_rollback(facts, intent, made)
        case Operation.TEST:
            ledger = _after_test(facts, intent)
        case Operation.UNINSTALL:
            ledger = _after_uninstall(facts, intent)
    return Decision(Look(), ledger, word)


def _may_live(facts: Facts, intent: Intent) -> bool:
    if facts.process is Process.RUNNING:
        return True
    return facts.process is Process.UNKNOWN and facts.now < intent.until + MARGIN


def _made(facts: Facts, intent: Intent) -> RevisionMeta | None:
    """Its revision; where Helm met a lock, the pending one is of whoever holds that."""
    made = made_by(intent, facts.history, has_run=facts.ended is not None)
    met_a_lock = facts.ended is not None and facts.ended.trouble is HelmTrouble.LOCKED
    return None if met_a_lock and made is not None and is_locked(made) else made


def _after_deploy(facts: Facts, intent: Intent, made: RevisionMeta | None) -> Ledger:
    ledger, attempt = facts.ledger, facts.ledger.attempt
    if attempt is None:
        return replace(ledger, intent=None)
    if made is None:
        return _failed(facts, intent, attempt)
    attempt = replace(attempt, revision=made.number)
    if made.status != "deployed":
        return _failed(facts, intent, attempt)
    on = replace(attempt, stage=Stage.VERIFYING, since=facts.now, deadline=facts.now + facts.wish.timeout)
    running = Running(made.number, attempt.desired, uid=made.uid)
    on = replace(on, not_before=None, failure=None)
    return replace(ledger, intent=None, attempt=on, running=running, recovering=0, recovering_since=None)


def _failed(facts: Facts, intent: Intent, attempt: Attempt) -> Ledger:
    """A deploy or its preparation did not come to its end; the attempt knows whether a revision was stored."""
    ledger, ended = facts.ledger, facts.ended
    trouble = _trouble(facts, intent)
    if trouble is None:
        failure = Failure(Reason.INTERRUPTED.value, "Helm was ended before it had finished.")
        on = again(attempt, Stage.DEPLOYING, failure, facts.now, at_once=True)
        return replace(ledger, intent=None, attempt=on)
    why = sentence(ended.why if ended is not None and ended.why else "Helm did not end in time.")
    excuse = _excuse(facts, trouble)
    if excuse is not None:
        failure = Failure(excuse.value, why)
        noted = undetermined(ledger, attempt, failure, facts.now)
        return replace(noted, intent=None, attempt=again(attempt, Stage.DEPLOYING, failure, facts.now))
    return _count(facts, attempt, failure_of(trouble, why, is_first=ledger.proven is None))


def _trouble(facts: Facts, intent: Intent) -> HelmTrouble | None:
    """What went wrong, None when Helm was only interrupted."""
    ended = facts.ended
    if ended is None or ended.trouble is None:
        return None
    if ended.trouble is not HelmTrouble.KILLED:
        return ended.trouble
    if facts.now < intent.until:
        return None  # the operator is going down, or somebody killed it
    if intent.operation is Operation.TEST:
        return HelmTrouble.TEST_FAILED
    return HelmTrouble.OUTAGE if _made(facts, intent) is None else HelmTrouble.HOOK_TIMEOUT


def _excuse(facts: Facts, trouble: HelmTrouble) -> Reason | None:
    """The reason when the environment is to blame: Helm's words say so, or the pods of its hooks show it."""
    shown = facts.ended.excuse if facts.ended is not None else ""
    return ENVIRONMENT.get(trouble) or (reason_of(Failure(shown, "")) if shown else None)


def _count(facts: Facts, attempt: Attempt, failure: Failure) -> Ledger:
    """The release's own fault: again if ``retries`` allow, else rejected."""
    attempt = replace(attempt, tries=attempt.tries + 1)
    if attempt.tries > facts.wish.retries:
        return give_up(facts.ledger, attempt, failure, facts.wish, facts.now)
    after = facts.now + pause(attempt.tries)
    once_more = replace(attempt, stage=Stage.DEPLOYING, since=facts.now, not_before=after, failure=failure)
    return replace(facts.ledger, intent=None, attempt=once_more)


def _after_rollback(facts: Facts, intent: Intent, made: RevisionMeta | None) -> Ledger:
    ledger, attempt, proven = facts.ledger, facts.ledger.attempt, facts.ledger.proven
    if attempt is None or proven is None:
        return replace(ledger, intent=None)
    if made is not None and made.status == "deployed":
        held = hold(ledger, attempt, facts.now, to=proven.revision)
        running = Running(made.number, proven.desired, uid=made.uid)
        return replace(held, running=running, recovering=made.number, recovering_since=None)
    trouble = _trouble(facts, intent)
    why = sentence(facts.ended.why) if facts.ended is not None and facts.ended.why else "Helm was ended meanwhile."
    excuse = _excuse(facts, trouble) if trouble is not None else Reason.INTERRUPTED
    if trouble is None or excuse is not None:
        failure = Failure((excuse or Reason.INTERRUPTED).value, why)
        on = again(attempt, Stage.ROLLING_BACK, failure, facts.now, at_once=trouble is None)
        return replace(ledger, intent=None, attempt=replace(on, rollbacks=0))
    return _count_rollback(facts, attempt, trouble, why)


def _count_rollback(facts: Facts, attempt: Attempt, trouble: HelmTrouble, why: str) -> Ledger:
    """The rollback itself failed: again if ``rollback.attempts`` allow, else held as it is."""
    if trouble is HelmTrouble.MISSING_REVISION:
        return hold(facts.ledger, attempt, facts.now, blocked=Failure(Reason.MISSING_ROLLBACK_TARGET.value, why))
    failure = Failure(Reason.ROLLBACK_FAILED.value, why)
    count = attempt.rollbacks + 1
    if count >= facts.wish.rollback_attempts:
        return hold(facts.ledger, attempt, facts.now, blocked=failure)
    on = replace(attempt, rollbacks=count, not_before=facts.now + pause(count), blocked=failure)
    return replace(facts.ledger, intent=None, attempt=on)


def _after_test(facts: Facts, intent: Intent) -> Ledger:
    ledger, ended, attempt = facts.ledger, facts.ended, facts.ledger.attempt
    newest = facts.newest
    if attempt is None or newest is None or newest.number != attempt.revision:
        return replace(ledger, intent=None)  # what was tested does not run any more
    if ended is not None and ended.trouble is None:
        on = replace(attempt, stage=Stage.BAKING, since=facts.now, is_tested=True, failure=None)
        return replace(ledger, intent=None, attempt=on)
    trouble = _trouble(facts, intent)
    why = sentence(ended.why if ended is not None and ended.why else "The tests did not end in time.")
    excuse = _excuse(facts, trouble) if trouble is not None else None
    if trouble is None or excuse is not None:
        count = attempt.interruptions + 1
        later = replace(attempt, interruptions=count, not_before=facts.now + pause(count))
        if excuse is not None:
            later = replace(later, failure=Failure(excuse.value, why))
            ledger = undetermined(ledger, attempt, Failure(excuse.value, why), facts.now)
        return replace(ledger, intent=None, attempt=later)
    return give_up(ledger, attempt, Failure(Reason.TEST_FAILED.value, why), facts.wish, facts.now)


def _after_uninstall(facts: Facts, intent: Intent) -> Ledger:
    ledger, attempt = facts.ledger, facts.ledger.attempt
    if not facts.history:
        return replace(ledger, intent=None, pause=None)
    if attempt is not None:
        return _failed(facts, intent, attempt)
    count = ledger.pause.count + 1 if ledger.pause else 1
    why = sentence(facts.ended.why) if facts.ended is not None and facts.ended.why else "Helm was ended meanwhile."
    failure = Failure(Reason.UNINSTALL_FAILED.value, why)
    return replace(ledger, intent=None, pause=Pause(count, facts.now + pause(count), failure))


_WORDS: Final = {
    Operation.DEPLOY: (Reason.DEPLOYING, "Helm installs or upgrades the release."),
    Operation.ROLLBACK: (Reason.ROLLING_BACK, "Helm rolls the release back."),
    Operation.TEST: (Reason.TESTING, "The Helm tests run."),
    Operation.UNINSTALL: (Reason.UNINSTALLING, "Helm removes what it installed."),
}
