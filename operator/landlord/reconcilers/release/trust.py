"""What is trusted to be as Helm stored it, until somebody writes it, its autoscaler goes, or time is up."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from landlord.core.manifest import digest
from landlord.core.release.drift import Drift, Ignore
from landlord.core.release.rendered import Entry

MOST_ROUNDS: Final = 3
"""Corrections of one object in a row after which another writer must be at work."""
PATIENCE: Final = 20
"""Of so many looks, one tries again to correct what is fought over."""
TRUSTED_LOOKS: Final = 48
"""After so many looks everything is compared anew: times count in seconds, and two writes may fall into one."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """What autoscalers scale, by kind and name."""

    own: frozenset[tuple[str, str]] = frozenset()
    """By the release's own; if one of these goes, that is the drift."""
    others: frozenset[tuple[str, str]] = frozenset()
    """By any that is there."""

    @property
    def all(self) -> frozenset[tuple[str, str]]:
        """Whoever scales it."""
        return self.own | self.others


@dataclass(slots=True)
class Trust:
    """Who had written what of each object when it was last found as stored. ``looks`` are those that may trust it."""

    number: int
    ignore: tuple[Ignore, ...]
    looks: int
    good: dict[Entry, str] = field(default_factory=dict)
    lent: set[Entry] = field(default_factory=set)
    """What is good only as long as an autoscaler scales it that is not the release's own."""
    rounds: dict[Entry, int] = field(default_factory=dict)
    """How often an object was to be corrected and had drifted again by the next look."""

    def note(self, entry: Entry, live: Mapping[str, Any], *, is_lent: bool) -> None:
        """It was found, or made, as stored."""
        self.good[entry] = writers(live)
        (self.lent.add if is_lent else self.lent.discard)(entry)

    def holds(self, entry: Entry, head: Mapping[str, Any], scaled: Scaled) -> bool:
        """Whether it is still as it was when it was noted."""
        is_taken_back = entry in self.lent and (entry.kind, entry.name) not in scaled.all
        return not is_taken_back and self.good.get(entry) == writers(head)

    def is_contested(self, entry: Entry) -> bool:
        """Whether another writer is at work who will not give in; now and then it is tried all the same."""
        rounds = self.rounds.get(entry, 0)
        return rounds >= MOST_ROUNDS and (rounds + 1) % PATIENCE != 0

    def count(self, entry: Entry) -> None:
        """One more round of correction, or of leaving it."""
        self.rounds[entry] = self.rounds.get(entry, 0) + 1

    def settle(self, drifts: Collection[Drift]) -> None:
        """What has not drifted this time is fought over no more."""
        drifted = {drift.entry for drift in drifts}
        self.rounds = {entry: rounds for entry, rounds in self.rounds.items() if entry in drifted}

    def fits(self, number: int, ignore: Sequence[Ignore]) -> bool:
        """Whether it is of this revision, and of what is ignored now."""
        return (self.number, self.ignore) == (number, tuple(ignore))

    def spend(self) -> None:
        """One more look; when there were enough, believe nothing for once. Who fights over what is another matter."""
        self.looks -= 1
        if self.looks < 0:
            self.good, self.lent, self.looks = {}, set(), TRUSTED_LOOKS


def writers(obj: Mapping[str, Any]) -> str:
    """Differs when anything but the object's status was written.

    Times are in it because a second write by the same hand moves no field, and the generation because scaling leaves
    no time.
    """
    meta = obj["metadata"]
    entries = [each for each in meta.get("managedFields") or () if each.get("subresource") != "status"]
    return digest([meta.get("generation"), entries])
