"""Spec to manifests: what a Tenant becomes in each of its environments, in the order of creation."""

from collections.abc import Mapping
from dataclasses import dataclass

from landlord.api.environment import Environment
from landlord.api.tenant import Tenant, TenantEnvironment
from landlord.core.manifest import Desired, digest
from landlord.core.tenant import accounts, layers, limits, members, namespaces, network, quotas
from landlord.core.tenant.defaults import PlatformDefaults
from landlord.core.tenant.place import Place


@dataclass(frozen=True, slots=True)
class EnvironmentPlan:
    """All objects of one environment: the Namespace, what guards it, and the bindings that come last."""

    place: Place
    namespace: Desired
    guards: tuple[Desired, ...]
    bindings: tuple[Desired, ...]

    @property
    def objects(self) -> tuple[Desired, ...]:
        """Everything, in order of creation."""
        return (self.namespace, *self.guards, *self.bindings)

    @property
    def digest(self) -> str:
        """One digest over all objects: it changes when, and only when, something is asked for anew."""
        return digest([(str(wanted.ref), wanted.digest) for wanted in self.objects])


def namespace_of(tenant_name: str, mine: TenantEnvironment) -> str:
    """The namespace of a tenant's environment: as given, else ``TENANT-ENVIRONMENT``."""
    return mine.namespace or f"{tenant_name}-{mine.name}"


def place(
    tenant_name: str, tenant: Tenant, mine: TenantEnvironment, environment: Environment, platform: PlatformDefaults
) -> Place:
    """The place of one environment, its body merged from all layers."""
    return Place(
        tenant_name=tenant_name,
        tenant=tenant,
        environment_name=mine.name,
        environment=environment,
        namespace=namespace_of(tenant_name, mine),
        body=layers.body(platform.body, environment, tenant, mine),
        platform=platform,
    )


def plan(where: Place) -> EnvironmentPlan:
    """Every object of the place; raises ``SpecFault`` when the spec names something the platform does not have."""
    return EnvironmentPlan(
        place=where,
        namespace=namespaces.plan(where),
        guards=(*quotas.plan(where), *limits.plan(where), *network.plan(where), *accounts.plan(where)),
        bindings=(*accounts.deployer(where), *members.plan(where)),
    )


def places(
    tenant_name: str, tenant: Tenant, environments: Mapping[str, Environment], platform: PlatformDefaults
) -> dict[str, Place]:
    """The places of all environments that are known, by environment name, in the order of the spec."""
    return {
        mine.name: place(tenant_name, tenant, mine, environments[mine.name], platform)
        for mine in tenant.spec.environments
        if mine.name in environments
    }
