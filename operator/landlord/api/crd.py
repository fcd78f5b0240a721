"""The CustomResourceDefinitions, rendered from the models."""

from dataclasses import dataclass
from typing import Any

from landlord.api import apprelease, environment, tenant
from landlord.api.names import CATEGORY, GROUP, VERSION
from landlord.api.schema import Model
from landlord.api.structural import RULES, Schema, structural

Column = dict[str, Any]


def column(name: str, json_path: str, description: str, *, kind: str = "string", priority: int = 0) -> Column:
    """One column of ``kubectl get``; priority 1 shows it with ``-o wide`` only."""
    return {"name": name, "type": kind, "jsonPath": json_path, "description": description, "priority": priority}


def _of_ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


_AGE = column("Age", ".metadata.creationTimestamp", "Time since it was created.", kind="date")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of ours, with all that its CRD says beside the schema."""

    name: str
    plural: str
    short: str
    model: type[Model]
    name_rules: tuple[dict[str, str], ...]
    columns: tuple[Column, ...]
    namespaced: bool = False

    @property
    def crd_name(self) -> str:
        """Name of the CustomResourceDefinition."""
        return f"{self.plural}.{GROUP}"


TENANT = Kind(
    name="Tenant",
    plural="tenants",
    short="ltn",
    model=tenant.Tenant,
    name_rules=tenant.NAME_RULES,
    columns=(
        column("Ready", _of_ready("status"), "Whether everything the spec asks for is true."),
        column("Environments", ".status.summary", "Ready environments of all."),
        column("Reason", _of_ready("reason"), "Why Ready is as it is, in one word."),
        column("Status", _of_ready("message"), "Why Ready is as it is, and what to do.", priority=1),
        _AGE,
    ),
)

ENVIRONMENT = Kind(
    name="Environment",
    plural="environments",
    short="lenv",
    model=environment.Environment,
    name_rules=environment.NAME_RULES,
    columns=(
        column("Tier", ".spec.tier", "How serious the environment is."),
        column("Ready", _of_ready("status"), "Whether the environment is as its spec says."),
        column("Tenants", ".status.tenants.total", "Tenants that name it.", kind="integer"),
        column("Failed", ".status.tenants.failed", "Tenants that a person must mend here.", kind="integer"),
        column("Drifted", ".status.tenants.drifted", "Tenants with drift that is left so.", kind="integer"),
        column("Releases", ".status.releases.total", "AppReleases in its namespaces.", kind="integer", priority=1),
        column("Held", ".status.releases.held", "AppReleases held after a bad attempt.", kind="integer", priority=1),
        column("Reason", _of_ready("reason"), "Why Ready is as it is, in one word.", priority=1),
        column("Status", _of_ready("message"), "Why Ready is as it is, and what to do.", priority=1),
        _AGE,
    ),
)

APPRELEASE = Kind(
    name="AppRelease",
    plural="appreleases",
    short="arel",
    model=apprelease.AppRelease,
    name_rules=apprelease.NAME_RULES,
    columns=(
        column("Chart", ".spec.chart.name", "Name of the chart."),
        column("Version", ".spec.chart.version", "Version of the chart."),
        column("Revision", ".status.deployed.revision", "The Helm revision that runs.", kind="integer"),
        column("Ready", _of_ready("status"), "Whether what the spec asks for is deployed and proven."),
        column("Reason", _of_ready("reason"), "Why Ready is as it is, in one word."),
        column("Image", ".spec.image.tag", "Tag of the image, where the spec has one.", priority=1),
        column("Proven", ".status.proven.revision", "The revision to go back to.", kind="integer", priority=1),
        column("Candidate", ".status.desired.candidate", "Digest of what the spec asks for.", priority=1),
        column("Status", _of_ready("message"), "Why Ready is as it is, and what to do.", priority=1),
        _AGE,
    ),
    namespaced=True,
)

KINDS = (TENANT, ENVIRONMENT, APPRELEASE)


def open_api_schema(kind: Kind) -> Schema:
    """The schema of whole objects.

    ``apiVersion``, ``kind`` and ``metadata`` are the API server's to describe; a name is declared only because rules
    may point at declared fields alone. An absent ``spec`` or ``status`` that
    the model can do without is written as ``{}``, so that the defaults inside it apply: that is what shows
    ``observedGeneration: -1`` on an object nobody has looked at yet.
    """
    schema = structural(kind.model)
    for name, field in schema["properties"].items():
        if name not in schema.get("required", ()):
            field["default"] = {}
    name = {"type": "string", "maxLength": 253}
    schema["properties"] = {"metadata": {"type": "object", "properties": {"name": name}}} | schema["properties"]
    return schema | {RULES: [*schema.get(RULES, ()), *kind.name_rules]}


def status_schema(kind: Kind) -> Schema:
    """The schema of what Landlord writes, without that of what users write."""
    model = kind.model.model_fields["status"].annotation
    assert isinstance(model, type)  # noqa: S101 - for mypy; every kind has one model for its status
    return structural(model)


def render(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": open_api_schema(kind)},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [dict(each) for each in kind.columns],
                }
            ],
        },
    }
