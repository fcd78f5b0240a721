"""A tenant's namespace as Landlord makes it, and everybody who may act in it.

The namespace is made by the operator's own identity with exactly the chart's rights; only the world around it is the
admin's work. Nothing here runs the operator: these are the objects its passes would leave.
"""

import itertools
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from landlord.api import names
from tests.actors import Actor, Object

RBAC_GROUP = "rbac.authorization.k8s.io"
HEARD = 20
"""Seconds within which the API server must know of new bindings."""
_COUNT = itertools.count(1)


@dataclass(frozen=True, slots=True)
class People:
    """Identities that exist once in a cluster."""

    admin: Actor
    break_glass: Actor
    operator: Actor

    @classmethod
    def around(cls, admin: Actor) -> "People":
        """The admin, the same with the break-glass group, and the operator by its own token."""
        breaker = admin.impersonating("admin", "system:masters", "landlord:break-glass")
        return cls(admin, breaker, admin.account(names.OPERATOR_NAMESPACE, names.OPERATOR_SERVICE_ACCOUNT))


@dataclass(frozen=True, slots=True)
class Tenancy:
    """One tenant namespace, its members (users with rights here only) and its deployer."""

    people: People
    namespace: str
    owner: Actor
    editor: Actor
    viewer: Actor
    deployer: Actor

    @property
    def admin(self) -> Actor:
        """Cluster admin without break-glass, as a GitOps controller often is."""
        return self.people.admin

    @property
    def operator(self) -> Actor:
        """The operator by its own token."""
        return self.people.operator

    @property
    def break_glass(self) -> Actor:
        """Cluster admin in the break-glass group."""
        return self.people.break_glass

    def here(self, manifest: Object) -> Object:
        """The manifest in this namespace."""
        return {**manifest, "metadata": {**manifest["metadata"], "namespace": self.namespace}}


def settle(
    people: People, *, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
) -> Tenancy:
    """A new tenant namespace with quota, limits, network policy, account and bindings, made by the operator."""
    name = f"team{next(_COUNT)}-{secrets.token_hex(3)}"
    people.operator.create(namespace(name, labels, annotations)).allowed()
    for child in children(name):
        people.operator.create(child).allowed()
    users = {role: people.admin.impersonating(f"{role}@{name}") for role in ("owner", "editor", "viewer")}
    deployer = people.admin.impersonating(names.deployer_username(name))
    _until_heard(deployer, name)
    return Tenancy(people, name, **users, deployer=deployer)


def _until_heard(last: Actor, namespace: str) -> None:
    """Wait until the API server has heard of the last binding, and so of all: it learns of them one after another."""
    ends = time.monotonic() + HEARD
    while not last.may("get", "configmaps", namespace):
        assert time.monotonic() < ends, f"no rights in {namespace} within {HEARD} s"
        time.sleep(0.02)  # noqa: TID251 - a poll with a deadline


def namespace(
    name: str, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
) -> Object:
    """The Namespace of a tenant; Pod Security does not get in the way of tests unless a label says so."""
    own = {
        **ours(name),
        "pod-security.kubernetes.io/enforce": "privileged",
        names.LABEL_WORKLOADS: "Members",
        **(labels or {}),
    }
    metadata = {"name": name, "labels": own, "annotations": dict(annotations or {})}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def ours(tenant: str) -> dict[str, str]:
    """The labels of everything Landlord makes for a tenant."""
    return {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_TENANT: tenant, names.LABEL_ENVIRONMENT: "test"}


def children(name: str) -> list[Object]:
    """What stands in a tenant namespace, in the order of creation."""
    metadata = {"namespace": name, "labels": ours(name)}
    quota = {"hard": {"count/secrets": "500", "requests.cpu": "1k"}}
    limits = {"limits": [{"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1m"}}]}
    network = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return [
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata | {"name": "landlord"}, "spec": quota},
        {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata | {"name": "landlord"}, "spec": limits},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata | {"name": "landlord-default-deny"},
            "spec": network,
        },
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata | {"name": "worker"}},
        *(
            binding(f"landlord-{role}", name, role=f"landlord-{role}", users=[f"{role}@{name}"], labels=ours(name))
            for role in ("owner", "editor", "viewer")
        ),
        binding(
            names.DEPLOYER_ROLE,
            name,
            role=names.DEPLOYER_ROLE,
            accounts=[(names.DEPLOYERS_NAMESPACE, name)],
            labels=ours(name),
        ),
    ]


def binding(
    name: str,
    namespace: str,
    *,
    role: str,
    kind: str = "ClusterRole",
    users: list[str] | None = None,
    groups: list[str] | None = None,
    accounts: list[tuple[str, str]] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Object:
    """A RoleBinding of a role to users, groups and ServiceAccounts (namespace, name)."""
    subjects: list[Object] = [{"apiGroup": RBAC_GROUP, "kind": "User", "name": user} for user in users or []]
    subjects += [{"apiGroup": RBAC_GROUP, "kind": "Group", "name": group} for group in groups or []]
    subjects += [{"kind": "ServiceAccount", "namespace": where, "name": account} for where, account in accounts or []]
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels or {})},
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": kind, "name": role},
        "subjects": subjects,
    }


def config_map(namespace: str, name: str = "settings", labels: Mapping[str, str] | None = None) -> Object:
    """A harmless object."""
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels or {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def pod(namespace: str, name: str = "app", image: str = "registry.example/app:1", **spec: Any) -> Object:
    """A pod that meets Pod Security `restricted`."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    body: Object = {"containers": [{"name": "app", "image": image, "securityContext": security}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": body}


def deployment(namespace: str, name: str = "app", image: str = "registry.example/app:1", **spec: Any) -> Object:
    """A Deployment without replicas, so that tests of admission start no pods."""
    template = {"metadata": {"labels": {"app": name}}, "spec": pod(namespace, image=image, **spec)["spec"]}
    body = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": body}


def service(namespace: str, name: str = "web", **spec: Any) -> Object:
    """A Service, ClusterIP unless said otherwise."""
    body = {"ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": body}
