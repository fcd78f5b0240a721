"""Whose fault a failure is, and what follows."""

from dataclasses import replace
from datetime import timedelta

import pytest

from landlord.api.conditions import Reason
from landlord.api.failures import HelmTrouble
from landlord.core.release.guilt import (
    ENVIRONMENT,
    FIRST_PAUSE,
    GUILTY,
    LAST_PAUSE,
    again,
    failure_of,
    give_up,
    has_way_back,
    pause,
    undetermined,
)
from landlord.core.release.ledger import Failure, Stage, Verdict
from tests.unit.core.release.cast import App
from tests.unit.core.release.scenes import CAUSE, WISH, A, attempt, ledger
from tests.unit.core.release.theatre import START


def test_a_trouble_is_the_releases_fault_or_the_environments_never_both() -> None:
    assert not set(ENVIRONMENT) & set(GUILTY)


@pytest.mark.parametrize("trouble", list(HelmTrouble))
def test_every_trouble_has_a_documented_reason(trouble: HelmTrouble) -> None:
    assert Reason(failure_of(trouble, "Why.", is_first=True).reason)


def test_pauses_grow_and_are_bounded() -> None:
    pauses = [pause(count) for count in range(100)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (FIRST_PAUSE, LAST_PAUSE)


def test_a_change_of_values_alone_is_rolled_back() -> None:
    other = App("A", values="v2").desired
    assert other.candidate == A.candidate
    assert has_way_back(ledger(), attempt(desired=other, revision=2), WISH)


def test_a_change_of_health_checks_alone_is_not_rolled_back() -> None:
    strict = App("A", spec="strict").desired
    assert not has_way_back(ledger(), attempt(desired=strict, revision=1), WISH)


def test_there_is_no_way_back_without_a_change_a_proof_or_the_wish() -> None:
    assert has_way_back(ledger(), attempt(revision=2), WISH)
    assert not has_way_back(ledger(), attempt(revision=0), WISH)
    assert not has_way_back(ledger(proven=None), attempt(revision=2), WISH)
    assert not has_way_back(ledger(), attempt(revision=2), replace(WISH, rolls_back=False))


def test_giving_up_rejects_and_rolls_back() -> None:
    after = give_up(ledger(), attempt(Stage.BAKING, revision=2), CAUSE, WISH, START)
    assert after.attempt is not None
    assert after.attempt.stage is Stage.ROLLING_BACK
    assert [each.verdict for each in after.verdicts] == [Verdict.REJECTED]


def test_giving_up_holds_where_there_is_no_way_back() -> None:
    after = give_up(ledger(proven=None), attempt(Stage.BAKING, revision=2, recoveries=2), CAUSE, WISH, START)
    assert after.attempt is None
    assert after.held is not None
    assert (after.held.failed_revision, after.held.rolled_back_to, after.held.recoveries) == (2, 0, 2)


def test_an_environments_trouble_is_noted_once_per_cause() -> None:
    known = ledger()
    for reason in ("QuotaExceeded", "WebhookUnavailable", "QuotaExceeded", "WebhookUnavailable"):
        known = undetermined(known, attempt(), Failure(reason, "Why."), START)
    assert [each.reason for each in known.verdicts] == ["QuotaExceeded", "WebhookUnavailable"]


def test_what_fails_by_nobodys_fault_is_another_attempt_that_keeps_what_it_made() -> None:
    once = again(attempt(revision=2), Stage.DEPLOYING, CAUSE, START, at_once=True)
    assert (once.ordinal, once.not_before, once.revision) == (2, START, 2)
    twice = again(once, Stage.DEPLOYING, CAUSE, START, at_once=True)
    assert twice.not_before is not None
    assert twice.not_before >= START + timedelta(seconds=15)


def test_a_rollback_repeated_by_nobodys_fault_remembers_what_was_rejected() -> None:
    rejected = attempt(Stage.ROLLING_BACK, failure=CAUSE)
    trouble = Failure("ApiTrouble", "The API server does not answer.")
    on = again(rejected, Stage.ROLLING_BACK, trouble, START)
    assert (on.failure, on.blocked) == (CAUSE, trouble)
