"""What a tenant gets in one environment: quota, limits, network, Pod Security, policies, accounts.

The same fields stand in ``Environment.spec.tenantDefaults``, ``Tenant.spec.defaults`` and
``Tenant.spec.environments[]``. None always means: not said here, the layer below decides.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from landlord.api.network import Network, NetworkProfile, NetworkRule, Port, Protocol
from landlord.api.schema import SUBDOMAIN, Model, ResourceList, Subdomain, marks, rule

__all__ = [
    "Body",
    "ClaimLimits",
    "ContainerLimits",
    "Deployer",
    "Guards",
    "Limits",
    "Network",
    "NetworkProfile",
    "NetworkRule",
    "PodLimits",
    "PodSecurity",
    "PodSecurityLevel",
    "Policies",
    "Port",
    "Protocol",
    "Quota",
    "QuotaScope",
    "ScopeMatch",
    "ScopeOperator",
    "ScopedQuota",
    "ServiceAccount",
    "ServiceType",
    "Workloads",
]


class QuotaScope(StrEnum):
    """What a scoped quota may select pods by (Kubernetes' quota scopes)."""

    PRIORITY_CLASS = "PriorityClass"
    BEST_EFFORT = "BestEffort"
    NOT_BEST_EFFORT = "NotBestEffort"
    TERMINATING = "Terminating"
    NOT_TERMINATING = "NotTerminating"
    CROSS_NAMESPACE_POD_AFFINITY = "CrossNamespacePodAffinity"


class ScopeOperator(StrEnum):
    """How a scope is matched; all scopes but PriorityClass know only Exists."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class ScopeMatch(Model):
    """One condition on the pods a scoped quota counts."""

    model_config = ConfigDict(
        json_schema_extra=marks(
            rules=(
                rule(
                    "self.scope == 'PriorityClass' || self.operator == 'Exists'",
                    "only scope PriorityClass takes another operator than Exists",
                    ".operator",
                ),
                rule(
                    "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
                    "values are for the operators In and NotIn, which need them",
                    ".values",
                ),
            )
        )
    )

    scope: QuotaScope = Field(description="What to match pods by.")
    operator: ScopeOperator = Field(
        ScopeOperator.EXISTS, description="How to match; only PriorityClass takes others than Exists."
    )
    values: Annotated[tuple[Subdomain, ...], Field(max_length=32, json_schema_extra=marks(unique=True))] = Field(
        (), description="Names of priority classes, for In and NotIn."
    )


class ScopedQuota(Model):
    """A further ResourceQuota that counts only some pods."""

    name: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] = Field(
        description="Names the ResourceQuota: landlord-NAME."
    )
    match: Annotated[tuple[ScopeMatch, ...], Field(min_length=1, max_length=6)] = Field(
        description="All of these must match a pod.",
        json_schema_extra=marks(
            keys=("scope",),
            rules=(
                rule(
                    "['BestEffort', 'Terminating'].all(scope, "
                    "!(self.exists(m, m.scope == scope) && self.exists(m, m.scope == 'Not' + scope)))",
                    "a scope and its opposite match no pod",
                ),
            ),
        ),
    )
    hard: ResourceList = Field(description="The limits for the pods that match.")


class Quota(Model):
    """How much an environment may use."""

    hard: ResourceList | None = Field(
        None,
        description="Hard limits as in a ResourceQuota, such as requests.cpu, limits.memory, pods, services.nodeports.",
    )
    scopes: Annotated[tuple[ScopedQuota, ...], Field(max_length=8)] | None = Field(
        None, description="Further quotas for pods of certain scopes.", json_schema_extra=marks(keys=("name",))
    )


class ContainerLimits(Model):
    """What one container gets and may ask for."""

    default: ResourceList | None = Field(None, description="Limits of a container that sets none.")
    default_request: ResourceList | None = Field(None, description="Requests of a container that sets none.")
    min: ResourceList | None = Field(None, description="The least a container may ask for.")
    max: ResourceList | None = Field(None, description="The most a container may ask for.")
    max_limit_request_ratio: ResourceList | None = Field(None, description="How many times its request a limit may be.")


class PodLimits(Model):
    """What the containers of one pod may ask for together."""

    min: ResourceList | None = Field(None, description="The least a pod may ask for.")
    max: ResourceList | None = Field(None, description="The most a pod may ask for.")
    max_limit_request_ratio: ResourceList | None = Field(None, description="How many times its request a limit may be.")


class ClaimLimits(Model):
    """How large a volume claim may be."""

    min: ResourceList | None = Field(None, description="The smallest claim, such as storage 1Gi.")
    max: ResourceList | None = Field(None, description="The largest claim.")


class Limits(Model):
    """The LimitRange. Where a compute quota would refuse pods without requests, container defaults are filled in."""

    container: ContainerLimits | None = Field(None, description="For each container.")
    pod: PodLimits | None = Field(None, description="For each pod.")
    persistent_volume_claim: ClaimLimits | None = Field(None, description="For each PersistentVolumeClaim.")


class PodSecurityLevel(StrEnum):
    """Levels of the Pod Security Standards."""

    PRIVILEGED = "privileged"
    BASELINE = "baseline"
    RESTRICTED = "restricted"


PodSecurityVersion = Annotated[str, Field(max_length=16, pattern=r"^(latest|v1\.[0-9]{1,3})$")]


class PodSecurity(Model):
    """Pod Security admission of the namespace."""

    enforce: PodSecurityLevel | None = Field(None, description="Pods below this level are refused; default restricted.")
    audit: PodSecurityLevel | None = Field(
        None, description="Pods below this level are noted in the audit log; default as enforce."
    )
    warn: PodSecurityLevel | None = Field(
        None, description="Pods below this level bring a warning; default as enforce."
    )
    version: PodSecurityVersion | None = Field(
        None, description="The version of the standards, such as v1.36; default latest."
    )


class Workloads(StrEnum):
    """Who may write workloads."""

    MEMBERS = "Members"
    RELEASES_ONLY = "ReleasesOnly"


class ServiceType(StrEnum):
    """Service types a tenant may use; ExternalIPs stands for the field spec.externalIPs."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"
    EXTERNAL_NAME = "ExternalName"
    EXTERNAL_IPS = "ExternalIPs"


Registry = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.:/_]*[a-z0-9])?$")]
ChartSource = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        pattern=r"^(oci|https)://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*(/\*?)?$",
    ),
]
Host = Annotated[str, Field(min_length=1, max_length=253, pattern=SUBDOMAIN.replace("^", r"^(\*\.)?", 1))]


class Policies(Model):
    """What admission lets through. A list that is not given restricts nothing; an empty list allows nothing."""

    registries: Annotated[tuple[Registry, ...], Field(max_length=32)] | None = Field(
        None,
        description="Registries, with or without the beginning of a path, that images may come from.",
        json_schema_extra=marks(unique=True),
    )
    ingress_hosts: Annotated[tuple[Host, ...], Field(max_length=64)] | None = Field(
        None,
        description="Hosts that Ingresses and routes may serve; *.example.org covers all below.",
        json_schema_extra=marks(unique=True),
    )
    ingress_classes: Annotated[tuple[Subdomain, ...], Field(max_length=16)] | None = Field(
        None, description="Ingress classes that may be used.", json_schema_extra=marks(unique=True)
    )
    storage_classes: Annotated[tuple[Subdomain, ...], Field(max_length=16)] | None = Field(
        None, description="Storage classes that claims may name.", json_schema_extra=marks(unique=True)
    )
    priority_classes: Annotated[tuple[Subdomain, ...], Field(max_length=16)] | None = Field(
        None, description="Priority classes that pods may name.", json_schema_extra=marks(unique=True)
    )
    service_types: Annotated[tuple[ServiceType, ...], Field(max_length=5)] | None = Field(
        None, description="Types of Services that may be made.", json_schema_extra=marks(unique=True)
    )
    chart_sources: Annotated[tuple[ChartSource, ...], Field(max_length=32)] | None = Field(
        None,
        description="Repositories that charts may come from, such as oci://registry.example.org/team; "
        "oci://registry.example.org/team/* covers all below.",
        json_schema_extra=marks(unique=True),
    )
    workloads: Workloads | None = Field(
        None,
        description="Members: whoever has the right may write workloads. "
        "ReleasesOnly (default in production): only releases may.",
    )


class Guards(Model):
    """What the platform may preset for all tenants of an environment."""

    quota: Quota | None = Field(None, description="How much may be used.")
    limits: Limits | None = Field(None, description="Defaults and bounds of containers, pods and claims.")
    network: Network | None = Field(None, description="Who may talk to whom.")
    pod_security: PodSecurity | None = Field(None, description="Pod Security level; default restricted.")
    policies: Policies | None = Field(None, description="What admission lets through.")


class ServiceAccount(Model):
    """A ServiceAccount for the tenant's workloads."""

    name: Subdomain = Field(description="Its name.")
    automount_token: bool = Field(False, description="Whether pods get its token without asking.")


ClusterRoleName = Annotated[str, Field(min_length=1, max_length=200, pattern=SUBDOMAIN)]
"""Short enough to be part of a RoleBinding's name."""


class Deployer(Model):
    """The identity under which releases act: a name, no account, so nobody else can become it."""

    cluster_roles: Annotated[tuple[ClusterRoleName, ...], Field(max_length=8)] | None = Field(
        None,
        description="ClusterRoles it holds in the namespace beside landlord-deployer. "
        "The operator must be allowed to bind them.",
        json_schema_extra=marks(unique=True),
    )


class Body(Guards):
    """Everything a tenant can say about an environment of its own."""

    service_accounts: Annotated[tuple[ServiceAccount, ...], Field(max_length=32)] | None = Field(
        None, description="ServiceAccounts for workloads.", json_schema_extra=marks(keys=("name",))
    )
    deployer: Deployer | None = Field(None, description="The identity under which releases act.")
