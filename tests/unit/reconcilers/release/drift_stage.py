"""A release whose objects were applied by Helm, and its drift."""

from collections.abc import Sequence
from typing import Any

from landlord.api.refs import Ref
from landlord.core.release.drift import Drift, Ignore
from landlord.reconcilers.release.drifting import Correction, Drifting, Findings, as_applied
from landlord.reconcilers.release.inventory import Eyes
from tests.unit.reconcilers.release.objects_cluster import NAMESPACE, ObjectsCluster, inventory, manifest, release

Object = dict[str, Any]
SHOP = Ref("AppRelease", NAMESPACE, "web")
SETTINGS = manifest("ConfigMap", "settings", data={"level": "info"})
WEB = manifest("Deployment", "web", spec={"replicas": 1, "paused": False})
MARKS = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": NAMESPACE}


class Unwatched:
    def objects(self, namespace: str, resource: object) -> None:
        return None


class Stage:
    """One release whose objects were applied by Helm."""

    def __init__(self, *objects: Object) -> None:
        self.cluster = ObjectsCluster()
        self.inventory = inventory(*objects)
        self.drifting = Drifting(self.cluster, Eyes(self.cluster, Unwatched()))
        for each in self.inventory.items:
            self.cluster.put(as_applied(each, release()))

    async def look(self, *ignore: Ignore, number: int = 1) -> Findings:
        self.cluster.requests.clear()
        return await self.drifting.look(SHOP, release(number), self.inventory, ignore)

    async def correct(self, drifts: Sequence[Drift], *ignore: Ignore) -> tuple[Correction, ...]:
        self.cluster.requests.clear()
        return await self.drifting.correct(SHOP, release(), self.inventory, drifts, ignore)

    def scale_by(self, target: str) -> None:
        """There is one autoscaler, and it scales this Deployment."""
        spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}}
        self.cluster.put(manifest("HorizontalPodAutoscaler", "scaler", spec=spec), manager="hand")

    def asked(self, verb: str) -> list[str]:
        return [what for each, what in self.cluster.requests if each == verb]


def pointers(found: Findings) -> set[str]:
    return {change.pointer for drift in found.drifts for change in drift.changes}
