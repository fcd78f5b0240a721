"""What a Helm run came to, as its end or else the history tells."""

from dataclasses import replace
from datetime import timedelta

import pytest

from landlord.api.conditions import Reason
from landlord.api.failures import HelmTrouble
from landlord.core.release.facts import Process
from landlord.core.release.ledger import Operation, Running, Stage, Verdict
from landlord.core.release.machine import decide
from landlord.core.release.steps import Look, MarkFailed, Rest
from tests.unit.core.release.scenes import CAUSE, WISH, B, attempt, ended, facts, intent, ledger, revisions
from tests.unit.core.release.theatre import START

DEPLOY, ROLLBACK, TEST = Operation.DEPLOY, Operation.ROLLBACK, Operation.TEST
DEPLOYING = ledger(attempt=attempt(), intent=intent())
BACK = ledger(attempt=attempt(Stage.ROLLING_BACK, failure=CAUSE, revision=2), intent=intent(ROLLBACK, base=2, target=1))
TESTING = ledger(attempt=attempt(Stage.TESTING, revision=2), intent=intent(TEST, base=2))


@pytest.mark.parametrize("process", [Process.RUNNING, Process.UNKNOWN])
def test_a_process_that_may_live_is_waited_for(process: Process) -> None:
    decision = decide(facts(DEPLOYING, "deployed", "pending-upgrade", process=process))
    assert isinstance(decision.step, Rest)
    assert decision.ledger == DEPLOYING


def test_a_process_of_which_nothing_is_known_is_gone_when_its_time_is_over() -> None:
    late = START + WISH.timeout + timedelta(minutes=2)
    history = revisions("deployed", "pending-upgrade", marks=("old", "mark"))
    assert decide(facts(DEPLOYING, history=history, process=Process.UNKNOWN, now=late)).step == MarkFailed(2)
    assert isinstance(decide(facts(DEPLOYING, history=history, process=Process.RUNNING, now=late)).step, Rest)


def test_what_is_deployed_is_verified_even_if_helm_was_killed_at_its_very_end() -> None:
    decision = decide(facts(DEPLOYING, "superseded", "deployed", ended=ended(DEPLOY, HelmTrouble.KILLED)))
    assert decision.ledger.attempt is not None
    assert decision.ledger.attempt.stage is Stage.VERIFYING
    assert decision.ledger.running is not None
    assert (decision.ledger.running.revision, decision.ledger.running.uid) == (2, "uid-2")


def test_a_strangers_revision_in_between_is_not_taken_for_ours() -> None:
    history = revisions("superseded", "deployed", marks=("old", "old"))
    decision = decide(facts(DEPLOYING, history=history))
    assert decision.ledger.running == DEPLOYING.running
    assert decision.ledger.attempt is not None
    assert decision.ledger.attempt.stage is Stage.DEPLOYING


def test_a_lock_that_helm_met_is_not_taken_off() -> None:
    decision = decide(facts(DEPLOYING, "deployed", "pending-upgrade", ended=ended(DEPLOY, HelmTrouble.LOCKED)))
    assert decision.step == Look()


def test_a_failed_revision_does_not_run() -> None:
    decision = decide(facts(DEPLOYING, "deployed", "failed", ended=ended(DEPLOY, HelmTrouble.HOOK_FAILED)))
    assert decision.ledger.running == DEPLOYING.running
    assert decision.ledger.attempt is not None
    assert decision.ledger.attempt.stage is Stage.ROLLING_BACK


def test_an_operator_that_goes_down_rejects_nothing() -> None:
    decision = decide(facts(DEPLOYING, "deployed", "failed", ended=ended(DEPLOY, HelmTrouble.KILLED)))
    assert decision.ledger.attempt is not None
    assert (decision.ledger.attempt.stage, decision.ledger.attempt.ordinal) == (Stage.DEPLOYING, 2)
    assert decision.ledger.verdicts == ()


def test_a_helm_that_did_not_end_in_time_is_the_releases_fault_once_it_stored_a_revision() -> None:
    late = START + WISH.timeout
    killed = ended(DEPLOY, HelmTrouble.KILLED)
    stored = decide(facts(DEPLOYING, "deployed", "failed", ended=killed, now=late)).ledger
    assert [each.verdict for each in stored.verdicts] == [Verdict.REJECTED]
    nothing = decide(facts(DEPLOYING, "deployed", ended=killed, now=late)).ledger
    assert [each.verdict for each in nothing.verdicts] == [Verdict.UNDETERMINED]


def test_the_end_of_helm_is_remembered_while_its_lock_is_taken_off() -> None:
    history = revisions("superseded", "deployed", "pending-rollback")
    first = decide(facts(BACK, history=history, ended=ended(ROLLBACK, HelmTrouble.HOOK_FAILED)))
    assert first.step == MarkFailed(3)
    then = decide(facts(first.ledger, history=revisions("superseded", "deployed", "failed")))
    assert then.ledger.attempt is not None
    assert then.ledger.attempt.rollbacks == 1


def test_rollbacks_that_fail_by_themselves_are_counted_and_others_are_not() -> None:
    known = BACK
    for _ in range(10):
        known = decide(facts(known, "superseded", "deployed", ended=ended(ROLLBACK, HelmTrouble.OUTAGE))).ledger
        assert known.attempt is not None
        assert known.attempt.rollbacks == 0
        known = ledger(attempt=known.attempt, intent=BACK.intent)
    for _ in range(WISH.rollback_attempts):
        known = decide(facts(known, "superseded", "deployed", ended=ended(ROLLBACK, HelmTrouble.UNKNOWN))).ledger
        known = ledger(attempt=known.attempt, intent=BACK.intent, held=known.held) if known.attempt else known
    assert known.held is not None
    assert known.held.blocked is not None
    assert known.held.blocked.reason == "RollbackFailed"


def test_a_revision_that_is_missing_is_not_asked_for_again() -> None:
    known = decide(facts(BACK, "superseded", "deployed", ended=ended(ROLLBACK, HelmTrouble.MISSING_REVISION))).ledger
    assert known.held is not None
    assert known.held.blocked is not None
    assert known.held.blocked.reason == "MissingRollbackTarget"


def test_a_killed_test_is_run_again_after_a_pause() -> None:
    known = decide(facts(TESTING, "superseded", "deployed")).ledger
    assert known.attempt is not None
    assert known.attempt.stage is Stage.TESTING
    assert known.attempt.not_before is not None
    assert known.intent is None


def test_a_test_that_did_not_end_in_time_has_failed() -> None:
    late = START + WISH.timeout
    killed = ended(TEST, HelmTrouble.KILLED)
    known = decide(facts(TESTING, "superseded", "deployed", ended=killed, now=late)).ledger
    assert known.verdicts[-1].reason == "TestFailed"


SHOWN = "RegistryUnavailable"
"""What the pods of a hook show where Helm says no more than that it did not end."""


def test_a_hook_that_the_environment_kept_from_starting_condemns_nothing() -> None:
    kept = replace(ended(DEPLOY, HelmTrouble.HOOK_TIMEOUT), excuse=SHOWN)
    known = decide(facts(DEPLOYING, "deployed", "failed", ended=kept)).ledger
    assert [(each.verdict, each.reason) for each in known.verdicts] == [(Verdict.UNDETERMINED, SHOWN)]
    assert known.attempt is not None
    assert (known.attempt.stage, known.attempt.ordinal, known.attempt.tries) == (Stage.DEPLOYING, 2, 0)
    word = decide(facts(known, "deployed", "failed")).word
    assert (word.reason, word.why[:12]) == (Reason.REGISTRY_UNAVAILABLE, "Helm said so")


def test_a_hook_that_did_not_end_and_shows_no_excuse_is_the_releases_fault() -> None:
    known = decide(facts(DEPLOYING, "deployed", "failed", ended=ended(DEPLOY, HelmTrouble.HOOK_TIMEOUT))).ledger
    assert [(each.verdict, each.reason) for each in known.verdicts] == [(Verdict.REJECTED, "HookFailed")]


def test_a_rollbacks_hook_that_the_environment_kept_from_starting_is_not_counted() -> None:
    kept = replace(ended(ROLLBACK, HelmTrouble.HOOK_TIMEOUT), excuse=SHOWN)
    known = decide(facts(BACK, "superseded", "deployed", ended=kept)).ledger
    assert known.attempt is not None
    assert known.attempt.rollbacks == 0
    assert known.attempt.blocked is not None
    assert known.attempt.blocked.reason == SHOWN


def test_a_test_that_the_environment_kept_from_starting_is_run_again_and_its_trouble_told() -> None:
    kept = replace(ended(TEST, HelmTrouble.TEST_FAILED), excuse=SHOWN)
    testing = replace(TESTING, running=Running(2, B, uid="uid-2"))
    known = decide(facts(testing, "superseded", "deployed", ended=kept)).ledger
    assert [(each.verdict, each.reason) for each in known.verdicts] == [(Verdict.UNDETERMINED, SHOWN)]
    waiting = decide(facts(known, "superseded", "deployed"))
    assert waiting.word.reason is Reason.REGISTRY_UNAVAILABLE
    assert waiting.word.why.startswith("Helm said so. ")
    again = replace(known, intent=TESTING.intent)
    passed = decide(facts(again, "superseded", "deployed", ended=ended(TEST))).ledger
    assert passed.attempt is not None
    assert (passed.attempt.stage, passed.attempt.failure) == (Stage.BAKING, None)


def test_a_test_of_what_does_not_run_any_more_says_nothing() -> None:
    failed = ended(TEST, HelmTrouble.TEST_FAILED)
    known = decide(facts(TESTING, "superseded", "superseded", "deployed", ended=failed)).ledger
    assert known.verdicts == ()
    assert known.intent is None


def test_an_uninstall_that_fails_is_tried_again_after_pauses_that_grow() -> None:
    going = ledger(intent=intent(Operation.UNINSTALL))
    failed = ended(Operation.UNINSTALL, HelmTrouble.FORBIDDEN)
    known = decide(facts(going, "uninstalling", ended=failed, is_deleting=True)).ledger
    assert known.pause is not None
    waiting = decide(facts(known, "uninstalling", is_deleting=True))
    assert isinstance(waiting.step, Rest)
    assert waiting.step.after == timedelta(seconds=15)
    assert "Helm said so." in waiting.word.why
