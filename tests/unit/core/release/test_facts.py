"""Facts: what the history says at a glance."""

from datetime import UTC, datetime, timedelta

from landlord.api.conditions import Reason
from landlord.api.releases import RevisionMeta
from landlord.core.release.facts import Facts, Unprepared, Wish
from landlord.core.release.ledger import Ledger, Runner

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def facts(*history: RevisionMeta) -> Facts:
    wish = Wish(timedelta(minutes=10), timedelta(minutes=2))
    nothing = Unprepared(Reason.PROGRESSING, "Not yet.", is_final=False)
    return Facts(NOW, wish, Ledger(), nothing, Runner("me"), history)


def test_the_newest_revision_is_the_one_of_the_highest_number() -> None:
    history = (RevisionMeta(3, "failed"), RevisionMeta(10, "deployed"), RevisionMeta(9, "superseded"))
    assert facts(*history).newest == RevisionMeta(10, "deployed")
    assert facts().newest is None


def test_only_what_came_after_counts_as_made_since() -> None:
    history = (RevisionMeta(1, "superseded"), RevisionMeta(2, "deployed"))
    assert facts(*history).since(1) == RevisionMeta(2, "deployed")
    assert facts(*history).since(2) is None
    assert facts().since(0) is None
