"""AppRelease: one Helm release of a tenant, pinned, proven, rolled back and held."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from landlord.api.checks import HealthChecks
from landlord.api.durations import Interval, Timeout, Window
from landlord.api.pins import Digest, ImageName, Repository, Tag, Values, Version
from landlord.api.release_defaults import DriftDefaults, DriftMode, RollbackDefaults, RollbackMode
from landlord.api.release_status import AppReleaseStatus
from landlord.api.schema import DNS_LABEL, Model, Subdomain, Variables, marks, rule

__all__ = ["AppRelease", "AppReleaseSpec", "AppReleaseStatus", "DriftMode", "RollbackMode"]

DEFAULT_TIMEOUT: Final = "10m"
DEFAULT_BAKE: Final = "2m"

ReleaseName = Annotated[str, Field(min_length=1, max_length=53, pattern=DNS_LABEL)]
DataKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]


class SourceKind(StrEnum):
    """Where values may come from."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - no password


class SecretReference(Model):
    """A Secret of the namespace."""

    name: Subdomain = Field(description="Its name.")


class CertificateReference(Model):
    """A Secret of the namespace that holds certificates."""

    name: Subdomain = Field(description="Its name.")
    key: DataKey = Field("ca.crt", description="The key under which the certificates lie, as PEM.")


class ChartPin(Model):
    """A chart, pinned exactly."""

    repository: Repository = Field(
        description="oci://HOST/PATH without the chart's own name, or the https:// URL under which index.yaml lies."
    )
    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$")] = (
        Field(description="Name of the chart.")
    )
    version: Version = Field(description="Its exact version, such as 1.4.2.")
    digest: Digest | None = Field(
        None,
        description="Digest of the chart's content, as status.desired.chartDigest shows it; or the one its registry or "
        "repository calls the package by. Without it the first content seen under the version is trusted, any other "
        "refused.",
    )
    pull_secret_ref: SecretReference | None = Field(
        None, description="A Secret of type kubernetes.io/dockerconfigjson or kubernetes.io/basic-auth."
    )
    ca_secret_ref: CertificateReference | None = Field(
        None, description="Certificates to trust instead of the usual ones."
    )


class Image(Model):
    """An image to set into the values, above all other layers."""

    repository: ImageName | None = Field(
        None, description="Set at PATH.repository, such as registry.example.org/shop/web."
    )
    tag: Tag = Field(description="Set at PATH.tag: the tag of one build, such as 1.4.2.")
    digest: Digest | None = Field(None, description="Set at PATH.digest.")
    path: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")] = Field(
        "image", description="Where in the values the image stands, such as image or web.image."
    )


class ValuesSource(Model):
    """Values out of a ConfigMap or Secret of the namespace; a change of it is a new attempt."""

    kind: SourceKind = Field(description="ConfigMap or Secret.")
    name: Subdomain = Field(description="Its name.")
    key: DataKey = Field("values.yaml", description="The key under which the values lie.")
    target_path: Annotated[str, Field(min_length=1, max_length=253)] | None = Field(
        None,
        description="Set the content as one text here, such as database.password or hosts[0].name (as --set-string "
        "would), instead of reading it as YAML.",
    )
    optional: bool = Field(False, description="Whether it may be missing; otherwise the release waits for it.")


class VariableSource(Model):
    """Variables out of a ConfigMap or Secret of the namespace: every key is one."""

    kind: SourceKind = Field(description="ConfigMap or Secret.")
    name: Subdomain = Field(description="Its name.")


class Substitute(Model):
    """``${NAME}`` in the texts of our layers of values; ``$${NAME}`` stays as it is.

    Never in the chart's own defaults, and never in what a Secret holds.
    """

    sources: Annotated[tuple[VariableSource, ...], Field(max_length=16)] = Field(
        (),
        alias="from",
        description="Where variables come from, later ones win; the Environment's variables are below all of them.",
        json_schema_extra=marks(keys=("kind", "name")),
    )
    vars: Variables = Field(default_factory=dict, description="Variables, above those of from.")


class Dependency(Model):
    """Another AppRelease of the namespace."""

    name: ReleaseName = Field(description="Its name.")


class HelmTests(Model):
    """Whether the chart's own tests are run."""

    enabled: bool = Field(False, description="Run Helm tests once the release is ready; a failed one condemns it.")
    timeout: Timeout = Field("5m", description="How long they may take.")


class Recreatable(StrEnum):
    """Kinds that cannot be changed in place."""

    JOB = "Job"


class Upgrade(Model):
    """How an upgrade goes."""

    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        0, description="How many more times Helm is run when it fails for a reason that may pass."
    )
    recreate: Annotated[tuple[Recreatable, ...], Field(max_length=1, json_schema_extra=marks(unique=True))] = Field(
        (), description="Kinds whose changed objects are deleted first because they cannot be changed: Job."
    )
    take_ownership: bool = Field(
        False, description="Take over objects of the chart's names that exist already and belong to no release."
    )


class Rollback(RollbackDefaults):
    """What becomes of a bad release."""

    mode: RollbackMode | None = Field(
        None, description="Automatic: back to the proven revision. Disabled: left as it is. Default the Environment's."
    )
    attempts: Annotated[int, Field(ge=1, le=10)] = Field(3, description="How many times a rollback is tried.")


POINTER: Final = r"^(/([^~/]|~0|~1)+)+$"


class DriftTarget(Model):
    """Objects of the release."""

    kind: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Z][A-Za-z0-9]*$")] = Field(
        description="Their kind."
    )
    name: Annotated[str, Field(max_length=253)] = Field("", description="Name of one; empty means all of the kind.")


class ReleaseDriftIgnore(Model):
    """Fields that others may change."""

    target: DriftTarget | None = Field(None, description="Which objects; without it all of the release.")
    pointers: Annotated[
        tuple[Annotated[str, Field(min_length=2, max_length=253, pattern=POINTER)], ...],
        Field(min_length=1, max_length=16),
    ] = Field(description="JSON pointers (RFC 6901), such as /spec/replicas.", json_schema_extra=marks(unique=True))


class ReleaseDrift(DriftDefaults):
    """How hand edits of the release's objects are met."""

    mode: DriftMode | None = Field(
        None,
        description="Correct: the object is applied again. Warn: the condition Drifted says so. Ignore: neither. "
        "Default the Environment's.",
    )
    ignore: Annotated[tuple[ReleaseDriftIgnore, ...], Field(max_length=32)] = Field(
        (), description="Fields that others may change. What autoscalers own is no drift anyway."
    )


class ReleaseDeletionPolicy(StrEnum):
    """What becomes of the Helm release when its AppRelease goes."""

    UNINSTALL = "Uninstall"
    ORPHAN = "Orphan"


_RELEASE_NAME_STAYS = rule(
    "has(self.releaseName) == has(oldSelf.releaseName)",
    "releaseName may not be added or removed; delete the AppRelease and create it anew",
    ".releaseName",
)


class AppReleaseSpec(Model):
    """What is to run."""

    model_config = ConfigDict(json_schema_extra=marks(rules=(_RELEASE_NAME_STAYS,)))

    chart: ChartPin = Field(description="The chart, pinned exactly.")
    release_name: ReleaseName | None = Field(
        None,
        description="Name of the Helm release; default the object's name. Cannot be changed.",
        json_schema_extra=marks(
            rules=(rule("self == oldSelf", "releaseName cannot be changed; delete the AppRelease and create it anew"),)
        ),
    )
    image: Image | None = Field(None, description="An image to set into the values, above all other layers.")
    values_from: Annotated[tuple[ValuesSource, ...], Field(max_length=32)] = Field(
        (), description="Values out of ConfigMaps and Secrets of the namespace; later ones win."
    )
    values: Values | None = Field(
        None,
        description="Values of the chart. Layers, lowest first: the Environment's releaseDefaults.values, valuesFrom, "
        "values, environmentValues, image. Maps are merged, lists replaced, null takes a key away.",
    )
    environment_values: Annotated[dict[str, Values], Field(max_length=64)] = Field(
        default_factory=dict,
        description="Values by name of an Environment; only those of the namespace's own Environment count.",
        json_schema_extra=marks(
            rules=(
                rule(
                    "self.all(key, key.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'))",
                    "keys are names of Environments, such as staging",
                ),
            )
        ),
    )
    substitute: Substitute | None = Field(
        None,
        description="Replace ${NAME} in the values, short of what comes from a Secret. Absent: nothing is replaced. "
        "An unknown name is an error.",
    )
    depends_on: Annotated[tuple[Dependency, ...], Field(max_length=32)] = Field(
        (),
        description="AppReleases of the namespace whose present attempt must be proven first.",
        json_schema_extra=marks(keys=("name",)),
    )
    interval: Interval = Field("10m", description="How often the release is compared with the cluster at rest.")
    timeout: Timeout | None = Field(
        None, description="How long it may take to become ready; default the Environment's, else 10m."
    )
    bake: Window | None = Field(
        None, description="How long it must then stay healthy to be proven; default the Environment's, else 2m."
    )
    health_checks: HealthChecks = Field(
        (), description="Checks beside readiness.", json_schema_extra=marks(keys=("name",))
    )
    test: HelmTests = Field(HelmTests(), description="Whether the chart's own tests are run.")
    upgrade: Upgrade = Field(Upgrade(), description="How an upgrade goes.")
    rollback: Rollback = Field(Rollback(), description="What becomes of a bad release.")
    drift: ReleaseDrift = Field(ReleaseDrift(), description="How hand edits of the release's objects are met.")
    max_history: Annotated[int, Field(ge=3, le=100)] = Field(
        10, description="How many revisions Helm keeps; the proven and the deployed one are kept besides."
    )
    deletion_policy: ReleaseDeletionPolicy | None = Field(
        None,
        description="When the AppRelease is deleted. Uninstall: the Helm release goes too. Orphan: it stays. "
        "Default Orphan in production, elsewhere Uninstall.",
    )
    suspend: bool = Field(False, description="Landlord leaves the release as it is while true.")


class AppRelease(Model):
    """One Helm release of a tenant: deployed as the tenant, proven, and rolled back and held if it turns out bad."""

    spec: AppReleaseSpec = Field(description="What is to run.")
    status: AppReleaseStatus = Field(AppReleaseStatus(), description="The release as it is.")


NAME_RULES = (
    rule(
        "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 53",
        "an AppRelease's name is a DNS label of at most 53 characters",
        ".metadata.name",
    ),
    rule(
        "!has(self.spec.dependsOn) || self.spec.dependsOn.all(one, one.name != self.metadata.name)",
        "an AppRelease cannot depend on itself; name another one",
        ".spec.dependsOn",
    ),
)
"""Rules on the whole object: they need its name."""
