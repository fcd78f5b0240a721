"""What a Tenant's policies say about its releases, read from the World."""

from pydantic import ValidationError

from landlord.api.tenant import Tenant
from landlord.core.tenant import layers
from landlord.core.tenant.defaults import PlatformDefaults
from landlord.reconcilers.world import World


class Policies:
    """Policies as the Tenant, its Environment and the platform have them. What is not understood permits nothing."""

    def __init__(self, world: World, platform: PlatformDefaults) -> None:
        self._world = world
        self._platform = platform

    def chart_sources(self, tenant: str, environment: str) -> tuple[str, ...] | None:
        """Places that charts may come from, None when all are."""
        body, where = self._world.tenants.get(tenant), self._world.environment(environment)
        if body is None or where is None:
            return ()
        try:
            model = Tenant.model_validate({"spec": body.get("spec") or {}})
        except ValidationError:
            return ()
        mine = next((each for each in model.spec.environments if each.name == environment), None)
        if mine is None:
            return ()
        policies = layers.body(self._platform.body, where, model, mine).policies
        return policies.chart_sources if policies else None
