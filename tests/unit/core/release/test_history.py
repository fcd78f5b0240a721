"""Whose a revision is, whether it stands, which may go."""

import pytest

from landlord.core.release.history import foreign, made_by, precious, prunable, stands, target
from landlord.core.release.ledger import Held, Operation, Proven, Running
from tests.unit.core.release.scenes import CAUSE, A, B, intent, ledger, revisions
from tests.unit.core.release.theatre import START


def test_only_the_newest_deployed_revision_stands() -> None:
    running = Running(1, A)
    assert stands(revisions("deployed"), running)
    assert not stands(revisions("deployed", "failed"), running)
    assert not stands(revisions("failed"), running)
    assert not stands((), running)
    assert not stands(revisions("deployed"), None)


def test_a_reused_number_is_another_revision() -> None:
    assert not stands(revisions("deployed"), Running(1, A, uid="uid-of-old"))
    assert foreign(revisions("deployed"), Running(1, A, uid="uid-of-old")) is not None
    assert target(revisions("superseded"), Proven(1, A, START, "uid-of-old")) is None


def test_a_failed_or_pending_revision_is_nobodys_deployed_one() -> None:
    assert foreign(revisions("deployed", "failed"), Running(1, A)) is None
    assert foreign(revisions("deployed", "pending-upgrade"), Running(1, A)) is None
    found = foreign(revisions("superseded", "deployed"), Running(1, A))
    assert found is not None
    assert found.number == 2


@pytest.mark.parametrize("status", ["failed", "uninstalled", "uninstalling", "pending-rollback"])
def test_only_a_revision_that_was_deployed_can_be_gone_back_to(status: str) -> None:
    proven = Proven(1, A, START)
    assert target(revisions("superseded", "deployed"), proven) is not None
    assert target(revisions(status, "deployed"), proven) is None
    assert target((), proven) is None
    assert target(revisions("deployed"), None) is None


def test_our_revision_is_known_by_its_mark() -> None:
    assert made_by(intent(), revisions("superseded", "deployed", marks=("old", "mark")), has_run=False) is not None
    assert made_by(intent(), revisions("superseded", "deployed", marks=("old", "old")), has_run=True) is None
    assert made_by(intent(), revisions("deployed"), has_run=True) is None


def test_what_somebody_made_after_ours_inherits_the_mark_and_is_not_ours() -> None:
    history = revisions("superseded", "superseded", "pending-upgrade", marks=("old", "mark", "mark"))
    assert made_by(intent(), history, has_run=False) is None


def test_a_revision_without_a_mark_is_ours_only_if_helm_has_run() -> None:
    history = revisions("superseded", "deployed")
    assert made_by(intent(), history, has_run=True) is not None
    assert made_by(intent(), history, has_run=False) is None


def test_a_rollback_carries_the_mark_of_its_target() -> None:
    back = intent(Operation.ROLLBACK, base=2, target=1)
    ours = revisions("superseded", "superseded", "deployed", marks=("a", "b", "a"))
    theirs = revisions("superseded", "superseded", "deployed", marks=("a", "b", "b"))
    assert made_by(back, ours, has_run=False) is not None
    assert made_by(back, theirs, has_run=False) is None


def test_tests_and_uninstalls_make_no_revision() -> None:
    for operation in (Operation.TEST, Operation.UNINSTALL):
        assert made_by(intent(operation), revisions("superseded", "deployed"), has_run=True) is None


def test_old_revisions_go_and_precious_ones_stay() -> None:
    history = revisions("superseded", "failed", "superseded", "deployed", "failed", "failed")
    assert prunable(history, 2, [1]) == (2, 3)
    assert prunable(history, 10, []) == ()
    assert prunable((), 3, []) == ()


def test_nothing_is_pruned_while_somebodys_helm_may_run() -> None:
    assert prunable(revisions("superseded", "superseded", "deployed", "pending-upgrade"), 1, []) == ()


def test_what_runs_is_proven_failed_or_recovers_is_precious() -> None:
    known = ledger(running=Running(4, A), held=Held(B, CAUSE, START, 3), recovering=5)
    assert set(precious(known)) == {1, 3, 4, 5}
