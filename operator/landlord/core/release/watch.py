"""What those who watch an attempt must still know after a restart of the operator, and what time counts as watched.

A bake is a time in which somebody looked. While no operator lives, or the API server does not answer, the clock stands
still: how long something was up unseen proves nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from landlord.api.releases import Sample
from landlord.core.health.bake import Bake

LONGEST_UNSEEN: Final = timedelta(seconds=30)
"""Between two looks of one process so much counts as watched: a workload may be less than Current for as long."""
MOST_COUNTS: Final = 300
MOST_SAMPLES: Final = 100
MOST_WORDS: Final = 200
"""Bounds of what is written down, so that no release can grow its ledger beyond what can be stored."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was bad before the deploy already; it cannot condemn what comes."""

    baseline: tuple[Sample, ...] = ()
    restarts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watch:
    """What a bake had come to at ``until``, when somebody last looked before it was written down."""

    since: datetime
    """The bake's begin as the attempt has it: of any other bake this says nothing."""
    began: datetime
    """When it really began; the two differ by the time in which nobody looked."""
    until: datetime
    bake: Bake | None = None
    samples: tuple[Sample, ...] = ()


def unseen(until: datetime, now: datetime, *, by_another: bool) -> timedelta:
    """How much of the time since the last look does not count; all of it if ``by_another`` process."""
    free = timedelta() if by_another else LONGEST_UNSEEN
    return max(now - until - free, timedelta())


def bounded_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts of containers, of too many only those that say something."""
    if len(counts) <= MOST_COUNTS:
        return dict(counts)
    return dict([each for each in counts.items() if each[1]][:MOST_COUNTS])


def bounded_bake(bake: Bake | None) -> Bake | None:
    """The bake, small enough to be written down, and without a wobble of which nobody will have seen the end."""
    return replace(bake, restarts=bounded_counts(bake.restarts), unready={}) if bake else None


def bounded_samples(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """The newest samples, oldest first, with the beginnings of their words and without values."""
    ordered = sorted(samples, key=lambda each: each.at)
    return tuple(replace(each, value="", message=_brief(each.message)) for each in ordered[-MOST_SAMPLES:])


def _brief(words: str) -> str:
    """What was cut off is marked: beside such a mark even half of a secret is found."""
    return words if len(words) <= MOST_WORDS else f"{words[: MOST_WORDS - 1]}…"
