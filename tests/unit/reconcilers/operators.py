"""An operator on a cluster in memory: its caches see everything at once, and tests say when passes run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from landlord.api.conditions import ConditionType
from landlord.api.failures import LandlordFailure
from landlord.api.refs import CHILDREN, ENVIRONMENTS, TENANTS, Ref
from landlord.clients.cluster import Cluster
from landlord.core.child import observe
from landlord.core.conditions import find
from landlord.core.tenant.defaults import PlatformDefaults
from landlord.reconcilers.environment import EnvironmentReconciler
from landlord.reconcilers.outcome import Outcome
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.tenant import TenantReconciler
from landlord.reconcilers.world import World
from tests.unit.reconcilers.memory_cluster import MemoryCluster, Object

SHOP = Ref(TENANTS.kind, None, "shop")
DEV = Ref(ENVIRONMENTS.kind, None, "dev")
NAMESPACE = Ref("Namespace", None, "shop-dev")
QUOTA = Ref("ResourceQuota", "shop-dev", "landlord")


@dataclass
class Operator:
    """Reconcilers, their World and what they announced and counted."""

    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    platform: PlatformDefaults = field(default_factory=PlatformDefaults)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    events: list[tuple[str, str]] = field(default_factory=list)
    counted: list[tuple[str, str]] = field(default_factory=list)
    is_blind: bool = False
    """Whether watches miss everything."""

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process: nothing is remembered."""
        self.world, self.bodies = World(), Bodies()
        client = cast("Cluster", self.cluster)
        self.tenants = TenantReconciler(
            client, self.world, self.platform, clock=lambda: self.now, announce=self._announce, corrected=self._count
        )
        self.environments = EnvironmentReconciler(client, self.world, self.bodies, clock=lambda: self.now)
        self.look()

    def look(self) -> None:
        """Take in the cluster as it is."""
        if self.is_blind:
            return
        for kind in CHILDREN:
            live = [each for ref, each in self.cluster.objects.items() if ref.kind == kind.kind]
            labelled = [child for child in (observe(kind.kind, each) for each in live) if child.tenant]
            self.world.replace(self.world.known(kind.kind), labelled)
        own = {ref: each for ref, each in self.cluster.objects.items() if ref.kind in (TENANTS.kind, ENVIRONMENTS.kind)}
        for name, body in list(self.world.tenants.items()):
            if Ref(TENANTS.kind, None, name) not in own:
                self.world.drop_tenant(name, body["metadata"]["uid"])
        for name, body in list(self.world.environments.items()):
            if Ref(ENVIRONMENTS.kind, None, name) not in own:
                self.world.drop_environment(name, body["metadata"]["uid"])
        for ref, each in own.items():
            put = self.world.put_tenant if ref.kind == TENANTS.kind else self.world.put_environment
            put(each)

    def tenant(self, *environments: str | Object, name: str = "shop", **spec: Any) -> None:
        """Commit a Tenant, or a change of it."""
        entries = [{"name": each} if isinstance(each, str) else each for each in environments or ("dev",)]
        self._commit(Ref(TENANTS.kind, None, name), {"environments": entries, **spec})

    def environment(self, name: str = "dev", **spec: Any) -> None:
        """Commit an Environment, or a change of it."""
        self._commit(Ref(ENVIRONMENTS.kind, None, name), spec)

    def delete(self, ref: Ref) -> None:
        """Ask for the deletion of one of our kinds."""
        live = self.cluster.objects[ref]
        self.cluster.store(
            ref.kind, {**live, "metadata": {**live["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
        )
        self.look()

    def edit(self, ref: Ref, **fields: Any) -> None:
        """A hand edit: top-level fields and, under ``metadata``, labels or annotations are replaced."""
        live = self.cluster.objects[ref]
        meta = {**live["metadata"], **fields.pop("metadata", {})}
        self.cluster.store(ref.kind, {**live, **fields, "metadata": meta})
        self.look()

    async def run(self, ref: Ref = SHOP) -> Outcome | LandlordFailure:
        """One pass, and then a look; the failure when it ends with one."""
        reconcile = self.tenants.reconcile if ref.kind == TENANTS.kind else self.environments.reconcile
        try:
            outcome: Outcome | LandlordFailure = await reconcile(ref)
        except LandlordFailure as failure:
            outcome = failure
        self.look()
        return outcome

    async def writes_of(self, ref: Ref = SHOP) -> dict[str, int]:
        """Which writes one pass makes."""
        self.cluster.requests.clear()
        await self.run(ref)
        return dict(self.cluster.writes)

    def status(self, ref: Ref = SHOP) -> Object:
        """The status as stored."""
        found: Object = self.cluster.objects[ref].get("status") or {}
        return found

    def entry(self, environment: str = "dev") -> Object:
        """What the Tenant's status says of an environment."""
        entries: Iterable[Object] = self.status().get("environments") or ()
        return next((each for each in entries if each["name"] == environment), {})

    def ready(self, status: Object | None = None) -> tuple[str, str]:
        """Status and reason of ``Ready``."""
        found = find((self.status() if status is None else status).get("conditions"), ConditionType.READY)
        return str(found.get("status")), str(found.get("reason"))

    def later(self, **by: int) -> None:
        """Let time pass."""
        self.now += timedelta(**by)

    def _commit(self, ref: Ref, spec: Object) -> None:
        live = self.cluster.objects.get(
            ref, {"metadata": {"name": ref.name, "creationTimestamp": "2026-01-01T00:00:00Z"}}
        )
        changed = live.get("spec") != spec
        generation = live["metadata"].get("generation", 0) + changed
        self.cluster.store(ref.kind, {**live, "metadata": {**live["metadata"], "generation": generation}, "spec": spec})
        self.look()

    def _announce(self, body: Any, reason: str, note: str, *, warning: bool = False) -> None:
        self.events.append((reason, note))

    def _count(self, kind: str, action: str) -> None:
        self.counted.append((kind, action))


def operator(*, environment: Object | None = None, **tenant: Any) -> Operator:
    """An operator with one Environment ``dev`` and one Tenant ``shop`` in it, before its first pass."""
    fresh = Operator()
    fresh.environment(**(environment or {}))
    fresh.tenant(**tenant)
    return fresh
