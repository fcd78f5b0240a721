"""What the platform decides once for all tenants: the lowest layer of every body, named peers, protected names."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from landlord.api import names
from landlord.api.body import Body, Port
from landlord.api.schema import Model


class Standing(StrEnum):
    """Whether a named peer is let through without being asked for, by every profile but DefaultDeny."""

    NEVER = "Never"
    INGRESS = "Ingress"
    EGRESS = "Egress"


class NamedPeer(Model):
    """A part of the platform that tenants may name in ``allowFrom`` and ``allowTo``."""

    peers: Annotated[tuple[Annotated[dict[str, Any], Field(min_length=1)], ...], Field(min_length=1)] = Field(
        description="Peers as in a NetworkPolicy: namespaceSelector, podSelector, ipBlock. None at all would mean all."
    )
    ports: tuple[Port, ...] = Field((), description="Only these ports; empty means all.")
    standing: Standing = Field(Standing.NEVER, description="Let through without being named: Never, Ingress or Egress.")


_DNS = NamedPeer(
    peers=(
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        },
    ),
    ports=(Port.model_validate({"port": 53, "protocol": "UDP"}), Port.model_validate({"port": 53, "protocol": "TCP"})),
)


_ALWAYS_PROTECTED = ("kube-*", "default", names.OPERATOR_NAMESPACE, names.DEPLOYERS_NAMESPACE)


class PlatformDefaults(Model):
    """Read once at start from the operator's settings."""

    body: Body = Field(Body(), description="The lowest layer of every tenant's body.")
    peers: dict[str, NamedPeer] = Field(
        {}, description="Named peers, such as ingress, monitoring, operator, apiserver."
    )
    dns: NamedPeer = Field(
        _DNS, description="Where names are resolved; open to every profile but Open, which needs none."
    )
    protected_namespaces: Annotated[tuple[str, ...], Field(max_length=256)] = Field(
        (),
        description="Namespaces that no tenant may have, as name or prefix*; kube-*, default and the operator's own "
        "are protected always.",
    )

    def is_protected(self, namespace: str) -> bool:
        """Whether no tenant may ever have this namespace."""
        return any(_matches(namespace, entry) for entry in (*_ALWAYS_PROTECTED, *self.protected_namespaces))


def _matches(namespace: str, entry: str) -> bool:
    return namespace.startswith(entry[:-1]) if entry.endswith("*") else namespace == entry
