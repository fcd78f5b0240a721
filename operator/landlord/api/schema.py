"""Building blocks of the models: bounded strings, and marks that only a Kubernetes schema knows.

The models are the one source of the CRDs; ``landlord.api.crd`` reads these marks when it renders them.
"""

import ipaddress
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A shape users write or read: camelCase outside, immutable, and an unknown field is an error."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


def rule(expression: str, message: str, field_path: str | None = None, reason: str | None = None) -> dict[str, str]:
    """One CEL validation (``x-kubernetes-validations``); ``message`` tells the user what to write instead."""
    optional = {"fieldPath": field_path, "reason": reason}
    return {"rule": expression, "message": message} | {key: value for key, value in optional.items() if value}


def marks(
    *, rules: tuple[dict[str, str], ...] = (), keys: tuple[str, ...] = (), unique: bool = False
) -> dict[str, Any]:
    """Kubernetes' schema extensions: CEL rules, the keys of a map list, or that a list is a set."""
    extra: dict[str, Any] = {}
    if rules:
        extra["x-kubernetes-validations"] = list(rules)
    if keys:
        extra |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}
    if unique:
        extra["x-kubernetes-list-type"] = "set"
    return extra


DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

Label = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
"""A DNS-1123 label: what a namespace may be called."""

SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
Subdomain = Annotated[str, Field(min_length=1, max_length=253, pattern=SUBDOMAIN)]
"""A DNS-1123 subdomain: what most other objects may be called."""

LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
LABEL_KEYS = rule(
    "self.all(key, key.size() <= 317 && "
    "key.matches('^([a-z0-9][-a-z0-9.]{0,252}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",
    "must be labels, such as app.kubernetes.io/name: web",
)

Text = Annotated[str, Field(max_length=253)]
"""A line for people."""

QUANTITY = r"^([0-9]+(\.[0-9]+)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]{1,2})?$"

# A pattern and not a CEL rule: before Kubernetes 1.34 the cost of a rule on int-or-string counts as unbounded.
Quantity = Annotated[
    Annotated[int, Field(ge=0)] | Annotated[str, Field(max_length=32, pattern=QUANTITY)],
    Field(json_schema_extra={"x-kubernetes-int-or-string": True}),
]
"""A Kubernetes quantity that is not negative, as number or string: 4, 500m, 8Gi."""

ResourceName = Annotated[str, Field(min_length=1, max_length=127)]
ResourceList = Annotated[
    dict[str, Quantity],
    Field(
        max_length=64,
        json_schema_extra=marks(
            rules=(
                rule(
                    "self.all(key, key.size() <= 127 && key.matches('^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$'))",
                    "resource names have 1 to 127 characters, such as requests.cpu or count/deployments.apps",
                ),
            )
        ),
    ),
]
"""Quantities by resource name, as in a ResourceQuota."""

_CIDR = "must be a CIDR with no host bits set, such as 10.1.0.0/16"


def _check_cidr(text: str) -> str:
    """The text, if its CEL rule would let it through; so that manifests can be checked without a cluster."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as broken:
        raise ValueError(_CIDR) from broken
    mapped = isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None
    if mapped or not text.endswith(f"/{network.prefixlen}"):
        raise ValueError(_CIDR)
    return text


Cidr = Annotated[
    str,
    Field(
        max_length=43,
        json_schema_extra=marks(rules=(rule("isCIDR(self) && cidr(self) == cidr(self).masked()", _CIDR),)),
    ),
    AfterValidator(_check_cidr),
]
"""An IP block, IPv4 or IPv6."""

Timestamp = Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
"""RFC 3339, UTC, to the second."""

VARIABLE = "^[A-Za-z_][A-Za-z0-9_]{0,62}$"
Variables = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]],
    Field(
        max_length=256,
        json_schema_extra=marks(
            rules=(
                rule(
                    f"self.all(key, key.matches('{VARIABLE}'))",
                    "names of variables have letters, digits and underscores and begin with no digit, such as REGION",
                ),
            )
        ),
    ),
]
"""Texts by name, for ``${NAME}``."""
