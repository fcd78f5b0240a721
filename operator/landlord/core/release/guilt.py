"""Whose fault a failed Helm run is, and what follows from giving an attempt up."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from landlord.api.conditions import Reason
from landlord.api.failures import HelmTrouble
from landlord.core.release.facts import Wish
from landlord.core.release.ledger import Attempt, Failure, Held, Judged, Ledger, Stage, Verdict

FIRST_PAUSE: Final = timedelta(seconds=15)
LAST_PAUSE: Final = timedelta(minutes=5)

ENVIRONMENT: Final = {
    HelmTrouble.QUOTA: Reason.QUOTA_EXCEEDED,
    HelmTrouble.WEBHOOK: Reason.WEBHOOK_UNAVAILABLE,
    HelmTrouble.OUTAGE: Reason.API_TROUBLE,
    HelmTrouble.TERMINATING: Reason.NAMESPACE_TERMINATING,
    HelmTrouble.LOCKED: Reason.RELEASE_LOCKED,
}
"""Troubles that say nothing about the release: hold, wait, try again."""

WAITED_FOR: Final = frozenset({*ENVIRONMENT.values(), Reason.UNSCHEDULABLE, Reason.REGISTRY_UNAVAILABLE})
"""Reasons that stay told while Helm tries again."""

GUILTY: Final = {
    HelmTrouble.RENDER: Reason.RENDER_FAILED,
    HelmTrouble.SCHEMA: Reason.SCHEMA_INVALID,
    HelmTrouble.UNKNOWN_KIND: Reason.MISSING_CRD,
    HelmTrouble.IMMUTABLE: Reason.IMMUTABLE_FIELD,
    HelmTrouble.OWNERSHIP: Reason.OWNERSHIP_CONFLICT,
    HelmTrouble.CONFLICT: Reason.OWNERSHIP_CONFLICT,
    HelmTrouble.TOO_LARGE: Reason.RELEASE_TOO_LARGE,
    HelmTrouble.FORBIDDEN: Reason.FORBIDDEN,
    HelmTrouble.HOOK_FAILED: Reason.HOOK_FAILED,
    HelmTrouble.HOOK_TIMEOUT: Reason.HOOK_FAILED,
    HelmTrouble.TEST_FAILED: Reason.TEST_FAILED,
    HelmTrouble.POLICY: Reason.REJECTED,
    HelmTrouble.INVALID: Reason.REJECTED,
}


def failure_of(trouble: HelmTrouble, why: str, *, is_first: bool) -> Failure:
    """The failure a guilty run is told as."""
    other = Reason.INSTALL_FAILED if is_first else Reason.UPGRADE_FAILED
    return Failure(GUILTY.get(trouble, other).value, why)


def pause(count: int) -> timedelta:
    """How long to wait after the ``count``-th failure in a row."""
    factor: int = 2 ** min(max(count, 1) - 1, 16)
    return min(LAST_PAUSE, FIRST_PAUSE * factor)


def again(attempt: Attempt, stage: Stage, failure: Failure, now: datetime, *, at_once: bool = False) -> Attempt:
    """The same once more, by nobody's fault: another attempt, after a pause that grows."""
    is_first = at_once and attempt.ordinal == 1
    after = now if is_first else now + pause(attempt.ordinal)
    on = replace(attempt, stage=stage, since=now, ordinal=attempt.ordinal + 1, not_before=after)
    return replace(on, blocked=failure) if stage is Stage.ROLLING_BACK else replace(on, failure=failure)


def undetermined(ledger: Ledger, attempt: Attempt, failure: Failure, now: datetime) -> Ledger:
    """Noted, once per cause, that the environment left the attempt without a verdict."""
    for each in reversed(ledger.verdicts):
        if each.desired.key != attempt.desired.key:
            continue
        if each.verdict is not Verdict.UNDETERMINED:
            break
        if each.reason == failure.reason:
            return ledger
    return ledger.judged(_judged(attempt, Verdict.UNDETERMINED, failure, now))


def cancelled(ledger: Ledger, attempt: Attempt, why: str, now: datetime) -> Ledger:
    """Without the attempt; noted where it had done something and was not judged yet."""
    if attempt.stage is not Stage.ROLLING_BACK and (attempt.revision or attempt.failure is not None):
        ledger = ledger.judged(_judged(attempt, Verdict.CANCELLED, Failure(Reason.CANCELLED.value, why), now))
    return replace(ledger, attempt=None)


def give_up(ledger: Ledger, attempt: Attempt, failure: Failure, wish: Wish, now: datetime) -> Ledger:
    """The attempt is rejected: roll back where something changed and something proven is there, else hold."""
    ledger = replace(ledger.judged(_judged(attempt, Verdict.REJECTED, failure, now)), intent=None)
    if has_way_back(ledger, attempt, wish):
        back = replace(attempt, stage=Stage.ROLLING_BACK, since=now, failure=failure, not_before=None, is_paused=False)
        return replace(ledger, attempt=back)
    return hold(ledger, replace(attempt, failure=failure), now)


def has_way_back(ledger: Ledger, attempt: Attempt, wish: Wish) -> bool:
    """Whether a rollback is wanted, would change something and goes to something other than what failed.

    What failed is chart and values together: where they differ only by environment, the candidate is the same, but
    what ran before is proven and what failed is not it.
    """
    proven = ledger.proven
    if not wish.rolls_back or proven is None or not attempt.revision:
        return False
    return proven.desired.digest != attempt.desired.digest


def hold(ledger: Ledger, attempt: Attempt, now: datetime, *, to: int = 0, blocked: Failure | None = None) -> Ledger:
    """The rejected attempt ends held, rolled back to revision ``to`` or not."""
    failure = attempt.failure or Failure(Reason.UPGRADE_FAILED.value, "The upgrade failed.")
    held = Held(attempt.desired, failure, now, attempt.revision, to, blocked, attempt.recoveries)
    return replace(ledger, attempt=None, intent=None, held=held)


def _judged(attempt: Attempt, verdict: Verdict, failure: Failure, now: datetime) -> Judged:
    return Judged(attempt.desired, verdict, failure.reason, failure.why, now, attempt.revision, attempt.ordinal)
