"""What to do while no attempt is in flight: begin one, leave what is proven alone, keep or take back what is held.

Also what was done to the release past the ledger is seen here, before anything is begun.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from landlord.api.conditions import Reason
from landlord.core.health.checks import CheckState
from landlord.core.health.signs import State
from landlord.core.release import answers
from landlord.core.release.facts import Facts, Unprepared
from landlord.core.release.guilt import pause
from landlord.core.release.history import foreign, is_locked, stands
from landlord.core.release.ledger import (
    Attempt,
    Desired,
    Failure,
    Held,
    Judged,
    Ledger,
    Proven,
    Running,
    Stage,
    Verdict,
)
from landlord.core.release.steps import Decision, Look, Rest, Standing, Word, sentence

SLOW: Final = timedelta(seconds=5)
SETTLING: Final = timedelta(seconds=30)
"""So long after a rollback the troubles of what it took away may still show."""
RECOVERIES: Final = 3
"""How often something held in its place is taken up again because it got well; then only Git can say so."""
_BEFORE: Final = "The very same was rejected before: "


def go_on(facts: Facts) -> Decision:
    """No attempt is in flight: see whether one should be."""
    if is_locked(facts.newest):
        return answers.locked(facts)
    desired = facts.desired
    strange = _reckon_with_strangers(facts)
    if strange is not None:
        return strange
    if isinstance(desired, Unprepared):
        return answers.unprepared(facts, desired)
    held = facts.ledger.held
    if held is not None and held.desired.key == desired.key:
        return _held(facts, held)
    running = facts.ledger.running
    if running is not None and running.desired.digest == desired.digest and stands(facts.history, running):
        return _as_desired(facts, desired, running)
    rejected = _rejection(facts.ledger, desired)
    if rejected is not None:
        return _refuse(facts, desired, rejected)
    return _begin(facts, desired, Stage.DEPLOYING, 0)


def emptied(ledger: Ledger) -> Ledger:
    """Nothing is deployed any more; verdicts, a hold and pins stay true."""
    held = ledger.held
    if held is not None:
        held = replace(held, failed_revision=0, rolled_back_to=0, blocked=None)
    return replace(ledger, running=None, proven=None, recovering=0, recovering_since=None, held=held)


def _reckon_with_strangers(facts: Facts) -> Decision | None:
    """What was done to the release past the ledger: by a person with Helm, or by us before the ledger was lost."""
    ledger, desired = facts.ledger, facts.desired
    if facts.newest is None:
        if ledger.running is None and ledger.proven is None:
            return None
        return _look(emptied(ledger), Reason.EXTERNAL_CHANGE, "Somebody uninstalled the release with Helm.")
    strange = foreign(facts.history, ledger.running)
    if isinstance(desired, Unprepared):
        return None  # nothing to compare it with; what runs keeps running
    if strange is None:
        return _reconsider(facts, desired)
    why = f"Revision {strange.number} was made outside of Landlord."
    if facts.stranger is None or facts.stranger.number != strange.number:
        return Decision(Rest(SLOW), ledger, Word(Standing.WORKING, Reason.EXTERNAL_CHANGE, why))
    if facts.stranger.is_desired:
        return _adopt(facts, desired, Running(strange.number, desired, is_external=True, uid=strange.uid))
    name = f"external-{strange.number}"
    unknown = Running(strange.number, Desired(name, "", name, "", "", ""), is_external=True, uid=strange.uid)
    parted = replace(ledger, running=unknown, recovering=0, recovering_since=None)
    return _look(parted, Reason.EXTERNAL_CHANGE, why)


def _reconsider(facts: Facts, desired: Desired) -> Decision | None:
    """A revision made outside may be what is wanted by now."""
    running, stranger = facts.ledger.running, facts.stranger
    if running is None or not running.is_external or running.desired.digest == desired.digest:
        return None
    if stranger is None or not stranger.is_desired or stranger.number != running.revision:
        return None
    return _adopt(facts, desired, replace(running, desired=desired))


def _adopt(facts: Facts, desired: Desired, running: Running) -> Decision:
    """What somebody deployed is what is wanted: no Helm call, it is proven as it stands."""
    adopted = replace(facts.ledger, running=running, recovering=0, recovering_since=None)
    begun = _begin(replace(facts, ledger=adopted), desired, Stage.VERIFYING, running.revision)
    why = f"Revision {running.revision} is what is wanted already; it is taken over and proven as it stands."
    return replace(begun, word=Word(Standing.WORKING, Reason.ADOPTING, why))


def _held(facts: Facts, held: Held) -> Decision:
    """Nothing is tried again; but a release that was not rolled back may get well by itself."""
    ledger = facts.ledger
    if ledger.recovering:
        return _recover(facts, _words_of(facts, held))
    if _got_well(facts, held):
        why = "What was held is ready after all; it is verified again."
        attempt = _attempt(facts, held.desired, Stage.VERIFYING, held.failed_revision)
        attempt = replace(attempt, recoveries=held.recoveries + 1)
        return _look(replace(ledger, held=None, attempt=attempt), Reason.RECOVERED, why)
    return _rest(facts, _words_of(facts, held))


def _got_well(facts: Facts, held: Held) -> bool:
    """Whether what was held stands where it failed, and has become ready; tests are not asked twice."""
    running = facts.ledger.running
    if running is None or running.revision != held.failed_revision or not stands(facts.history, running):
        return False
    if held.recoveries >= RECOVERIES or facts.now < held.since + pause(held.recoveries + 1):
        return False
    if held.failure.reason == Reason.TEST_FAILED.value or held.desired.digest != running.desired.digest:
        return False
    return _is_ready(facts) and all(check.state is not CheckState.FAILING for check in facts.checks)


def _recover(facts: Facts, word: Word) -> Decision:
    """After a rollback: proven again once it was ready for a whole bake; until then its words are told."""
    ledger, proven, since = facts.ledger, facts.ledger.proven, facts.ledger.recovering_since
    running = ledger.running
    if proven is None or running is None or running.revision != ledger.recovering:
        return _look(replace(ledger, recovering=0, recovering_since=None), word.reason, word.why)
    if not stands(facts.history, running):
        return _rest(facts, word, ledger=replace(ledger, recovering=0, recovering_since=None))
    if not _is_ready(facts):
        return _not_recovered(facts, word)
    if since is None or facts.now < since + facts.wish.bake:
        since = since or facts.now
        left = min(SLOW, since + facts.wish.bake - facts.now)
        return _rest(facts, word, Rest(left), replace(ledger, recovering_since=since))
    again = Proven(ledger.recovering, proven.desired, facts.now, uid=running.uid)
    why = "Ready after the rollback, and healthy for the whole bake."
    judged = Judged(proven.desired, Verdict.PROVEN, Reason.PROVEN.value, why, facts.now, again.revision)
    ledger = replace(ledger.judged(judged), proven=again, recovering=0, recovering_since=None)
    return _look(ledger, word.reason, word.why)


def _not_recovered(facts: Facts, word: Word) -> Decision:
    """What was rolled back to is not ready: its bake begins anew when it is."""
    ledger = replace(facts.ledger, recovering_since=None)
    health, held = facts.health, facts.ledger.held
    if health is None or held is None or facts.now < held.since + SETTLING:
        return _rest(facts, word, Rest(SLOW), ledger)
    if health.state is State.WORKING and health.reason is Reason.UNREADY and not health.is_excused:
        return _rest(facts, word, Rest(SLOW), ledger)
    why = f"{word.why} What was rolled back to is not ready: {health.why}"
    return _rest(facts, Word(Standing.STUCK, Reason.ROLLBACK_BLOCKED, why), Rest(SLOW), ledger)


def _as_desired(facts: Facts, desired: Desired, running: Running) -> Decision:
    """What is wanted runs: proven it is left alone, else it is proven now; no Helm call either way."""
    ledger, proven = facts.ledger, facts.ledger.proven
    if proven is None or proven.desired.key != desired.key:
        return _begin(facts, desired, Stage.VERIFYING, running.revision)
    if ledger.held is not None:
        return _look(replace(ledger, held=None), Reason.PROVEN, "What runs is what is wanted again.")
    if ledger.recovering:
        why = "What was rolled back to is what is wanted again; it is being proven anew."
        return _recover(facts, Word(Standing.WORKING, Reason.PROGRESSING, why))
    if facts.health is not None and facts.health.state is not State.READY:
        why = f"Proven, but not healthy now: {facts.health.why}"
        return _rest(facts, Word(Standing.WAITING, Reason.UNREADY, why))
    return _rest(facts, Word(Standing.READY, Reason.PROVEN, f"Revision {running.revision} is proven."))


def _refuse(facts: Facts, desired: Desired, failure: Failure) -> Decision:
    """The very same was rejected before: it is held, and what runs unproven makes way for what is proven."""
    ledger, proven, running = facts.ledger, facts.ledger.proven, facts.ledger.running
    is_theirs = running is not None and running.is_external
    is_proven = proven is not None and running is not None and running.desired.digest == proven.desired.digest
    is_well = is_theirs or (is_proven and stands(facts.history, running))
    if facts.wish.rolls_back and not is_well and proven is not None:
        if proven.desired.digest == desired.digest:
            return _begin(facts, desired, Stage.DEPLOYING, 0)  # only its checks were rejected
        back = _attempt(facts, desired, Stage.ROLLING_BACK, 0)
        return _look(replace(ledger, attempt=replace(back, failure=failure)), Reason.ROLLING_BACK, failure.why)
    return _look(replace(ledger, held=Held(desired, failure, facts.now, 0)), Reason.HELD, failure.why)


def _begin(facts: Facts, desired: Desired, stage: Stage, revision: int) -> Decision:
    ledger = replace(facts.ledger, attempt=_attempt(facts, desired, stage, revision), held=None)
    return _look(ledger, Reason.PROGRESSING, f"Chart version {desired.chart_version} is wanted.")


def _attempt(facts: Facts, desired: Desired, stage: Stage, revision: int) -> Attempt:
    """A new attempt; of the same key it is another one than all before."""
    before = [each.ordinal for each in facts.ledger.verdicts if each.desired.key == desired.key]
    attempt = Attempt(desired, facts.now, stage, facts.now, facts.now + facts.wish.timeout, revision=revision)
    return replace(attempt, ordinal=1 + max(before, default=0))


def _rejection(ledger: Ledger, desired: Desired) -> Failure | None:
    """Why the very same attempt was rejected before, unless it was proven since."""
    for judged in reversed(ledger.verdicts):
        if judged.desired.key == desired.key and judged.verdict in (Verdict.PROVEN, Verdict.REJECTED):
            why = f"{_BEFORE}{judged.why.removeprefix(_BEFORE)}"
            return Failure(judged.reason, why) if judged.verdict is Verdict.REJECTED else None
    return None


def _words_of(facts: Facts, held: Held) -> Word:
    reason = Reason.ROLLED_BACK if held.rolled_back_to else answers.reason_of(held.failure)
    where = f" Rolled back to revision {held.rolled_back_to}." if held.rolled_back_to else ""
    if not held.rolled_back_to and held.failed_revision and facts.ledger.proven and not facts.wish.rolls_back:
        reason = Reason.ROLLBACK_DISABLED
        where = " It is left as it is, because rollback.mode is Disabled."
    if held.blocked is not None:
        reason = answers.reason_of(held.blocked)
        where = f" The rollback did not succeed: {sentence(held.blocked.why)}"
    todo = " Held until the spec changes or the annotation landlord.dev/retry-at is set to a new value."
    return Word(Standing.STUCK, reason, f"{sentence(held.failure.why)}{where}{todo}")


def _is_ready(facts: Facts) -> bool:
    return facts.health is not None and facts.health.state is State.READY


def _rest(facts: Facts, word: Word, rest: Rest | None = None, ledger: Ledger | None = None) -> Decision:
    return answers.tidy(facts, word, rest or Rest(), ledger)


def _look(ledger: Ledger, reason: Reason, why: str) -> Decision:
    return Decision(Look(), ledger, Word(Standing.WORKING, reason, why))
