"""The body of one environment, merged from its layers: maps merge by key, lists and plain values replace."""

from collections.abc import Iterable
from typing import Any

from landlord.api.body import Body, Guards, Policies, Workloads
from landlord.api.environment import Environment, Tier
from landlord.api.tenant import Tenant, TenantEnvironment


def merged(layers: Iterable[Guards | None]) -> Body:
    """One body, lowest layer first. What a layer does not say (None, or absent) is left to the layers below."""
    said: dict[str, Any] = {}
    for layer in layers:
        if layer is not None:
            _overlay(said, layer.model_dump(by_alias=True, exclude_none=True, exclude_unset=True, mode="json"))
    return Body.model_validate(said)


def body(defaults: Body, environment: Environment, tenant: Tenant, mine: TenantEnvironment) -> Body:
    """What ``tenant`` gets in one environment: operator, tier, Environment, the tenant's defaults, its own words."""
    own = Body.model_validate(
        mine.model_dump(by_alias=True, exclude_unset=True, mode="json", include=set(Body.model_fields))
    )
    return merged(
        (defaults, _TIERS.get(environment.spec.tier), environment.spec.tenant_defaults, tenant.spec.defaults, own)
    )


_TIERS = {Tier.PRODUCTION: Guards(policies=Policies(workloads=Workloads.RELEASES_ONLY))}


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _overlay(below[key], value)
        else:
            below[key] = value
