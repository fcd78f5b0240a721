"""A Tenant and its Environments as the manifests they would become, with no cluster in sight."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from landlord.api import names
from landlord.api.environment import Environment
from landlord.api.failures import SpecFault
from landlord.api.refs import Ref
from landlord.api.schema import DNS_LABEL
from landlord.api.tenant import Tenant
from landlord.core.manifest import Desired, Object
from landlord.core.tenant import aggregate
from landlord.core.tenant import plan as planning
from landlord.core.tenant.defaults import PlatformDefaults
from landlord.core.tenant.place import Place

_LONGEST_NAME = 40
_LONGEST_NAMESPACE = 63


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
    wanted = [
        (name, each)
        for name, tenant in sorted(documents.tenants.items())
        for each in _tenant(name, tenant, documents, platform)
    ]
    _refuse_doubles(wanted)
    return [each.manifest for _, each in wanted]


def _tenant(name: str, tenant: Tenant, documents: Documents, platform: PlatformDefaults) -> list[Desired]:
    mine = [each.name for each in tenant.spec.environments]
    twice = sorted({each for each in mine if mine.count(each) > 1})
    if twice:
        raise SpecFault(f"Tenant {name}: spec.environments", f"{', '.join(twice)} stands twice; remove one.")
    missing = [each for each in mine if each not in documents.environments]
    if missing:
        raise SpecFault(
            f"Tenant {name}: spec.environments",
            f"There is no Environment {', '.join(missing)} in the given files; add its file.",
        )
    places = planning.places(name, tenant, documents.environments, platform)
    for place in places.values():
        _check_namespace(place)
    fault = aggregate.fault(tenant, {each: place.body for each, place in places.items()})
    if fault:
        raise SpecFault(f"Tenant {name}: spec.quota.aggregate", fault)
    try:
        return [wanted for place in places.values() for wanted in planning.plan(place).objects]
    except SpecFault as unknown:
        raise SpecFault(f"Tenant {name}", unknown.why) from unknown


def _check_namespace(place: Place) -> None:
    where = f"Tenant {place.tenant_name}: spec.environments[{place.environment_name}]"
    if place.platform.is_protected(place.namespace):
        raise SpecFault(where, f"Namespace {place.namespace} is protected; choose another name.")
    if len(place.namespace) > _LONGEST_NAMESPACE:
        why = f"{place.namespace} has more than {_LONGEST_NAMESPACE} characters; shorten a name or give a namespace."
        raise SpecFault(where, why)


def _refuse_doubles(wanted: Iterable[tuple[str, Desired]]) -> None:
    """One object can be as wanted only once."""
    owners: dict[Ref, str] = {}
    for name, each in wanted:
        if each.ref in owners:
            where = "here" if owners[each.ref] == name else f"in Tenant {owners[each.ref]}"
            raise SpecFault(f"Tenant {name}", f"{each.ref} stands {where} already; remove or rename one of the two.")
        owners[each.ref] = name


def _add(found: dict[str, Any], document: Mapping[str, Any], model: type[Tenant] | type[Environment]) -> None:
    kind = model.__name__
    meta = document.get("metadata")
    name = str(meta.get("name", "")) if isinstance(meta, Mapping) else ""
    if not re.fullmatch(DNS_LABEL, name) or len(name) > _LONGEST_NAME:
        why = f"A name is a DNS label of at most {_LONGEST_NAME} characters, such as web-shop."
        raise SpecFault(f"{kind} {name or 'without a name'}: metadata.name", why)
    if name in found:
        raise SpecFault(f"{kind} {name}", "It stands twice in the given files; remove one.")
    try:
        found[name] = model.model_validate({"spec": document.get("spec") or {}})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise SpecFault(f"{kind} {name}: {where}", first["msg"]) from error
