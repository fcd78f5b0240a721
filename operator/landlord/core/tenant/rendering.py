"""A Tenant and its Environments as the manifests they would become, with no cluster in sight."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from landlord.api import names
from landlord.api.environment import Environment
from landlord.api.failures import SpecFault
from landlord.api.tenant import Tenant
from landlord.core.manifest import Object
from landlord.core.tenant import aggregate
from landlord.core.tenant import plan as planning
from landlord.core.tenant.defaults import PlatformDefaults


@dataclass(frozen=True, slots=True)
class Documents:
    """What was found in the files: our two kinds by name; other kinds are left out."""

    tenants: Mapping[str, Tenant]
    environments: Mapping[str, Environment]


def sort_out(documents: Iterable[Mapping[str, Any]]) -> Documents:
    """Our kinds among ``documents``; raises ``SpecFault`` for one that is ours and invalid, or that stands twice."""
    tenants: dict[str, Tenant] = {}
    environments: dict[str, Environment] = {}
    for document in documents:
        if not str(document.get("apiVersion", "")).startswith(f"{names.GROUP}/"):
            continue
        match document.get("kind"):
            case "Tenant":
                _add(tenants, document, Tenant)
            case "Environment":
                _add(environments, document, Environment)
            case _:
                continue
    return Documents(tenants, environments)


def render(documents: Documents, platform: PlatformDefaults) -> list[Object]:
    """Every object of every Tenant, in order of creation; raises ``SpecFault`` for what could not be made true."""
    return [
        wanted
        for name, tenant in sorted(documents.tenants.items())
        for wanted in _tenant(name, tenant, documents, platform)
    ]


def _tenant(name: str, tenant: Tenant, documents: Documents, platform: PlatformDefaults) -> list[Object]:
    missing = [mine.name for mine in tenant.spec.environments if mine.name not in documents.environments]
    if missing:
        raise SpecFault(
            f"Tenant {name}: spec.environments",
            f"There is no Environment {', '.join(missing)} in the given files; add its file.",
        )
    places = planning.places(name, tenant, documents.environments, platform)
    for place in places.values():
        if platform.is_protected(place.namespace):
            raise SpecFault(
                f"Tenant {name}: spec.environments[{place.environment_name}]",
                f"Namespace {place.namespace} is protected.",
            )
    fault = aggregate.fault(tenant, {each: place.body for each, place in places.items()})
    if fault:
        raise SpecFault(f"Tenant {name}: spec.quota.aggregate", fault)
    return [wanted.manifest for place in places.values() for wanted in planning.plan(place).objects]


def _add(found: dict[str, Any], document: Mapping[str, Any], model: type[Tenant] | type[Environment]) -> None:
    name = str((document.get("metadata") or {}).get("name", ""))
    kind = model.__name__
    if name in found:
        raise SpecFault(f"{kind} {name}", "It stands twice in the given files; remove one.")
    try:
        found[name] = model.model_validate({"spec": document.get("spec") or {}})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise SpecFault(f"{kind} {name}: {where}", first["msg"]) from error
