"""The release machine: facts in, one step out. It never waits or acts; the same facts give the same step.

What is decided where: ``settling`` reads what a Helm run came to, ``attempts`` moves an attempt on, ``guilt`` says
whose fault a failure is, ``idle`` what to do while no attempt is in flight. Here: what goes before all of these.
"""

from dataclasses import replace

from landlord.api.conditions import Reason
from landlord.core.release import answers, attempts, idle, settling
from landlord.core.release.facts import Closed, Facts, Process
from landlord.core.release.history import is_locked
from landlord.core.release.ledger import Ledger
from landlord.core.release.steps import Decision, LetGo, Rest, Standing, Word, sentence


def decide(facts: Facts) -> Decision:
    """The one step to take now."""
    decision = _decide(facts)
    return replace(decision, word=replace(decision.word, why=sentence(decision.word.why)))


def _decide(facts: Facts) -> Decision:
    intent = facts.ledger.intent
    if facts.is_deleting:
        return _leave(facts)
    outside = _outside(facts)
    if outside is not None:
        return _stand_outside(facts, outside)
    if intent is not None:
        return settling.settle(facts, intent)
    if facts.is_namespace_leaving:
        why = "The namespace is being deleted; nothing is done in it any more."
        return Decision(Rest(), facts.ledger, Word(Standing.WAITING, Reason.NAMESPACE_TERMINATING, why))
    if facts.suspended:
        return _suspend(facts)
    if facts.ledger.attempt is not None:
        return attempts.go_on(facts, facts.ledger.attempt)
    return idle.go_on(facts)


def _outside(facts: Facts) -> Closed | None:
    """Why Landlord has no rights in the namespace, so that nothing of the release is seen; None where it has."""
    closed = facts.closed
    is_so = closed is not None and closed.reason is Reason.NOT_A_TENANT_NAMESPACE and not facts.is_namespace_leaving
    return closed if is_so else None


def _stand_outside(facts: Facts, outside: Closed) -> Decision:
    """What cannot be seen is not gone: the ledger stays as it is until somebody takes the namespace back."""
    if facts.suspended:
        return _suspend(facts)
    return Decision(Rest(outside.after), facts.ledger, Word(Standing.STUCK, outside.reason, outside.why))


def _leave(facts: Facts) -> Decision:
    """Uninstall, or leave all as it is; in a namespace that goes away nothing need be done."""
    ledger = facts.ledger
    if facts.is_namespace_leaving:
        gone = replace(idle.emptied(answers.part(facts)), intent=None)
        return _let_go(gone, "The namespace goes away with all that is in it.")
    outside = _outside(facts)
    if outside is not None and facts.process is not Process.RUNNING:
        why = f"What runs stays as it is. {outside.why}"
        return _let_go(replace(answers.part(facts), intent=None), why, outside.reason)
    if ledger.intent is not None:
        return settling.settle(facts, ledger.intent)
    if facts.newest is None:
        return _let_go(idle.emptied(answers.part(facts)), "Nothing of the release is left.")
    if facts.wish.orphans:
        return _let_go(answers.part(facts), "What runs stays as it is, as deletionPolicy has it.", Reason.UNINSTALLING)
    if is_locked(facts.newest) and _is_fresh(facts):
        return answers.locked(facts)
    halt = ledger.pause
    if halt is not None and facts.now < halt.until:
        why = f"{halt.failure.why} Trying again at {halt.until:%H:%M:%S} UTC."
        return Decision(
            Rest(halt.until - facts.now), ledger, Word(Standing.WORKING, answers.reason_of(halt.failure), why)
        )
    return answers.uninstall(facts)


def _let_go(ledger: Ledger, why: str, left: Reason | None = None) -> Decision:
    """``left`` is the reason why something stays behind, None where nothing does."""
    word = Word(Standing.WORKING, left or Reason.UNINSTALLING, why)
    return Decision(LetGo(is_left=left is not None), replace(ledger, pause=None), word)


def _is_fresh(facts: Facts) -> bool:
    """Whether whoever holds the lock may still be at work; a deletion does not wait for the dead."""
    at = facts.newest.modified_at if facts.newest is not None else 0
    return facts.now.timestamp() < at + (facts.wish.timeout + settling.MARGIN).total_seconds()


def _suspend(facts: Facts) -> Decision:
    ledger, attempt = facts.ledger, facts.ledger.attempt
    if attempt is not None and not attempt.is_paused:
        ledger = replace(ledger, attempt=replace(attempt, is_paused=True))
    return Decision(Rest(), ledger, Word(Standing.FROZEN, Reason.SUSPENDED, facts.suspended))
