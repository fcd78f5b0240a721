"""An attempt in flight, one look at a time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from landlord.api.conditions import Reason
from landlord.core.health.checks import CheckState
from landlord.core.health.signs import State
from landlord.core.release.facts import Check, Closed, Health, Process, Unprepared
from landlord.core.release.ledger import Failure, Ledger, Operation, Running, Stage, Verdict
from landlord.core.release.machine import decide
from landlord.core.release.steps import LetGo, Look, Prune, Rest, Run, Standing
from tests.unit.core.release.cast import QUOTA, READY, WORKING, App
from tests.unit.core.release.scenes import CAUSE, WISH, B, attempt, facts, intent, ledger, revisions
from tests.unit.core.release.theatre import START

C = App("C").desired
UNPREPARED = Unprepared(Reason.CHART_FETCH_FAILED, "The registry does not answer.", is_final=False)
CLOSED = Closed(Reason.ENVIRONMENT_SUSPENDED, "The Environment is suspended.")
AT_B = Running(2, B, uid="uid-2")


def watching(stage: Stage, **fields: Any) -> Ledger:
    return ledger(running=AT_B, attempt=attempt(stage, revision=2, **fields))


def test_an_attempt_that_is_not_prepared_any_more_keeps_its_count_of_tries() -> None:
    known = ledger(attempt=attempt(tries=1, failure=CAUSE))
    decision = decide(facts(known, "deployed", desired=UNPREPARED))
    assert decision.ledger == known
    assert decision.word.reason is Reason.CHART_FETCH_FAILED


def test_what_is_deployed_is_judged_though_the_next_cannot_be_prepared() -> None:
    known = watching(Stage.VERIFYING)
    decision = decide(facts(known, "superseded", "deployed", desired=UNPREPARED, health=READY))
    assert decision.ledger.attempt is not None
    assert decision.ledger.attempt.stage is Stage.BAKING


def test_a_commit_behind_a_closed_gate_does_not_stop_what_runs_from_being_judged() -> None:
    known = watching(Stage.BAKING)
    guilty = Health(State.GUILTY, Reason.CRASH_LOOPING, "It crashes.")
    decision = decide(facts(known, "superseded", "deployed", desired=C, closed=CLOSED, health=guilty))
    assert decision.ledger.attempt is not None
    assert decision.ledger.attempt.stage is Stage.ROLLING_BACK
    open_ = decide(facts(known, "superseded", "deployed", desired=C, health=guilty))
    assert open_.ledger.attempt is None
    assert open_.ledger.verdicts[-1].verdict is Verdict.CANCELLED


def test_helm_is_not_run_into_somebody_elses_lock() -> None:
    for stage in (Stage.DEPLOYING, Stage.ROLLING_BACK):
        decision = decide(facts(ledger(attempt=attempt(stage, revision=1)), "deployed", "pending-upgrade"))
        assert isinstance(decision.step, Rest)
        assert decision.word.reason is Reason.RELEASE_LOCKED


def test_a_strangers_revision_is_not_rolled_over() -> None:
    known = ledger(running=AT_B, attempt=attempt(Stage.ROLLING_BACK, revision=2, failure=CAUSE))
    decision = decide(facts(known, "superseded", "superseded", "deployed"))
    assert decision.step == Look()
    assert decision.ledger.held is not None
    assert decision.ledger.held.rolled_back_to == 0


def test_nothing_is_upgraded_over_what_somebody_deployed_before_that_is_looked_at() -> None:
    decision = decide(facts(ledger(attempt=attempt()), "superseded", "deployed"))
    assert decision.step == Look()
    assert decision.ledger.attempt is None


def test_numbers_that_began_anew_are_not_gone_back_to() -> None:
    reinstalled = [replace(each, uid="uid-of-new") for each in revisions("superseded", "deployed")]
    known = watching(Stage.ROLLING_BACK, failure=CAUSE)
    known = replace(known, running=replace(AT_B, uid="uid-of-new"))
    decision = decide(facts(known, history=reinstalled))
    assert decision.ledger.held is not None
    assert decision.ledger.held.blocked is not None
    assert decision.ledger.held.blocked.reason == "MissingRollbackTarget"


def test_a_cause_that_clears_late_leaves_the_workloads_their_time() -> None:
    known = watching(Stage.VERIFYING)
    late = START + WISH.timeout - timedelta(seconds=1)
    held_up = decide(facts(known, "superseded", "deployed", health=QUOTA, now=late))
    then = decide(facts(held_up.ledger, "superseded", "deployed", health=WORKING, now=late + timedelta(minutes=2)))
    assert then.ledger.attempt is not None
    assert then.ledger.attempt.stage is Stage.VERIFYING


def test_trouble_of_the_environment_is_undetermined_at_the_timeout() -> None:
    known = watching(Stage.VERIFYING)
    early = decide(facts(known, "superseded", "deployed", health=QUOTA)).ledger
    assert early.verdicts == ()
    late = decide(facts(early, "superseded", "deployed", health=QUOTA, now=START + WISH.timeout)).ledger
    assert [each.verdict for each in late.verdicts] == [Verdict.UNDETERMINED]
    assert late.attempt is not None


def test_trouble_that_lasts_is_told_the_same_between_two_deadlines() -> None:
    known = watching(Stage.VERIFYING)
    late = START + WISH.timeout
    noted = decide(facts(known, "superseded", "deployed", health=QUOTA, now=late))
    assert noted.word.reason is Reason.QUOTA_EXCEEDED
    lasting = replace(QUOTA, state=State.WORKING, is_excused=True)
    after = late + timedelta(seconds=5)
    between = decide(facts(noted.ledger, "superseded", "deployed", health=lasting, now=after))
    assert (between.word, between.ledger) == (noted.word, noted.ledger)
    gone = decide(facts(noted.ledger, "superseded", "deployed", health=WORKING, now=after))
    assert gone.word.reason is Reason.PROGRESSING


@pytest.mark.parametrize(
    "reason",
    [Reason.QUOTA_EXCEEDED, Reason.UNSCHEDULABLE, Reason.REGISTRY_UNAVAILABLE, Reason.WEBHOOK_UNAVAILABLE],
)
def test_a_known_cause_is_told_by_its_reason_from_the_first_look(reason: Reason) -> None:
    known = watching(Stage.VERIFYING)
    short = replace(QUOTA, state=State.WORKING, is_excused=True, reason=reason)
    early = decide(facts(known, "superseded", "deployed", health=short))
    assert (early.word.reason, early.word.why) == (reason, QUOTA.why)
    assert early.ledger == known
    plain = decide(facts(known, "superseded", "deployed", health=WORKING))
    assert early.step == plain.step
    still = decide(facts(known, "superseded", "deployed", health=short, now=START + timedelta(seconds=20)))
    assert still.word == early.word


def test_what_is_no_known_cause_is_progress_while_the_workloads_have_their_time() -> None:
    """A policy that says no would read as a verdict; a pod that lost its node is only not ready."""
    known = watching(Stage.VERIFYING)
    for reason, is_excused in ((Reason.REJECTED, True), (Reason.UNREADY, True), (Reason.QUOTA_EXCEEDED, False)):
        short = replace(QUOTA, state=State.WORKING, is_excused=is_excused, reason=reason)
        decision = decide(facts(known, "superseded", "deployed", health=short))
        assert decision.word.reason is Reason.PROGRESSING
        assert decision.word.why == QUOTA.why


def test_helm_that_tries_again_after_trouble_still_tells_the_trouble() -> None:
    trouble = Failure(Reason.WEBHOOK_UNAVAILABLE.value, "The webhook gives no answer.")
    again = decide(facts(ledger(attempt=attempt(ordinal=2, failure=trouble)), "deployed"))
    assert isinstance(again.step, Run)
    assert again.word.reason is Reason.WEBHOOK_UNAVAILABLE
    assert again.word.why.startswith(trouble.why)
    interrupted = Failure(Reason.INTERRUPTED.value, "Helm was ended before it had finished.")
    fresh = decide(facts(ledger(attempt=attempt(ordinal=2, failure=interrupted)), "deployed"))
    assert fresh.word.reason is Reason.DEPLOYING


def test_a_check_that_failed_before_does_not_condemn() -> None:
    known = watching(Stage.BAKING)
    old = (Check("home", CheckState.PRE_EXISTING, "It failed before."),)
    over = START + WISH.bake
    decision = decide(facts(known, "superseded", "deployed", health=READY, checks=old, now=over))
    assert decision.ledger.proven is not None
    assert decision.ledger.proven.revision == 2


def test_a_check_that_just_failed_is_not_proven_for_want_of_looks() -> None:
    """Looks may be rare beside a short bake: the next ones decide, however long that takes."""
    known, long_over = watching(Stage.BAKING), START + 5 * WISH.bake + timedelta(minutes=10)
    wavering = Check("home", CheckState.PENDING, "It fails, but not yet often enough to count.", is_wavering=True)
    silent = Check("other", CheckState.PENDING, "It has not been looked at yet.")
    waits = decide(facts(known, "superseded", "deployed", health=READY, checks=(silent, wavering), now=long_over))
    assert waits.ledger.attempt is not None
    assert "Check home has not come to a result" in waits.word.why
    proven = decide(facts(known, "superseded", "deployed", health=READY, checks=(silent,), now=long_over))
    assert proven.ledger.attempt is None


def test_a_long_wait_prunes_what_failed_attempts_left() -> None:
    later = START + timedelta(minutes=5)
    known = ledger(attempt=attempt(ordinal=12, revision=14, not_before=later, failure=CAUSE))
    decision = decide(facts(known, "deployed", *["failed"] * 13))
    assert decision.step == Prune((2, 3, 4))


@pytest.mark.parametrize("orphans", [True, False])
def test_a_deletion_waits_for_the_helm_that_runs(orphans: bool) -> None:
    going = ledger(attempt=attempt(), intent=intent())
    wish = replace(WISH, orphans=orphans)
    running = facts(going, "deployed", "pending-upgrade", process=Process.RUNNING, is_deleting=True, wish=wish)
    assert isinstance(decide(running).step, Rest)
    first = decide(facts(ledger(), "deployed", is_deleting=True, wish=wish))
    assert isinstance(first.step, LetGo if orphans else Run)


def test_a_deletion_does_not_wait_for_a_dead_lock_for_ever() -> None:
    fresh = [replace(revisions("pending-upgrade")[0], modified_at=int(START.timestamp()))]
    assert isinstance(decide(facts(ledger(), history=fresh, is_deleting=True)).step, Rest)
    old = decide(facts(ledger(), "pending-upgrade", is_deleting=True))
    assert isinstance(old.step, Run)
    assert old.ledger.intent is not None
    assert old.ledger.intent.operation is Operation.UNINSTALL


OUTSIDE = Closed(Reason.NOT_A_TENANT_NAMESPACE, "Tenant shop left the namespace behind.", is_final=True)


@pytest.mark.parametrize(
    "known", [ledger(), watching(Stage.BAKING), ledger(attempt=attempt(), intent=intent())], ids=["rest", "bake", "run"]
)
def test_what_cannot_be_seen_is_not_gone(known: Ledger) -> None:
    """In a namespace that its Tenant left behind nobody's rights can be used, so no revision is seen."""
    decision = decide(facts(known, desired=UNPREPARED, closed=OUTSIDE))
    assert isinstance(decision.step, Rest)
    assert decision.ledger == known
    assert (decision.word.standing, decision.word.reason) == (Standing.STUCK, Reason.NOT_A_TENANT_NAMESPACE)
    back = decide(facts(decision.ledger, "deployed", desired=UNPREPARED))
    assert back.word.reason is not Reason.EXTERNAL_CHANGE


def test_what_is_deleted_where_nobody_may_uninstall_it_is_left_and_that_is_told() -> None:
    known = ledger(attempt=attempt(), intent=intent())
    decision = decide(facts(known, closed=OUTSIDE, is_deleting=True))
    assert decision.step == LetGo(is_left=True)
    assert decision.word.why == "What runs stays as it is. Tenant shop left the namespace behind."
    assert decision.ledger.running == known.running
    assert decision.ledger.proven == known.proven
    assert decision.ledger.intent is None
    running = decide(facts(known, closed=OUTSIDE, is_deleting=True, process=Process.RUNNING))
    assert isinstance(running.step, Rest)
    leaving = decide(facts(known, closed=OUTSIDE, is_deleting=True, is_namespace_leaving=True))
    assert leaving.step == LetGo()


def test_what_stays_by_the_deletion_policy_is_told_and_what_is_gone_is_not() -> None:
    left = decide(facts(ledger(), "deployed", is_deleting=True, wish=replace(WISH, orphans=True)))
    assert left.step == LetGo(is_left=True)
    assert "as deletionPolicy has it" in left.word.why
    assert decide(facts(ledger(), is_deleting=True, wish=replace(WISH, orphans=True))).step == LetGo()


def test_in_a_namespace_that_goes_away_nothing_is_started() -> None:
    decision = decide(facts(ledger(attempt=attempt()), "deployed", is_namespace_leaving=True))
    assert isinstance(decision.step, Rest)
    assert decision.word.standing is Standing.WAITING


def test_a_rollback_waits_for_a_cordon_and_for_no_other_gate() -> None:
    known = watching(Stage.ROLLING_BACK, failure=CAUSE)
    cordoned = Closed(Reason.CORDONED, "Tenant shop is cordoned.")
    assert isinstance(decide(facts(known, "superseded", "deployed", closed=cordoned)).step, Rest)
    assert isinstance(decide(facts(known, "superseded", "deployed", closed=CLOSED)).step, Run)


LATE = WISH.timeout + timedelta(seconds=1)


def test_an_environments_trouble_is_waited_for_while_nothing_is_lost() -> None:
    known = watching(Stage.VERIFYING, since=START - LATE)
    decision = decide(facts(known, "superseded", "deployed", desired=B, health=QUOTA))
    assert isinstance(decision.step, Rest)
    assert decision.ledger.attempt is not None
    assert decision.ledger.attempt.stage is Stage.VERIFYING


def test_what_ran_before_is_saved_from_an_environments_trouble_without_a_rejection() -> None:
    known = watching(Stage.VERIFYING, since=START - LATE)
    losing = replace(QUOTA, is_losing=True)
    decision = decide(facts(known, "superseded", "deployed", desired=B, health=losing))
    assert decision.ledger.attempt is not None
    assert decision.ledger.attempt.stage is Stage.ROLLING_BACK
    assert [judged.verdict for judged in decision.ledger.verdicts] == [Verdict.UNDETERMINED]
