"""The world around one release: what is wanted of it, what it meets, what people do to it past Landlord."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from landlord.api.failures import HelmTrouble
from landlord.api.releases import LOCKED
from landlord.core.release.facts import Closed, Health, Unprepared, Wish
from tests.unit.core.release.cast import App, Helm

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class World:
    """One release, what is wanted of it and what it meets; and what people do to it by hand."""

    wish: Wish = field(default_factory=lambda: Wish(timeout=timedelta(minutes=5), bake=timedelta(minutes=1)))
    now: datetime = START
    helm: Helm = field(default_factory=Helm)
    app: App | None = None
    unprepared: Unprepared | None = None
    closed: Closed | None = None
    suspended: str = ""
    is_deleting: bool = False
    is_namespace_leaving: bool = False
    is_gone: bool = False
    trouble: HelmTrouble | None = None
    """What every Helm run meets."""
    trouble_stores: bool = False
    excuse: str = ""
    """What the pods of hooks show of the environment's part in it."""
    pods: Health | None = None
    """What all workloads meet, whatever they are."""
    metrics_down: bool = False
    rollback: HelmTrouble | None = None
    lines: list[str] = field(default_factory=list)
    ghost: Callable[[], None] | None = None
    """A Helm that outlived its operator, and how it will end."""

    def say(self, text: str) -> None:
        self.lines.append(f"{self.now:%H:%M:%S}  * {text}")

    def commit(self, app: App, why: str = "") -> None:
        self.app = app
        self.say(why or f"Git wants {app.name} with values {app.values}.")

    def by_hand(self, app: App, status: str = "deployed") -> None:
        """Somebody runs helm upgrade."""
        revision = self.helm.open(app, status, self.now)
        revision.is_theirs = True
        if status == "deployed":
            self.helm.close(revision, self.now, well=True)
        self.say(f"Somebody upgrades to {app.name} by hand: revision {revision.number} is {status}.")

    def rolled_back_by_hand(self, number: int) -> None:
        """Somebody runs helm rollback."""
        target = self.helm.find(number)
        if target is None:
            return
        revision = self.helm.open(target.app, "pending-rollback", self.now, target.mark)
        revision.is_theirs = True
        self.helm.close(revision, self.now, well=True)
        self.say(f"Somebody rolls back to revision {number} by hand.")

    def uninstalled_by_hand(self) -> None:
        """Somebody runs helm uninstall, or the history is lost."""
        self.helm.revisions.clear()
        self.say("Somebody uninstalls the release by hand.")

    def settled_by_hand(self) -> None:
        """Whoever held the lock lets go of it."""
        newest = self.helm.newest
        if newest is not None and newest.status in LOCKED and self.ghost is None:
            newest.status = "failed"
