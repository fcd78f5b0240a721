"""A release at rest whose objects live in memory; a person edits them, and looks are asked for."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from landlord.api.conditions import Reason
from landlord.api.releases import StoredRelease
from landlord.core.health.signs import State
from landlord.core.release.facts import Health
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.drifting import as_applied
from landlord.reconcilers.release.inventory import Eyes, Inventory
from landlord.reconcilers.release.resting import Rested, Resting
from tests.unit.reconcilers.release.cases import case
from tests.unit.reconcilers.release.drift_stage import Unwatched
from tests.unit.reconcilers.release.objects_cluster import ObjectsCluster, inventory, release

WELL = Health(State.READY, Reason.UNREADY, "All is ready.")
SICK = Health(State.WORKING, Reason.UNREADY, "An object is not there.")


@dataclass
class Sight:
    """The part of ``Observation`` that a look at a release at rest uses."""

    cluster: ObjectsCluster
    kept: Inventory
    stored_as: StoredRelease | None = field(default_factory=release)
    is_well: bool = True
    looks: int = 0

    def __post_init__(self) -> None:
        self.eyes = Eyes(self.cluster, Unwatched())  # type: ignore[arg-type] # the part that looks

    async def stored(self, case: Case, number: int) -> tuple[StoredRelease, Inventory] | None:
        return (replace(self.stored_as, number=number), self.kept) if self.stored_as else None

    async def health(self, case: Case, number: int, attempt: object, *, is_first: bool) -> Health | None:
        assert attempt is None
        self.looks += 1
        if self.stored_as is None:
            return None
        there = all((item.entry.kind, item.entry.name) in self.cluster.objects for item in self.kept.items)
        return WELL if there and self.is_well else SICK


class Room:
    """A release that was deployed, at rest."""

    def __init__(self, *objects: dict[str, Any], **spec: Any) -> None:
        self.cluster = ObjectsCluster()
        self.sight = Sight(self.cluster, inventory(*objects))
        for each in self.sight.kept.items:
            self.cluster.put(as_applied(each, release()))
        self.corrected: list[tuple[str, str]] = []
        self.resting = Resting(
            self.cluster,  # type: ignore[arg-type] # the part that looks and corrects
            self.sight,  # type: ignore[arg-type]
            lambda kind, action: self.corrected.append((kind, action)),
        )
        self.case = case(**spec)

    async def look(self, after: timedelta = timedelta(), revision: int = 1, **spec: Any) -> Rested:
        self.case = replace(self.case, now=self.case.now + after)
        if spec:
            self.case = replace(case(**spec), now=self.case.now)
        return await self.resting.look(self.case, revision)

    def edit(self) -> None:
        self.cluster.edit("ConfigMap", "settings", data={"level": "debug"})
