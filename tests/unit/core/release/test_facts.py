"""What one look found out."""

from tests.unit.core.release.scenes import facts, ledger, revisions


def test_the_highest_number_is_the_newest_whatever_the_order() -> None:
    seen = facts(ledger(), history=tuple(reversed(revisions("superseded", "deployed", "failed"))))
    assert seen.newest is not None
    assert seen.newest.number == 3


def test_without_a_history_nothing_is_newest() -> None:
    assert facts(ledger()).newest is None
    assert facts(ledger()).since(0) is None


def test_only_what_came_after_counts_as_new() -> None:
    seen = facts(ledger(), "superseded", "deployed")
    assert seen.since(2) is None
    newest = seen.since(1)
    assert newest is not None
    assert newest.number == 2
