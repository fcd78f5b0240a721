"""Answers that any part of the machine gives: run Helm, wait and tidy up, leave a lock alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from landlord.api.conditions import Reason
from landlord.core.release.facts import Closed, Facts, Unprepared
from landlord.core.release.guilt import cancelled
from landlord.core.release.history import GOOD, is_abandoned, outshone, precious, prunable, target
from landlord.core.release.identity import short
from landlord.core.release.ledger import Failure, Intent, Ledger, Operation
from landlord.core.release.steps import Decision, MarkFailed, Prune, Rest, Run, Standing, Supersede, Word

LOCK_POLL: Final = timedelta(seconds=15)


def run(facts: Facts, operation: Operation, why: str, target: int = 0, *, reason: Reason | None = None) -> Decision:
    """Helm is to run; what for is in the ledger before it does."""
    attempt, base = facts.ledger.attempt, facts.newest.number if facts.newest is not None else 0
    limit = facts.wish.test_timeout if operation is Operation.TEST else facts.wish.timeout
    mark = f"{base + 1}-{short(attempt.desired.key)}" if attempt is not None else ""
    intent = Intent(operation, base, target, facts.now, facts.now + limit, facts.runner, mark)
    word = Word(Standing.WORKING, reason or _RUNNING.get(operation, Reason.DEPLOYING), why)
    return Decision(Run(), replace(facts.ledger, intent=intent), word)


def uninstall(facts: Facts) -> Decision:
    """Remove all that Helm put there."""
    return run(replace(facts, ledger=part(facts)), Operation.UNINSTALL, "Helm removes what it installed.")


def part(facts: Facts) -> Ledger:
    """The ledger once the release is going away."""
    attempt = facts.ledger.attempt
    return facts.ledger if attempt is None else cancelled(facts.ledger, attempt, "It was deleted.", facts.now)


def tidy(facts: Facts, word: Word, rest: Rest, ledger: Ledger | None = None) -> Decision:
    """Nothing to do but to wait: time to put Helm's records in order, and to prune."""
    ledger = ledger or facts.ledger
    if past := outshone(facts.history):
        return Decision(Supersede(past), ledger, word)
    old = prunable(facts.history, facts.wish.max_history, precious(ledger))
    return Decision(Prune(old) if old else rest, ledger, word)


def shut(facts: Facts, closed: Closed) -> Decision:
    """Something else must come first."""
    standing = Standing.STUCK if closed.is_final else Standing.WAITING
    return tidy(facts, Word(standing, closed.reason, closed.why), Rest(closed.after))


def unprepared(facts: Facts, why: Unprepared) -> Decision:
    """It is not known what to deploy, or must not be; what runs keeps running."""
    standing = Standing.STUCK if why.is_final else Standing.WORKING
    return tidy(facts, Word(standing, why.reason, why.why), Rest(why.after))


def locked(facts: Facts) -> Decision:
    """A lock that is not ours is left to whoever holds it; one of ours whose record was lost is taken off in time."""
    newest = facts.newest
    if newest is not None and is_abandoned(newest, facts.now):
        why = "A Helm of Landlord's ended before it had finished, and its record was lost; its lock is taken off."
        return Decision(MarkFailed(newest.number), facts.ledger, Word(Standing.WORKING, Reason.INTERRUPTED, why))
    why = (
        "Another Helm operation on this release, not provably Landlord's, is in progress or was broken off. If nobody "
        f"runs Helm here, unlock it: {_unlocking(facts)}"
    )
    return Decision(Rest(LOCK_POLL), facts.ledger, Word(Standing.STUCK, Reason.RELEASE_LOCKED, why))


def _unlocking(facts: Facts) -> str:
    """What a person has to run: back to what is proven, else to the newest revision that was ever good."""
    good = [each.number for each in facts.history if each.status in GOOD]
    known = target(facts.history, facts.ledger.proven)
    number = known.number if known is not None else max(good, default=0)
    what = f"helm rollback {facts.release} {number}" if number else f"helm uninstall {facts.release}"
    return f"{what} --namespace {facts.namespace}."


def reason_of(failure: Failure) -> Reason:
    """The failure's reason; one that a later version wrote is told as held."""
    return Reason(failure.reason) if failure.reason in set(Reason) else Reason.HELD


_RUNNING: Final = {
    Operation.ROLLBACK: Reason.ROLLING_BACK,
    Operation.TEST: Reason.TESTING,
    Operation.UNINSTALL: Reason.UNINSTALLING,
}
