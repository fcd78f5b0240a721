"""The work of the benchmarks: so many tenants in three environments, eight objects in each namespace."""

from typing import Any

from landlord.core.tenant.defaults import PlatformDefaults
from landlord.core.tenant.rendering import render, sort_out
from tests.manifests import environment, tenant

Object = dict[str, Any]

ENVIRONMENTS = ("development", "staging", "production")

_DEFAULTS = {"quota": {"hard": {"requests.cpu": "4", "requests.memory": "8Gi", "pods": 50, "services.nodeports": 0}}}


def environments() -> list[Object]:
    """Three Environments whose defaults make a quota and with it a LimitRange."""
    return [environment(name, name, tenantDefaults=_DEFAULTS) for name in ENVIRONMENTS]


def one_tenant(name: str) -> Object:
    """A Tenant with eight objects in each namespace: the Namespace, quota, limits, policy, account, three bindings."""
    members = [
        {"kind": "User", "name": f"{name}-lead", "role": "owner", "environments": list(ENVIRONMENTS)},
        {"kind": "Group", "name": f"{name}-team", "role": "editor", "environments": list(ENVIRONMENTS)},
    ]
    return tenant(name, *ENVIRONMENTS, members=members, defaults={"serviceAccounts": [{"name": "app"}]})


def tenants(count: int) -> list[Object]:
    """So many of them, ``bench-000`` and on."""
    return [one_tenant(f"bench-{number:03}") for number in range(count)]


def namespaces(fleet: list[Object]) -> list[list[Object]]:
    """What the fleet becomes, as ``landlord render`` says it: one list per namespace, the Namespace first."""
    manifests = render(sort_out([*environments(), *fleet]), PlatformDefaults())
    found: dict[str, list[Object]] = {}
    for manifest in manifests:
        meta = manifest["metadata"]
        found.setdefault(meta.get("namespace", meta["name"]), []).append(manifest)
    return list(found.values())
