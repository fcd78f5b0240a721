"""The Environment's pass: count its tenants, and hold it while one names it."""

from collections.abc import Callable
from datetime import datetime

from landlord.api import names
from landlord.api.refs import ENVIRONMENTS, Ref
from landlord.clients.cluster import Cluster
from landlord.core.environment import verdict
from landlord.core.environment.verdict import Facts, Inhabitant
from landlord.core.tenant.verdict import same
from landlord.reconcilers import objects
from landlord.reconcilers.outcome import Outcome
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.world import Body, World


class EnvironmentReconciler:
    """Passes over Environments; they only read what Tenants' passes wrote down."""

    def __init__(
        self, cluster: Cluster, world: World, bodies: Bodies | None = None, *, clock: Callable[[], datetime]
    ) -> None:
        self._bodies = Bodies() if bodies is None else bodies  # at the start it is empty, and so false
        self._cluster = cluster
        self._world = world
        self._clock = clock

    async def reconcile(self, ref: Ref) -> Outcome:
        """One pass over one Environment."""
        body = self._world.environments.get(ref.name)
        if body is None:
            return Outcome()
        facts = self._gather(body)
        if not facts.deleting:
            body = await objects.hold(self._cluster, ENVIRONMENTS, body)
            self._world.echo_environment(body)
        elif names.FINALIZER not in (body["metadata"].get("finalizers") or ()):
            return Outcome()
        elif not facts.inhabitants:
            await objects.release(self._cluster, ENVIRONMENTS, body)
            return Outcome()
        await self._record(body, facts)
        return Outcome()

    def _gather(self, body: Body) -> Facts:
        name = body["metadata"]["name"]
        return Facts(
            generation=objects.generation(body),
            deleting="deletionTimestamp" in body["metadata"],
            suspended=objects.is_suspended(body),
            inhabitants=[Inhabitant(tenant, self._entry(tenant, name)) for tenant in self._world.tenants_in(name)],
            handled_at=objects.asked_at(body),
            fault=self._world.environment_fault(name),
            releases=[(self._bodies.get(ref) or {}).get("status") or {} for ref in self._releases_in(name)],
        )

    def _releases_in(self, environment: str) -> list[Ref]:
        homes = {ref.namespace or "": self._world.namespace(ref.namespace or "") for ref in self._bodies}
        inside = {name for name, home in homes.items() if home is not None and home.environment == environment}
        return [ref for ref in self._bodies if ref.namespace in inside]

    def _entry(self, tenant: str, environment: str) -> Body:
        entries = (self._world.tenants[tenant].get("status") or {}).get("environments") or ()
        return next((dict(entry) for entry in entries if entry.get("name") == environment), {})

    async def _record(self, body: Body, facts: Facts) -> None:
        before = body.get("status") or {}
        fresh = verdict.status(before, facts, self._clock())
        if same(before, fresh):
            return
        self._world.echo_environment(await objects.patch_status(self._cluster, ENVIRONMENTS, body, fresh))
