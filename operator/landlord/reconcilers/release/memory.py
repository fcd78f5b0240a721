"""What is remembered of releases while something happens to them, and how it comes through a restart.

Most of it may be lost at any time; what may not goes into the ledger, with few writes: every now and then in a long
bake, and when the process is asked to stop.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from landlord.api.refs import Ref
from landlord.api.releases import Sample
from landlord.core.health.bake import Bake
from landlord.core.release.ledger import Attempt, Ledger, Stage
from landlord.core.release.watch import Before, Watch, bounded_bake, bounded_samples, unseen

NOTED_EVERY: Final = timedelta(minutes=5)
NOTES: Final = 24
"""A bake is written down every five minutes, but not more often than so many times."""


@dataclass(slots=True)
class Memory:
    """What is remembered of one release's attempt."""

    key: str = ""
    before: Before | None = None
    since: datetime | None = None
    """The begin of the bake, put off by what nobody saw."""
    began: datetime | None = None
    until: datetime | None = None
    """When it was last looked at, by whatever process."""
    bake: Bake | None = None
    samples: tuple[Sample, ...] = ()
    """Of earlier processes."""
    is_mine: bool = False
    """Whether this process has looked already."""

    def enter(self, attempt: Attempt) -> None:
        """Begin anew when the attempt's bake does, or take over what another process saw of it."""
        if self.since is not None and attempt.since <= self.since:
            return
        watch = attempt.watch if not self.is_mine else None
        if watch is None or watch.since != attempt.since:
            watch = Watch(attempt.since, attempt.since, attempt.since)
        self.since, self.began, self.until = watch.since, watch.began, watch.until
        self.bake, self.samples = watch.bake, watch.samples

    def watch(self, samples: Sequence[Sample]) -> Watch | None:
        """What is to be written down, None where no bake is under way."""
        if self.since is None or self.began is None or self.until is None:
            return None
        told = bounded_samples([*self.samples, *samples])
        return Watch(self.since, self.began, self.until, bounded_bake(self.bake), told)


class Memories:
    """All that is remembered, by release."""

    def __init__(self) -> None:
        self._known: dict[Ref, Memory] = {}
        self._recovering: dict[Ref, datetime] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Ref]:
        return iter(list(self._known))

    def of(self, ref: Ref, attempt: Attempt | None) -> Memory:
        """The memory of this attempt; of another one of the release nothing is remembered."""
        if attempt is None:
            return Memory()
        key = f"{attempt.desired.key}-{attempt.ordinal}"
        memory = self._known.get(ref)
        if memory is None or memory.key != key:
            memory = self._known[ref] = Memory(key, attempt.before)
        return memory

    def forget(self, ref: Ref) -> None:
        """Nothing happens to the release any more."""
        self._known.pop(ref, None)
        self._recovering.pop(ref, None)

    def resumed(self, ref: Ref, ledger: Ledger, now: datetime) -> Ledger:
        """The ledger as it is right for a look now: bakes are put off by the time in which nobody looked."""
        attempt = ledger.attempt
        if attempt is None:
            return self._resumed_recovery(ref, ledger, now)
        if attempt.stage is not Stage.BAKING or attempt.is_paused:
            return ledger
        memory = self.of(ref, attempt)
        memory.enter(attempt)
        since = max(memory.since or attempt.since, attempt.since)
        since += unseen(memory.until or attempt.since, now, by_another=not memory.is_mine)
        return ledger if since == attempt.since else replace(ledger, attempt=replace(attempt, since=since))

    def looked(self, ref: Ref, ledger: Ledger, now: datetime, bake: timedelta, samples: Sequence[Sample]) -> Ledger:
        """The release was looked at: the ledger, with what was seen in it whenever that is to be written down."""
        attempt = ledger.attempt
        if attempt is None:
            if ledger.recovering:
                self._recovering[ref] = now
            return ledger
        memory = self.of(ref, attempt)
        memory.is_mine = True
        if attempt.stage is not Stage.BAKING or attempt.is_paused:
            return ledger
        is_put_off = memory.since != attempt.since
        memory.since, memory.until = attempt.since, now
        known = attempt.watch
        noted = known.until if known is not None and known.since == attempt.since else attempt.since
        if not is_put_off and now - noted < max(NOTED_EVERY, bake / NOTES):
            return ledger
        return replace(ledger, attempt=replace(attempt, watch=memory.watch(samples)))

    def noted(self, ref: Ref, ledger: Ledger, samples: Sequence[Sample]) -> Ledger:
        """The ledger with all that is known of a bake under way: last words of this process."""
        attempt = ledger.attempt
        if attempt is None or attempt.stage is not Stage.BAKING or attempt.is_paused or ledger.intent is not None:
            return ledger
        memory = self.of(ref, attempt)
        if memory.since != attempt.since or not memory.is_mine:
            return ledger
        return replace(ledger, attempt=replace(attempt, watch=memory.watch(samples)))

    def _resumed_recovery(self, ref: Ref, ledger: Ledger, now: datetime) -> Ledger:
        """After a rollback the bake simply begins anew where nobody knows of a look."""
        since = ledger.recovering_since
        if not ledger.recovering or since is None:
            return ledger
        last = self._recovering.get(ref)
        gap = unseen(last, now, by_another=False) if last is not None else None
        moved = None if gap is None else since + gap
        return ledger if moved == since else replace(ledger, recovering_since=moved)
