"""The cast of the release machine's stage: applications and how they fare, and Helm as it was measured."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from landlord.api.conditions import Reason
from landlord.api.failures import HelmTrouble
from landlord.api.releases import RevisionMeta
from landlord.core.health.checks import CheckState
from landlord.core.health.signs import State
from landlord.core.release.facts import Check, Health
from landlord.core.release.history import MARK
from landlord.core.release.ledger import Desired

READY = Health(State.READY, Reason.UNREADY, "All workloads are ready.")
WORKING = Health(State.WORKING, Reason.UNREADY, "Deployment web has 0 of 2 pods ready.")
NO_IMAGE = Health(State.GUILTY, Reason.IMAGE_UNAVAILABLE, "Deployment web: image web:nope does not exist.")
CRASHES = Health(State.GUILTY, Reason.CRASH_LOOPING, "Deployment web: container web crashed 3 times.")
QUOTA = Health(State.ENVIRONMENT, Reason.QUOTA_EXCEEDED, "Deployment web: quota pods is used up.")
NO_NODE = Health(State.ENVIRONMENT, Reason.UNSCHEDULABLE, "Deployment web: no node takes its pods.")
REGISTRY = Health(State.ENVIRONMENT, Reason.REGISTRY_UNAVAILABLE, "Deployment web: the registry does not answer.")


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@dataclass(frozen=True)
class App:
    """What somebody commits, and how it behaves once it runs; times count from its deploy."""

    name: str
    values: str = "v1"
    spec: str = ""
    """Health spec and retry-at: in the key, not in what Helm deploys."""
    ready_after: float = 4
    health: tuple[tuple[float, Health], ...] = ()
    """From so many seconds on it fares so; before the first it is at work, afterwards ready."""
    checks: tuple[tuple[float, Check], ...] = ()
    helm: HelmTrouble | None = None
    """What a deploy ends in."""
    stores: bool = True
    """Whether a failing deploy leaves a revision."""
    test: HelmTrouble | None = None

    @property
    def digest(self) -> str:
        return f"sha256:{self.name}.{self.values}"

    @property
    def desired(self) -> Desired:
        key = f"sha256:{self.name}.{self.values}.{self.spec}"
        return Desired(key, f"sha256:{self.name}", self.digest, self.values, self.name, self.name)

    def fares(self, age: float) -> Health:
        for since, health in reversed(self.health):
            if age >= since:
                return health
        return READY if age >= self.ready_after else WORKING

    def checked(self, age: float) -> tuple[Check, ...]:
        latest = {check.name: check for since, check in self.checks if age >= since}
        return tuple(latest.get(name, Check(name, CheckState.PENDING)) for name in {c.name: 0 for _, c in self.checks})


def bad_image(name: str, **kwargs: object) -> App:
    return replace(App(name, health=((2, NO_IMAGE),)), **kwargs)  # type: ignore[arg-type]


@dataclass
class Revision:
    """One revision in Helm's storage."""

    number: int
    status: str
    app: App
    uid: str
    at: datetime
    mark: str = ""
    is_theirs: bool = False
    """Made by a person."""

    @property
    def meta(self) -> RevisionMeta:
        labels = {MARK: self.mark} if self.mark else {}
        return RevisionMeta(self.number, self.status, self.uid, labels, int(self.at.timestamp()))


@dataclass
class Helm:
    """Helm's storage and what its commands do to it, as measured."""

    revisions: list[Revision] = field(default_factory=list)
    made: int = 0

    @property
    def newest(self) -> Revision | None:
        return max(self.revisions, key=lambda each: each.number, default=None)

    @property
    def last(self) -> Revision:
        """The newest, where there surely is one."""
        return max(self.revisions, key=lambda each: each.number)

    def find(self, number: int) -> Revision | None:
        return next((each for each in self.revisions if each.number == number), None)

    def get(self, number: int) -> Revision:
        """The revision of this number, which is surely there."""
        return next(each for each in self.revisions if each.number == number)

    def open(self, app: App, status: str, now: datetime, mark: str | None = None) -> Revision:
        self.made += 1
        newest = self.newest
        inherited = newest.mark if newest else ""
        number = newest.number + 1 if newest else 1
        revision = Revision(number, status, app, f"uid-{self.made}", now, inherited if mark is None else mark)
        self.revisions.append(revision)
        return revision

    def close(self, revision: Revision, now: datetime, *, well: bool) -> None:
        if well:
            for each in self.revisions:
                if each is not revision and each.status == "deployed":
                    each.status = "superseded"
        revision.status, revision.at = ("deployed" if well else "failed"), now
