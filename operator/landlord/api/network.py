"""Who may talk to whom in an environment: the profile, and what is allowed beyond it."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from landlord.api.schema import LABEL_KEYS, LABEL_VALUE, Cidr, Label, Model, marks, rule


class NetworkProfile(StrEnum):
    """How closed an environment is before its allow rules."""

    OPEN = "Open"
    DEFAULT_DENY = "DefaultDeny"
    TENANT_INTERNAL = "TenantInternal"
    NAMESPACE_INTERNAL = "NamespaceInternal"


class Protocol(StrEnum):
    """Transport of a port."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class Port(Model):
    """A port, or a range of ports."""

    model_config = ConfigDict(
        json_schema_extra=marks(
            rules=(
                rule(
                    "!has(self.endPort) || self.endPort >= self.port",
                    "endPort may not be below port",
                    ".endPort",
                ),
            )
        )
    )

    port: Annotated[int, Field(ge=1, le=65535)] = Field(description="The port, or the first of a range.")
    end_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(None, description="The last port of a range.")
    protocol: Protocol = Field(Protocol.TCP, description="TCP, UDP or SCTP.")


class NetworkRule(Model):
    """One more peer that may be talked to: a named peer of the platform, namespaces, pods or an IP block."""

    model_config = ConfigDict(
        json_schema_extra=marks(
            rules=(
                rule(
                    "[has(self.peer), has(self.namespaces) || has(self.podLabels), has(self.cidr)]"
                    ".filter(given, given).size() == 1",
                    "give exactly one of peer, cidr, or namespaces and/or podLabels",
                ),
                rule("!has(self.except) || has(self.cidr)", "except needs cidr", ".except"),
                rule(
                    "!has(self.except) || !has(self.cidr) || !isCIDR(self.cidr) || self.except.all(part, "
                    "!isCIDR(part) || (part != self.cidr && cidr(self.cidr).containsCIDR(part)))",
                    "except must name parts of cidr",
                    ".except",
                ),
            )
        )
    )

    peer: Label | None = Field(
        None, description="A peer that the platform named in the operator's settings, such as ingress."
    )
    namespaces: Annotated[tuple[Label, ...], Field(min_length=1, max_length=32)] | None = Field(
        None, description="Namespaces by name.", json_schema_extra=marks(unique=True)
    )
    pod_labels: (
        Annotated[
            dict[str, Annotated[str, Field(max_length=63, pattern=LABEL_VALUE)]], Field(min_length=1, max_length=16)
        ]
        | None
    ) = Field(
        None,
        description="Only pods with these labels; without namespaces, pods of this namespace.",
        json_schema_extra=marks(rules=(LABEL_KEYS,)),
    )
    cidr: Cidr | None = Field(None, description="An IP block.")
    except_: Annotated[tuple[Cidr, ...], Field(max_length=16)] | None = Field(
        None,
        alias="except",
        description="Parts of the IP block that stay closed.",
        json_schema_extra=marks(unique=True),
    )
    ports: Annotated[tuple[Port, ...], Field(max_length=16)] | None = Field(
        None,
        description="Only these ports; without it, all ports.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


NetworkRules = Annotated[tuple[NetworkRule, ...], Field(max_length=32)]


class Network(Model):
    """Who may talk to the pods of the environment, and to whom they may talk."""

    profile: NetworkProfile | None = Field(
        None,
        description="Open: no policy. DefaultDeny: nothing but DNS. NamespaceInternal (default): within the namespace. "
        "TenantInternal: within all namespaces of the tenant.",
    )
    allow_from: NetworkRules | None = Field(
        None, description="Further peers that may connect in.", json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    allow_to: NetworkRules | None = Field(
        None,
        description="Further peers that may be connected to.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
