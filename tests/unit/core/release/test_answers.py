"""Answers that any part of the machine gives."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from landlord.api.conditions import Reason
from landlord.api.releases import RevisionMeta
from landlord.core.release import answers
from landlord.core.release.facts import Closed, Unprepared
from landlord.core.release.history import MARK, UNTIL
from landlord.core.release.ledger import Failure, Ledger, Operation, Stage, Verdict
from landlord.core.release.steps import MarkFailed, Prune, Rest, Run, Standing, Supersede, Word
from tests.unit.core.release.scenes import WISH, attempt, facts, ledger
from tests.unit.core.release.theatre import START

WORD = Word(Standing.WORKING, Reason.PROGRESSING, "It is waited for.")


def test_what_helm_is_to_do_is_in_the_ledger_before_it_runs() -> None:
    seen = facts(ledger(attempt=attempt()), "deployed", now=START)
    decision = answers.run(seen, Operation.DEPLOY, "Upgrading.")
    intent = decision.ledger.intent
    assert decision.step == Run()
    assert intent is not None
    assert (intent.base, intent.runner, intent.until) == (1, seen.runner, START + WISH.timeout)
    assert intent.mark.startswith("2-")
    assert len(intent.mark) <= 63


def test_two_deploys_of_one_key_carry_two_marks() -> None:
    known = ledger(attempt=attempt())
    marks = {
        answers.run(facts(known, *history), Operation.DEPLOY, "Upgrading.").ledger.intent
        for history in (("deployed",), ("deployed", "failed"))
    }
    assert len({intent.mark for intent in marks if intent}) == 2


def test_waiting_is_the_time_to_prune() -> None:
    seen = facts(ledger(), *["failed"] * 11, "deployed")
    assert answers.tidy(seen, WORD, Rest()).step == Prune((2,))
    assert answers.tidy(facts(ledger(), "deployed"), WORD, Rest(timedelta(1))).step == Rest(timedelta(1))


def test_waiting_is_the_time_to_let_helm_have_one_deployed_revision() -> None:
    seen = facts(ledger(), "superseded", "deployed", "failed", "deployed")
    assert answers.tidy(seen, WORD, Rest()).step == Supersede((2,))
    assert answers.tidy(facts(ledger(), "deployed", "failed"), WORD, Rest()).step == Rest()


@pytest.mark.parametrize(("is_final", "standing"), [(True, Standing.STUCK), (False, Standing.WAITING)])
def test_a_shut_gate_is_waited_for_unless_a_person_must_act(is_final: bool, standing: Standing) -> None:
    closed = Closed(Reason.DEPENDENCY_CYCLE, "They wait for each other.", is_final)
    assert answers.shut(facts(ledger(), "deployed"), closed).word.standing is standing


@pytest.mark.parametrize(("is_final", "standing"), [(True, Standing.STUCK), (False, Standing.WORKING)])
def test_what_cannot_be_prepared_is_tried_again_unless_a_person_must_act(is_final: bool, standing: Standing) -> None:
    why = Unprepared(Reason.VALUES_ERROR, "A value is missing.", is_final)
    assert answers.unprepared(facts(ledger(), "deployed"), why).word.standing is standing


def test_a_deletion_notes_the_attempt_it_cuts_short() -> None:
    parted = answers.part(facts(ledger(attempt=attempt(Stage.BAKING, revision=2)), "superseded", "deployed"))
    assert parted.attempt is None
    assert [each.verdict for each in parted.verdicts] == [Verdict.CANCELLED]


def test_a_reason_of_a_later_version_is_told_as_held() -> None:
    assert answers.reason_of(Failure("Invented", "Why.")) is Reason.HELD
    assert answers.reason_of(Failure("Timeout", "Why.")) is Reason.TIMEOUT


def pending(status: str, mark: str, until: float | None, number: int = 2) -> Sequence[RevisionMeta]:
    """A good revision, and one that is locked and labelled so."""
    labels = {MARK: mark} | ({} if until is None else {UNTIL: str(int(START.timestamp() + until))})
    return RevisionMeta(1, "deployed", "uid-1"), RevisionMeta(number, status, f"uid-{number}", labels)


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade"])
def test_a_lock_of_ours_of_which_the_record_was_lost_is_taken_off_when_its_helm_is_surely_gone(status: str) -> None:
    seen = facts(Ledger(), history=pending(status, "2-abc", 300), now=START + timedelta(seconds=421))
    decision = answers.locked(seen)
    assert decision.step == MarkFailed(2)
    assert decision.word.reason is Reason.INTERRUPTED
    early = answers.locked(facts(Ledger(), history=pending(status, "2-abc", 300), now=START + timedelta(seconds=420)))
    assert isinstance(early.step, Rest)


@pytest.mark.parametrize(
    ("status", "mark", "until"),
    [
        ("pending-upgrade", "1-abc", 0),  # inherited by a person's upgrade
        ("pending-upgrade", "", 0),
        ("pending-upgrade", "2-abc", None),
        ("pending-rollback", "2-abc", 0),  # copied, by whoever rolls back
    ],
)
def test_a_lock_that_may_be_somebody_elses_is_left_alone_however_old(status: str, mark: str, until: Any) -> None:
    seen = facts(Ledger(), history=pending(status, mark, until), now=START + timedelta(days=30))
    assert isinstance(answers.locked(seen).step, Rest)


def test_who_is_to_unlock_a_release_is_told_what_to_run() -> None:
    named = {"release": "web", "namespace": "shop-dev"}
    seen = facts(Ledger(), *("superseded", "deployed", "failed", "pending-upgrade"), **named)
    assert answers.locked(seen).word.why.endswith("unlock it: helm rollback web 2 --namespace shop-dev.")
    proven = facts(ledger(), *("superseded", "deployed", "pending-rollback"), **named)
    assert answers.locked(proven).word.why.endswith("unlock it: helm rollback web 1 --namespace shop-dev.")
    first = facts(Ledger(), "pending-install", **named)
    assert answers.locked(first).word.why.endswith("unlock it: helm uninstall web --namespace shop-dev.")
