"""Tenants, Environments and places for tests, from what users would write."""

from typing import Any

from landlord.api.environment import Environment
from landlord.api.tenant import Tenant
from landlord.core.tenant import plan as planning
from landlord.core.tenant.defaults import PlatformDefaults
from landlord.core.tenant.place import Place

Json = dict[str, Any]

PLATFORM = PlatformDefaults.model_validate(
    {
        "peers": {
            "ingress": {
                "peers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
                "standing": "Ingress",
            },
            "monitoring": {
                "peers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
                "ports": [{"port": 9090}],
            },
            "apiserver": {
                "peers": [{"ipBlock": {"cidr": "10.96.0.1/32"}}],
                "ports": [{"port": 443}, {"port": 6443, "endPort": 6450}],
                "standing": "Egress",
            },
        },
        "protectedNamespaces": ["monitoring"],
    }
)
"""A platform with a peer of each standing."""


def tenant(*environments: str | Json, **spec: Any) -> Tenant:
    """A Tenant in these environments: names, or whole entries."""
    entries = [{"name": entry} if isinstance(entry, str) else entry for entry in environments or ("dev",)]
    return Tenant.model_validate({"spec": {"environments": entries, **spec}})


def environment(**spec: Any) -> Environment:
    """An Environment with this spec."""
    return Environment.model_validate({"spec": spec})


def place(
    body: Json | None = None,
    *,
    tier: str = "development",
    name: str = "dev",
    platform: PlatformDefaults = PLATFORM,
    tenant_defaults: Json | None = None,
    **spec: Any,
) -> Place:
    """Tenant ``shop`` in one environment, whose own words are ``body``; ``spec`` is the rest of the Tenant's."""
    one = tenant({"name": name, **(body or {})}, **spec)
    stage = environment(tier=tier, **({"tenantDefaults": tenant_defaults} if tenant_defaults else {}))
    return planning.place("shop", one, one.spec.environments[0], stage, platform)
