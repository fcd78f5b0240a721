"""What one look at a release found out: all that the machine goes by, and nothing it has to fetch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from landlord.api.conditions import Reason
from landlord.api.releases import RevisionMeta
from landlord.core.health.checks import CheckState
from landlord.core.health.signs import State
from landlord.core.release.ledger import Desired, Ended, Ledger, Runner

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """How the spec wants a release treated; what it wants deployed is ``Desired``."""

    timeout: timedelta
    bake: timedelta
    retries: int = 0
    rolls_back: bool = True
    rollback_attempts: int = 3
    max_history: int = 10
    tests: bool = False
    test_timeout: timedelta = timedelta(minutes=5)
    orphans: bool = False
    """Deletion leaves what runs alone."""


@dataclass(frozen=True, slots=True)
class Unprepared:
    """Why it is not known what to deploy, or must not be: what runs keeps running."""

    reason: Reason
    why: str
    is_final: bool
    """Only a person can mend it."""
    after: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Closed:
    """Why nothing new may start now: an Environment that is closed, a dependency, later a promotion gate."""

    reason: Reason
    why: str
    is_final: bool = False
    after: timedelta = timedelta(minutes=1)


class Process(StrEnum):
    """Whether the Helm process that an intent speaks of still lives."""

    NONE = "none"
    RUNNING = "running"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """How they fare, and the words for it."""

    state: State
    reason: Reason
    why: str
    is_losing: bool = False
    """Whether what ran before is being lost for it: pods of the old revision go and none come."""
    is_excused: bool = False
    """Whether what is seen of it now is the environment's fault, though it may pass before anybody is judged."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check's verdict so far."""

    name: str
    state: CheckState
    why: str = ""
    is_wavering: bool = False
    """Its last look failed, though not yet often enough to condemn: the next ones decide."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """The newest revision when it is not the ledger's: a person's, or ours from before the ledger was lost."""

    number: int
    is_desired: bool
    """Chart files, merged values and name are those that are wanted."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One look. ``ended`` is how a Helm run of this pass ended; where that is lost the history tells."""

    now: datetime
    wish: Wish
    ledger: Ledger
    desired: Desired | Unprepared
    runner: Runner
    history: Sequence[RevisionMeta] = ()
    process: Process = Process.NONE
    ended: Ended | None = None
    health: Health | None = None
    checks: Sequence[Check] = field(default_factory=tuple)
    stranger: Stranger | None = None
    closed: Closed | None = None
    suspended: str = ""
    is_deleting: bool = False
    is_namespace_leaving: bool = False
    release: str = "RELEASE"
    namespace: str = "NAMESPACE"
    """Names for what people are told to run."""

    @property
    def newest(self) -> RevisionMeta | None:
        """The revision that counts for locks: the highest number."""
        return max(self.history, key=lambda each: each.number, default=None)

    def since(self, base: int) -> RevisionMeta | None:
        """The newest revision above ``base``, None when there is none."""
        newest = self.newest
        return newest if newest is not None and newest.number > base else None
