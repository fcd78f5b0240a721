"""Tenant: a team, and what it gets in each environment."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from landlord.api.body import Body
from landlord.api.conditions import Condition
from landlord.api.schema import SUBDOMAIN, Label, Model, ResourceList, Text, marks, rule

EnvironmentName = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]


class Role(StrEnum):
    """What a member may do; each is a ClusterRole ``landlord-ROLE`` that the platform can extend by label."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class MemberKind(StrEnum):
    """Kinds of subjects, as in a RoleBinding."""

    USER = "User"
    GROUP = "Group"
    SERVICE_ACCOUNT = "ServiceAccount"


class Member(Model):
    """A person, group or ServiceAccount, and its role."""

    model_config = ConfigDict(
        json_schema_extra=marks(
            rules=(
                rule(
                    "(self.kind == 'ServiceAccount') == (self.__namespace__ != '')",
                    "namespace is for kind ServiceAccount, which needs it",
                    ".namespace",
                ),
                rule(
                    "!self.name.startsWith('system:')",
                    "names that begin with system: belong to Kubernetes; name a person, group or ServiceAccount",
                    ".name",
                ),
                rule(
                    f"self.kind != 'ServiceAccount' || self.name.matches(r'{SUBDOMAIN}')",
                    "the name of a ServiceAccount is a DNS name, such as ci-runner",
                    ".name",
                ),
            )
        )
    )

    kind: MemberKind = Field(description="User, Group or ServiceAccount.")
    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="Name as the API server knows it, such as jane@example.org; of a ServiceAccount its plain name."
    )
    namespace: Annotated[str, Field(max_length=63, pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$")] = Field(
        "", description="Namespace of a ServiceAccount."
    )
    role: Role = Field(description="owner, editor or viewer.")
    environments: Annotated[tuple[EnvironmentName, ...], Field(max_length=64)] | None = Field(
        None,
        description="Where the role holds. Without it: everywhere, but in production only as viewer. "
        "An environment that is named here gives the role as written, production too.",
        json_schema_extra=marks(unique=True),
    )


class Adopt(StrEnum):
    """Whether a namespace that exists already may become the tenant's."""

    NEVER = "Never"
    PREVIEW = "Preview"
    ENFORCE = "Enforce"


class TenantEnvironment(Body):
    """The tenant in one environment; all it does not say comes from ``defaults`` and from the Environment."""

    model_config = ConfigDict(
        json_schema_extra=marks(
            rules=(
                rule(
                    "has(self.__namespace__) == has(oldSelf.__namespace__)",
                    "namespace may not be added or removed once the environment exists; "
                    "remove the environment, then add it anew",
                    ".namespace",
                ),
            )
        )
    )

    name: EnvironmentName = Field(description="Name of the Environment.")
    namespace: Label | None = Field(
        None,
        description="Its namespace; default TENANT-ENVIRONMENT. Cannot be changed.",
        json_schema_extra=marks(
            rules=(rule("self == oldSelf", "a namespace cannot be changed; remove the environment, then add it anew"),)
        ),
    )
    adopt: Adopt = Field(
        Adopt.NEVER,
        description="What to do when the namespace exists already: Never takes it, Preview lists what would break, "
        "Enforce takes it over.",
    )


class AggregateQuota(Model):
    """A ceiling over all environments of the tenant."""

    aggregate: ResourceList | None = Field(
        None, description="The quotas of all environments together may not be above this."
    )


class DeletionPolicy(StrEnum):
    """What becomes of a namespace when its environment or Tenant goes."""

    ORPHAN = "Orphan"
    DELETE = "Delete"


class TenantSpec(Model):
    """What the tenant is to be."""

    display_name: Text = Field("", description="Name for people.")
    contacts: Annotated[tuple[Text, ...], Field(max_length=16)] = Field(
        (), description="Whom to ask, such as team-a@example.org.", json_schema_extra=marks(unique=True)
    )
    members: Annotated[tuple[Member, ...], Field(max_length=128)] = Field(
        (),
        description="Who may do what.",
        json_schema_extra=marks(keys=("kind", "namespace", "name", "role")),
    )
    defaults: Body | None = Field(None, description="Said once for all environments of this tenant.")
    environments: Annotated[tuple[TenantEnvironment, ...], Field(min_length=1, max_length=64)] = Field(
        description="Where the tenant lives: one namespace in each. Each name is the name of an Environment.",
        json_schema_extra=marks(
            keys=("name",),
            rules=(
                rule(
                    "self.all(one, !has(one.__namespace__) || self.exists_one(other, "
                    "has(other.__namespace__) && other.__namespace__ == one.__namespace__))",
                    "each environment needs a namespace of its own; two of them name the same",
                ),
            ),
        ),
    )
    quota: AggregateQuota | None = Field(None, description="A ceiling over all environments.")
    deletion_policy: DeletionPolicy = Field(
        DeletionPolicy.ORPHAN,
        description="When an environment or the Tenant is removed. Orphan: the namespace stays as it is, its members' "
        "rights go. Delete: the namespace and all in it are deleted.",
    )
    deletion_protection: bool = Field(False, description="The Tenant and its namespaces cannot be deleted while true.")
    cordoned: bool = Field(False, description="The tenant's people and releases may write nothing while true.")
    suspend: bool = Field(False, description="Landlord leaves the tenant as it is while true.")


class Finding(Model):
    """One thing that adoption would break."""

    kind: Annotated[str, Field(max_length=63)] = Field(description="PodSecurity, MissingRequests, QuotaUse or Traffic.")
    message: Annotated[str, Field(max_length=1024)] = Field(description="What would break.")


class EnvironmentStatus(Model):
    """The tenant in one environment, as it is."""

    name: EnvironmentName = Field(description="Name of the Environment.")
    namespace: Text = Field("", description="Its namespace.")
    uid: Text = Field("", description="UID of that namespace, empty while there is none.")
    digest: Text = Field("", description="Digest of all objects as last applied; empty until all of them were.")
    adopted: bool | None = Field(None, description="True when the namespace existed before.")
    preview: Annotated[tuple[Finding, ...], Field(max_length=64)] = Field((), description="What adoption would break.")
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = Field(
        (), description="Conditions of this environment.", json_schema_extra=marks(keys=("type",))
    )


class MemberStatus(Model):
    """A member's roles as they came out."""

    subject: Annotated[str, Field(max_length=400)] = Field(description="KIND:NAME, or ServiceAccount:NAMESPACE/NAME.")
    roles: Annotated[dict[str, Role], Field(max_length=128)] = Field(description="Role by environment.")


class TenantStatus(Model):
    """The tenant as it is."""

    observed_generation: Annotated[int, Field(ge=-1)] = Field(
        -1, description="The generation that was last acted on; -1 before the first time."
    )
    last_handled_reconcile_at: Annotated[str, Field(max_length=253)] | None = Field(
        None, description="The annotation landlord.dev/requested-at as last seen."
    )
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = Field(
        (), description="Conditions of the whole tenant.", json_schema_extra=marks(keys=("type",))
    )
    environments: Annotated[tuple[EnvironmentStatus, ...], Field(max_length=128)] = Field(
        (), description="Each environment, removed ones until they are gone.", json_schema_extra=marks(keys=("name",))
    )
    members: Annotated[tuple[MemberStatus, ...], Field(max_length=128)] = Field(
        (),
        description="Members and their roles as they came out.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    summary: Text = Field("", description="Ready environments of all, such as 2/3.")


class Tenant(Model):
    """A team: its members, and a namespace with quota, limits, network policies and rights in each environment."""

    spec: TenantSpec = Field(description="What the tenant is to be.")
    status: TenantStatus = Field(TenantStatus(), description="The tenant as it is.")


NAME_RULES = (
    rule(
        "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 40",
        "a tenant's name is a DNS label of at most 40 characters",
        ".metadata.name",
    ),
    rule(
        "self.spec.environments.all(environment, has(environment.__namespace__) || "
        "self.metadata.name.size() + 1 + environment.name.size() <= 63)",
        "TENANT-ENVIRONMENT must fit into 63 characters; shorten a name or give the environment a namespace",
        ".spec.environments",
    ),
)
"""Rules on the whole object: they need its name."""
