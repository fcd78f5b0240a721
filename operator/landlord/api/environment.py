"""Environment: staging, production and the like; what every tenant in it gets and how it is kept."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from landlord.api.body import Guards
from landlord.api.conditions import Condition
from landlord.api.release_defaults import DriftMode, ReleaseDefaults
from landlord.api.schema import Model, Variables, marks, rule

__all__ = [
    "NAME_RULES",
    "POINTER",
    "ChildKind",
    "Drift",
    "DriftIgnore",
    "DriftMode",
    "Environment",
    "EnvironmentSpec",
    "EnvironmentStatus",
    "ReleaseCounts",
    "TenantCounts",
    "Tier",
]


class Tier(StrEnum):
    """How serious an environment is."""

    PRODUCTION = "production"
    STAGING = "staging"
    TESTING = "testing"
    DEVELOPMENT = "development"
    OTHER = "other"


class ChildKind(StrEnum):
    """Kinds of objects a tenant namespace is made of."""

    NAMESPACE = "Namespace"
    RESOURCE_QUOTA = "ResourceQuota"
    LIMIT_RANGE = "LimitRange"
    NETWORK_POLICY = "NetworkPolicy"
    SERVICE_ACCOUNT = "ServiceAccount"
    ROLE_BINDING = "RoleBinding"


POINTER = (
    r"^/(spec|subjects|automountServiceAccountToken|metadata/(labels|annotations)/([^~/]|~0|~1)+)(/([^~/]|~0|~1)+)*$"
)
"""Only what Landlord says of an object can be left to others; the rest of it is not looked at anyway."""


class DriftIgnore(Model):
    """Fields that others may change."""

    kind: ChildKind = Field(description="Kind of object.")
    name: Annotated[str, Field(max_length=253)] = Field(
        "", description="Name of the object; empty means all of the kind."
    )
    pointers: Annotated[
        tuple[Annotated[str, Field(min_length=2, max_length=253, pattern=POINTER)], ...],
        Field(min_length=1, max_length=16),
    ] = Field(
        description="JSON pointers (RFC 6901) into spec, subjects, automountServiceAccountToken, or to a label or "
        "annotation, such as /spec/hard/pods or /metadata/labels/example.org~1team.",
        json_schema_extra=marks(unique=True),
    )


class Drift(Model):
    """How hand edits of tenants' objects are met."""

    mode: DriftMode = Field(
        DriftMode.CORRECT,
        description="Correct: put back at once. Warn: say so in the condition Drifted. Ignore: neither.",
    )
    interval: Annotated[
        str,
        Field(
            max_length=16,
            json_schema_extra=marks(
                rules=(
                    rule(
                        "self.matches('^([0-9]+(s|m|h))+$') && duration(self) >= duration('1m')",
                        "must be a duration of at least a minute, such as 30m or 1h",
                    ),
                )
            ),
        ),
    ] = Field("1h", description="How often each tenant is compared with the cluster even when no change was seen.")
    ignore: Annotated[tuple[DriftIgnore, ...], Field(max_length=32)] = Field(
        (), description="Fields that others may change.", json_schema_extra=marks(keys=("kind", "name"))
    )
    max_corrections_per_hour: Annotated[int, Field(ge=1, le=10000)] = Field(
        60, description="Most corrections of one tenant in an hour; past it drift is only reported."
    )


class EnvironmentSpec(Model):
    """What holds in the environment."""

    tier: Tier = Field(
        Tier.DEVELOPMENT,
        description="production is stricter: members are viewers, only releases may write workloads.",
    )
    variables: Variables = Field(
        default_factory=dict, description="What ${NAME} stands for in releases here that have substitute."
    )
    tenant_defaults: Guards | None = Field(None, description="What every tenant gets here unless it says otherwise.")
    release_defaults: ReleaseDefaults | None = Field(
        None, description="What every AppRelease gets here unless it says otherwise."
    )
    drift: Drift = Field(Drift(), description="How hand edits of tenants' objects are met.")
    suspend: bool = Field(False, description="All tenants are left as they are here while true.")


class TenantCounts(Model):
    """Tenants of the environment by state."""

    total: Annotated[int, Field(ge=0)] = Field(0, description="All that name it.")
    ready: Annotated[int, Field(ge=0)] = Field(0, description="Ready here.")
    failed: Annotated[int, Field(ge=0)] = Field(0, description="Not ready here for a reason a person must mend.")
    drifted: Annotated[int, Field(ge=0)] = Field(0, description="With drift that is left so.")


class ReleaseCounts(Model):
    """AppReleases of the environment by state."""

    total: Annotated[int, Field(ge=0)] = Field(0, description="All in its namespaces.")
    ready: Annotated[int, Field(ge=0)] = Field(0, description="Proven and healthy.")
    progressing: Annotated[int, Field(ge=0)] = Field(0, description="On their way.")
    held: Annotated[int, Field(ge=0)] = Field(0, description="Held after a bad attempt.")
    failed: Annotated[int, Field(ge=0)] = Field(0, description="Not ready for a reason a person must mend.")


class EnvironmentStatus(Model):
    """The environment as it is."""

    observed_generation: Annotated[int, Field(ge=-1)] = Field(
        -1, description="The generation that was last acted on; -1 before the first time."
    )
    last_handled_reconcile_at: Annotated[str, Field(max_length=253)] | None = Field(
        None, description="The annotation landlord.dev/requested-at as last seen."
    )
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = Field(
        (), description="Conditions of the environment.", json_schema_extra=marks(keys=("type",))
    )
    tenants: TenantCounts = Field(TenantCounts(), description="Tenants by state.")
    releases: ReleaseCounts = Field(ReleaseCounts(), description="AppReleases by state.")


class Environment(Model):
    """A stage such as staging or production: defaults, drift policy and tier of all tenants in it."""

    spec: EnvironmentSpec = Field(EnvironmentSpec(), description="What holds in the environment.")
    status: EnvironmentStatus = Field(EnvironmentStatus(), description="The environment as it is.")


NAME_RULES = (
    rule(
        "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 40",
        "an environment's name is a DNS label of at most 40 characters",
        ".metadata.name",
    ),
)
"""Rules on the whole object: they need its name."""
