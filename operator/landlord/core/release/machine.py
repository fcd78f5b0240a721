"""The release machine: facts in, one step out. It never waits or acts; the same facts give the same step.

What is decided where: ``settling`` reads what a Helm run came to, ``attempts`` moves an attempt on, ``guilt`` says
whose fault a failure is. Here: what goes before all else, and what to do while no attempt is in flight.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from landlord.api.conditions import Reason
from landlord.core.release import attempts, settling
from landlord.core.release.facts import Facts, HealthState, Process, Unprepared
from landlord.core.release.history import is_locked, prunable
from landlord.core.release.ledger import (
    Attempt,
    Desired,
    Failure,
    Held,
    Ledger,
    Operation,
    Proven,
    Running,
    Stage,
    Verdict,
)
from landlord.core.release.steps import Decision, LetGo, Look, Prune, Rest, Standing, Word

SLOW: Final = timedelta(seconds=5)


def decide(facts: Facts) -> Decision:
    """The one step to take now."""
    intent = facts.ledger.intent
    if facts.is_deleting:
        return _leave(facts)
    if intent is not None:
        return settling.settle(facts, intent)
    if facts.suspended:
        return _suspend(facts)
    if facts.ledger.attempt is not None:
        return attempts.go_on(facts, facts.ledger.attempt)
    return _idle(facts)


def _leave(facts: Facts) -> Decision:
    """Uninstall, or leave all as it is; in a namespace that goes away nothing need be done."""
    going = Word(Standing.WORKING, Reason.UNINSTALLING, "Going away.")
    ledger = replace(facts.ledger, attempt=None)
    if facts.is_namespace_leaving or facts.wish.orphans or (not facts.history and facts.process is not Process.RUNNING):
        return Decision(LetGo(), replace(ledger, intent=None), going)
    intent = ledger.intent
    if intent is not None:
        if intent.operation is Operation.UNINSTALL and facts.ended is not None and facts.ended.trouble is not None:
            word = Word(Standing.WORKING, Reason.UNINSTALL_FAILED, f"{facts.ended.why} Trying again.")
            return Decision(Rest(SLOW * 3), replace(ledger, intent=None), word)
        return settling.settle(replace(facts, ledger=ledger), intent)
    if is_locked(facts.newest):
        return attempts.uninstall(replace(facts, ledger=ledger))  # a lock does not keep Helm from uninstalling
    return attempts.uninstall(replace(facts, ledger=ledger))


def _suspend(facts: Facts) -> Decision:
    ledger, attempt = facts.ledger, facts.ledger.attempt
    if attempt is not None and not attempt.is_paused:
        ledger = replace(ledger, attempt=replace(attempt, is_paused=True))
    return Decision(Rest(), ledger, Word(Standing.FROZEN, Reason.SUSPENDED, facts.suspended))


def _idle(facts: Facts) -> Decision:
    """No attempt is in flight: see whether one should be."""
    strange = _reckon_with_strangers(facts)
    if strange is not None:
        return strange
    desired = facts.desired
    if isinstance(desired, Unprepared):
        standing = Standing.STUCK if desired.is_final else Standing.WORKING
        return Decision(Rest(desired.after), facts.ledger, Word(standing, desired.reason, desired.why))
    held = facts.ledger.held
    if held is not None and held.desired.key == desired.key:
        return _held(facts, held)
    running = facts.ledger.running
    if running is not None and running.desired.digest == desired.digest:
        return _as_desired(facts, desired, running)
    rejected = _rejection(facts.ledger, desired)
    if rejected is not None:
        again = Held(desired, rejected, facts.now, 0)
        return _look(replace(facts.ledger, held=again), Reason.HELD, rejected.why)
    return _begin(facts, desired, Stage.DEPLOYING, 0)


def _reckon_with_strangers(facts: Facts) -> Decision | None:
    """What was done to the release past the ledger: by a person with Helm, or by us before the ledger was lost."""
    ledger, newest = facts.ledger, facts.newest
    known = ledger.running.revision if ledger.running else 0
    if newest is None:
        if known == 0:
            return None
        gone = replace(ledger, running=None, proven=None, recovering=0, recovering_since=None)
        return _look(gone, Reason.EXTERNAL_CHANGE, "Somebody uninstalled the release with Helm.")
    if newest.number == known or newest.status != "deployed":
        return None
    why = f"Revision {newest.number} was made outside."
    if facts.stranger is None or facts.stranger.number != newest.number:
        return Decision(Rest(SLOW), ledger, Word(Standing.WORKING, Reason.EXTERNAL_CHANGE, why))
    if facts.stranger.is_desired and isinstance(facts.desired, Desired):
        adopted = replace(ledger, running=Running(newest.number, facts.desired, is_external=True), held=None)
        return _begin(replace(facts, ledger=adopted), facts.desired, Stage.VERIFYING, newest.number)
    unknown = Desired(f"external-{newest.number}", "", f"external-{newest.number}", "", "", "")
    return _look(
        replace(ledger, running=Running(newest.number, unknown, is_external=True)), Reason.EXTERNAL_CHANGE, why
    )


def _held(facts: Facts, held: Held) -> Decision:
    """Nothing is tried again; but a release that was not rolled back may get well by itself."""
    ledger = facts.ledger
    if ledger.recovering:
        return _recover(facts, held)
    is_in_place = not held.rolled_back_to and held.failed_revision and held.blocked is None
    running = ledger.running
    if is_in_place and running is not None and running.revision == held.failed_revision and _is_ready(facts):
        why = "What was held is ready after all; it is verified again."
        attempt = _attempt(facts, held.desired, Stage.VERIFYING, running.revision)
        return _look(replace(ledger, held=None, attempt=attempt), Reason.RECOVERED, why)
    return _rest(facts, _words_of(held))


def _recover(facts: Facts, held: Held | None) -> Decision:
    """After a rollback: proven again once it was ready for a whole bake; until then its words are told."""
    ledger, proven, since = facts.ledger, facts.ledger.proven, facts.ledger.recovering_since
    word = _words_of(held) if held else Word(Standing.WORKING, Reason.PROGRESSING, "Recovering.")
    if proven is None:
        return _look(replace(ledger, recovering=0, recovering_since=None), word.reason, word.why)
    if not _is_ready(facts):
        if facts.health is not None and facts.health.state is not HealthState.WORKING:
            blocked = f"{word.why} What was rolled back to is not ready: {facts.health.why}"
            word = Word(Standing.STUCK, Reason.ROLLBACK_BLOCKED, blocked)
        return Decision(Rest(SLOW), ledger, word)
    if since is not None and facts.now < since + facts.wish.bake:
        return Decision(Rest(min(SLOW, since + facts.wish.bake - facts.now)), ledger, word)
    again = Proven(ledger.recovering, proven.desired, facts.now)
    return _look(replace(ledger, proven=again, recovering=0, recovering_since=None), word.reason, word.why)


def _as_desired(facts: Facts, desired: Desired, running: Running) -> Decision:
    """What is wanted runs: proven it is left alone, else it is proven now; no Helm call either way."""
    ledger, proven = facts.ledger, facts.ledger.proven
    if proven is None or proven.desired.key != desired.key:
        return _begin(facts, desired, Stage.VERIFYING, running.revision)
    if ledger.held is not None:
        return _look(replace(ledger, held=None), Reason.PROVEN, "What runs is what is wanted again.")
    if ledger.recovering:
        return _recover(facts, None)
    if facts.health is not None and facts.health.state is not HealthState.READY:
        why = f"Proven, but not healthy now: {facts.health.why}"
        return _rest(facts, Word(Standing.WAITING, Reason.UNREADY, why))
    return _rest(facts, Word(Standing.READY, Reason.PROVEN, f"Revision {running.revision} is proven."))


def _begin(facts: Facts, desired: Desired, stage: Stage, revision: int) -> Decision:
    ledger = replace(facts.ledger, attempt=_attempt(facts, desired, stage, revision), held=None)
    return _look(ledger, Reason.PROGRESSING, f"Chart version {desired.chart_version} is wanted.")


def _attempt(facts: Facts, desired: Desired, stage: Stage, revision: int) -> Attempt:
    return Attempt(desired, facts.now, stage, facts.now, facts.now + facts.wish.timeout, revision=revision)


def _rejection(ledger: Ledger, desired: Desired) -> Failure | None:
    """Why the very same attempt was rejected before, unless it was proven since."""
    for judged in reversed(ledger.verdicts):
        if judged.desired.key == desired.key and judged.verdict in (Verdict.PROVEN, Verdict.REJECTED):
            return Failure(judged.reason, judged.why) if judged.verdict is Verdict.REJECTED else None
    return None


def _words_of(held: Held) -> Word:
    reason = Reason.ROLLED_BACK if held.rolled_back_to else Reason(held.failure.reason)
    where = f" Rolled back to revision {held.rolled_back_to}." if held.rolled_back_to else ""
    if held.blocked is not None:
        reason, where = Reason(held.blocked.reason), f" The rollback did not succeed: {held.blocked.why}"
    todo = " Held until the spec changes or the annotation landlord.dev/retry-at is set."
    return Word(Standing.STUCK, reason, f"{held.failure.why}{where}{todo}")


def _is_ready(facts: Facts) -> bool:
    return facts.health is not None and facts.health.state is HealthState.READY


def _rest(facts: Facts, word: Word) -> Decision:
    """Nothing to do; time to prune."""
    ledger = facts.ledger
    precious = [each.revision for each in (ledger.running, ledger.proven) if each is not None]
    if ledger.held is not None:
        precious.append(ledger.held.failed_revision)
    old = prunable(facts.history, facts.wish.max_history, precious)
    return Decision(Prune(old) if old else Rest(), ledger, word)


def _look(ledger: Ledger, reason: Reason, why: str) -> Decision:
    return Decision(Look(), ledger, Word(Standing.WORKING, reason, why))
