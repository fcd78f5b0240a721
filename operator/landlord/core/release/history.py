"""Helm's own history of a release: which revisions may go."""

from collections.abc import Iterable, Sequence

from landlord.api.releases import LOCKED, RevisionMeta


def is_locked(revision: RevisionMeta | None) -> bool:
    """Whether Helm would refuse to work because of this, the newest revision."""
    return revision is not None and revision.status in LOCKED


def prunable(history: Sequence[RevisionMeta], keep: int, precious: Iterable[int]) -> tuple[int, ...]:
    """Numbers beyond the newest ``keep``, oldest first; never a deployed, pending or ``precious`` one."""
    kept = set(precious)
    ordered = sorted(history, key=lambda each: each.number)
    old = ordered[: max(0, len(ordered) - keep)]
    return tuple(
        each.number
        for each in old
        if each.number not in kept and each.status != "deployed" and each.status not in LOCKED
    )
