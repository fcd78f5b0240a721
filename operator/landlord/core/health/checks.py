"""From samples over time to verdicts: of each check, and of the window in which all are taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from landlord.api.releases import Sample


class CheckState(StrEnum):
    """What a check's samples amount to."""

    PENDING = "Pending"
    PASSING = "Passing"
    FAILING = "Failing"
    INCONCLUSIVE = "Inconclusive"
    PRE_EXISTING = "PreExisting"


class WhenInconclusive(StrEnum):
    """What a check that cannot tell until the end of the extended window amounts to."""

    ACCEPT = "Accept"
    FAIL = "Fail"


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A check as far as time and limits go."""

    name: str
    interval: timedelta = timedelta(seconds=10)
    initial_delay: timedelta = timedelta()
    failure_limit: int | None = None
    """Failures tolerated in all; one more fails the check. None: no such limit."""
    consecutive_failure_limit: int | None = 3
    """Failures in a row that fail the check. None: no such limit."""
    consecutive_error_limit: int = 5
    """Inconclusive samples in a row that make the check inconclusive."""
    when_inconclusive: WhenInconclusive = WhenInconclusive.ACCEPT
    is_key: bool = True
    """Whether it can condemn; other checks only warn."""
    ignores_baseline: bool = False
    """Whether it condemns even what was failing before."""


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """What a check says now. ``since_sign`` is the sample that met the rule."""

    name: str
    state: CheckState
    why: str
    since_sign: datetime | None = None
    samples: int = 0
    failures: int = 0


class WindowState(StrEnum):
    """What all checks together amount to."""

    OPEN = "Open"
    PASSED = "Passed"
    FAILED = "Failed"
    ACCEPTED = "Accepted"
    """Over, and some key check could not tell: accepted by policy, health unknown."""


@dataclass(frozen=True, slots=True)
class Window:
    """The state of the bake window. ``until`` is its end as far as known; ``check`` the one that decided."""

    state: WindowState
    until: datetime
    why: str = ""
    check: str = ""
    since_sign: datetime | None = None


def due(spec: CheckSpec, samples: Sequence[Sample], started: datetime) -> datetime:
    """When the next sample is to be taken."""
    raise NotImplementedError


def judge(
    spec: CheckSpec, samples: Sequence[Sample], *, started: datetime, baseline: Sample | None = None
) -> CheckVerdict:
    """The verdict of one check on the samples taken since ``started``."""
    raise NotImplementedError


def conclude(
    specs: Sequence[CheckSpec],
    verdicts: Mapping[str, CheckVerdict],
    *,
    started: datetime,
    duration: timedelta,
    now: datetime,
) -> Window:
    """The window: failed at once, passed when over, longer (twice at most) while key checks cannot tell."""
    raise NotImplementedError
