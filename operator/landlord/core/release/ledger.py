"""What is remembered of one release: the ledger, as data, and how it is written down.

It lives out of every tenant's reach, survives lost status and re-created objects, and alone says what was proven. All
of it is immutable: the machine answers with a new ledger, and whoever acts writes that down before the effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import TypeAdapter, ValidationError

from landlord.api.failures import HelmTrouble
from landlord.core.release.watch import Before, Watch

VERDICTS_KEPT: Final = 20
PINS_KEPT: Final = 50
"""Digests of chart versions that were seen, the latest ones."""


class Operation(StrEnum):
    """What Helm can be asked for."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    UNINSTALL = "uninstall"
    TEST = "test"


class Stage(StrEnum):
    """How far an attempt has come."""

    DEPLOYING = "Deploying"
    VERIFYING = "Verifying"
    TESTING = "Testing"
    BAKING = "Baking"
    ROLLING_BACK = "RollingBack"


class Verdict(StrEnum):
    """What an attempt came to. Only ``Proven`` and ``Rejected`` bind the candidate."""

    PROVEN = "Proven"
    REJECTED = "Rejected"
    UNDETERMINED = "Undetermined"
    CANCELLED = "Cancelled"


BINDING: Final = frozenset({Verdict.PROVEN, Verdict.REJECTED})
"""The verdicts that say something of the candidate; the others only of what befell it."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What is wanted, as digests. ``key`` names the attempt, ``digest`` what Helm would deploy."""

    key: str
    candidate: str
    digest: str
    values_digest: str
    chart_digest: str
    chart_version: str
    app_version: str = ""
    images: tuple[str, ...] = ()
    inputs: str = ""
    """Digest of all that this was made of: the same inputs need not be rendered again."""


@dataclass(frozen=True, slots=True)
class Runner:
    """The process that runs, or ran, Helm; enough to prove later that it is gone."""

    holder: str
    """Identity of the operator process, new with every start."""
    pod: str = ""
    boot: str = ""
    pid_namespace: str = ""
    parent: int = 0
    parent_started: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a Helm run of this very process ended; ``trouble`` None means well."""

    operation: Operation
    trouble: HelmTrouble | None = None
    why: str = ""
    excuse: str = ""
    """Where its hooks' pods show that the environment is to blame: the reason of that."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Helm is about to run, or runs, or ran and nobody has looked yet. Written before the effect."""

    operation: Operation
    base: int
    """The highest revision before."""
    target: int
    """Revision to roll back to, else 0."""
    at: datetime
    until: datetime
    """Helm ends by then whatever happens."""
    runner: Runner
    mark: str = ""
    """Value of the label ``history.MARK`` that the revision is to carry, so that it is known for ours."""
    ended: Ended | None = None
    """How it ended, where that is known and something must be mended before it counts."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt is given up: ``reason`` is a condition's, ``why`` a sentence."""

    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to make what is desired run and hold; an environment's trouble makes a new one, ``ordinal`` higher."""

    desired: Desired
    started: datetime
    stage: Stage
    since: datetime
    deadline: datetime
    ordinal: int = 1
    tries: int = 0
    """Helm runs that failed by the release's own fault."""
    rollbacks: int = 0
    revision: int = 0
    """The newest revision it made, 0 until it has."""
    not_before: datetime | None = None
    failure: Failure | None = None
    is_tested: bool = False
    is_paused: bool = False
    interruptions: int = 0
    """Tests that were broken off by nobody's fault."""
    recoveries: int = 0
    """How often it was taken up again where it was held, because it had got well."""
    blocked: Failure | None = None
    """Why the last rollback did not succeed, while it is tried again."""
    before: Before | None = None
    """What was bad before it was deployed."""
    watch: Watch | None = None
    """What its bake had come to when that was last written down."""


@dataclass(frozen=True, slots=True)
class Running:
    """What Helm has deployed, as far as we put it there or looked at it."""

    revision: int
    desired: Desired
    is_external: bool = False
    uid: str = ""
    """Of the Secret: numbers begin anew after an uninstall."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What stood the proof: the only thing to go back to."""

    revision: int
    desired: Desired
    at: datetime
    uid: str = ""
    """Of the Secret: numbers begin anew after an uninstall."""


@dataclass(frozen=True, slots=True)
class Held:
    """A rejected attempt: nothing is tried again until Git says something new."""

    desired: Desired
    failure: Failure
    since: datetime
    failed_revision: int
    rolled_back_to: int = 0
    blocked: Failure | None = None
    """Why the rollback itself did not succeed."""
    recoveries: int = 0
    """How often it had got well in its place and was taken up again in vain."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One finished attempt."""

    desired: Desired
    verdict: Verdict
    reason: str
    why: str
    at: datetime
    revision: int
    ordinal: int = 1


@dataclass(frozen=True, slots=True)
class Pause:
    """An uninstall failed so often in a row; it is tried again at ``until``."""

    count: int
    until: datetime
    failure: Failure


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that is remembered of a release."""

    running: Running | None = None
    proven: Proven | None = None
    attempt: Attempt | None = None
    intent: Intent | None = None
    held: Held | None = None
    recovering: int = 0
    """A rollback's revision that is not yet proven again, else 0."""
    recovering_since: datetime | None = None
    verdicts: tuple[Judged, ...] = ()
    pins: Mapping[str, str] = field(default_factory=dict)
    """Content digest by chart repository, name and version: what was seen first counts."""
    pause: Pause | None = None

    def judged(self, entry: Judged) -> "Ledger":
        """With one more verdict; of too many the oldest goes that binds nothing, else the oldest."""
        verdicts = (*self.verdicts, entry)
        if len(verdicts) > VERDICTS_KEPT:
            place = next((n for n, each in enumerate(verdicts) if each.verdict not in BINDING), 0)
            verdicts = verdicts[:place] + verdicts[place + 1 :]
        return replace(self, verdicts=verdicts)

    def pinned(self, chart: str, digest: str) -> "Ledger":
        """With the digest of a chart version noted, unless one is."""
        if chart in self.pins:
            return self
        kept = list(self.pins.items())[-(PINS_KEPT - 1) :]
        return replace(self, pins=dict([*kept, (chart, digest)]))

    def verdict_on(self, candidate: str) -> Judged | None:
        """The newest verdict that binds this candidate; what is proven now is remembered longest."""
        binding = (each for each in reversed(self.verdicts) if each.verdict in BINDING)
        found = next((each for each in binding if each.desired.candidate == candidate), None)
        proven = self.proven
        if found is not None or proven is None or proven.desired.candidate != candidate:
            return found
        return Judged(proven.desired, Verdict.PROVEN, Verdict.PROVEN.value, "Proven.", proven.at, proven.revision)


_ADAPTER: Final = TypeAdapter(Ledger)


class UnreadableLedger(ValueError):
    """The ledger was written by something else, or by a later version."""


def encode(ledger: Ledger) -> str:
    """As JSON text; the same ledger gives the same text."""
    return _ADAPTER.dump_json(ledger, exclude_defaults=True).decode()


def decode(text: str) -> Ledger:
    """The ledger of this text; raises ``UnreadableLedger``."""
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise UnreadableLedger(str(error)) from error
