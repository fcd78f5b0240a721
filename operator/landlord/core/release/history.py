"""Helm's own history of a release: whose a revision is, whether it stands, which may go."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from landlord.api.releases import LOCKED, RevisionMeta
from landlord.core.release.ledger import Intent, Ledger, Operation, Proven, Running

MARK: Final = "landlord.dev/attempt"
"""Label of the revisions we make; its value is the intent's ``mark``, different for each."""

UNTIL: Final = "landlord.dev/until"
"""Label of the same revisions: the second of the epoch by which the Helm that makes it has ended, whatever happens."""

LONG_OVER: Final = timedelta(minutes=2)
"""So long after that second no Helm of ours lives: each is ended by its operator, and dies with it."""

GOOD: Final = frozenset({"deployed", "superseded"})
"""Statuses of a revision that one can go back to."""


_DEPLOYING: Final = frozenset({"pending-install", "pending-upgrade"})


def is_locked(revision: RevisionMeta | None) -> bool:
    """Whether Helm would refuse to work because of this, the newest revision."""
    return revision is not None and revision.status in LOCKED


def is_abandoned(revision: RevisionMeta, now: datetime) -> bool:
    """Whether it is locked by a Helm of ours that is surely gone, though the ledger does not know of it.

    A revision inherits its labels from the one before, so only a mark of its very number tells who made it; rollbacks
    copy theirs and are never told apart from a person's.
    """
    mark, until = revision.labels.get(MARK, ""), revision.labels.get(UNTIL, "")
    is_ours = revision.status in _DEPLOYING and mark.startswith(f"{revision.number}-")
    return is_ours and until.isdecimal() and now.timestamp() > int(until) + LONG_OVER.total_seconds()


def newest_of(history: Sequence[RevisionMeta], base: int = 0) -> RevisionMeta | None:
    """The revision that counts for locks, if its number is above ``base``."""
    newest = max(history, key=lambda each: each.number, default=None)
    return newest if newest is not None and newest.number > base else None


def foreign(history: Sequence[RevisionMeta], running: Running | None) -> RevisionMeta | None:
    """The newest revision, if it is deployed and not the one that the ledger knows of."""
    newest = newest_of(history)
    if newest is None or newest.status != "deployed" or _is(newest, running):
        return None
    return newest


def stands(history: Sequence[RevisionMeta], running: Running | None) -> bool:
    """Whether what the ledger says runs is what Helm deployed last, wholly."""
    newest = newest_of(history)
    return newest is not None and newest.status == "deployed" and _is(newest, running)


def target(history: Sequence[RevisionMeta], proven: Proven | None) -> RevisionMeta | None:
    """The revision to go back to, if it is still there and still the same."""
    return next((each for each in history if each.status in GOOD and _is(each, proven)), None)


def made_by(intent: Intent, history: Sequence[RevisionMeta], *, has_run: bool) -> RevisionMeta | None:
    """The revision that the intent's Helm made, if it made one and nobody made another since.

    One without a mark is ours only where Helm is known to have run: somebody else may have come in between.
    """
    newest = newest_of(history, intent.base)
    if newest is None or intent.operation in (Operation.TEST, Operation.UNINSTALL):
        return None
    wanted = intent.mark
    if intent.operation is Operation.ROLLBACK:  # Helm copies the labels of what it goes back to
        wanted = next((each.labels.get(MARK, "") for each in history if each.number == intent.target), "")
    marked = [each.number for each in history if each.number > intent.base and each.labels.get(MARK, "") == wanted]
    is_marked = min(marked, default=0) == newest.number  # whatever comes after it inherits its labels
    return newest if is_marked or (has_run and not newest.labels.get(MARK)) else None


def prunable(history: Sequence[RevisionMeta], keep: int, precious: Iterable[int]) -> tuple[int, ...]:
    """Numbers beyond the newest ``keep``, oldest first; never a deployed, pending or ``precious`` one."""
    if is_locked(newest_of(history)):
        return ()
    kept = set(precious)
    ordered = sorted(history, key=lambda each: each.number)
    old = ordered[: max(0, len(ordered) - keep)]
    return tuple(
        each.number
        for each in old
        if each.number not in kept and each.status != "deployed" and each.status not in LOCKED
    )


def outshone(history: Sequence[RevisionMeta]) -> tuple[int, ...]:
    """Numbers of revisions that say deployed beside a newer one: Helm could not tell them that they are past."""
    newest = newest_of(history)
    if newest is None or newest.status != "deployed":
        return ()
    return tuple(sorted(each.number for each in history if each.status == "deployed" and each.number < newest.number))


def precious(ledger: Ledger) -> tuple[int, ...]:
    """Numbers that must not go, whatever their age."""
    held = (ledger.held.failed_revision,) if ledger.held is not None else ()
    known = tuple(each.revision for each in (ledger.running, ledger.proven, ledger.attempt) if each is not None)
    return (*known, *held, ledger.recovering)


def _is(revision: RevisionMeta, known: Running | Proven | None) -> bool:
    if known is None or revision.number != known.revision:
        return False
    return not known.uid or not revision.uid or known.uid == revision.uid
