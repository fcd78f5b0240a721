"""The World as the metrics show it: read at each scrape, so that nothing lingers after an object is gone."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from landlord.api.conditions import ConditionType
from landlord.api.refs import ENVIRONMENTS, TENANTS, Ref
from landlord.core.conditions import is_true
from landlord.core.quantity import QuantityError, number
from landlord.reconcilers import objects
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.world import World
from landlord.telemetry.objects import ConditionFact, ObjectFacts, QuotaFact


def snapshot(world: World, bodies: Bodies) -> Iterator[ObjectFacts]:
    """Facts of every object of our kinds there is."""
    for name, body in world.tenants.items():
        yield _tenant(world, name, body)
    for name, body in world.environments.items():
        yield _environment(name, body)
    for ref in bodies:
        yield _release(ref, bodies.get(ref) or {})


def _tenant(world: World, name: str, body: Mapping[str, Any]) -> ObjectFacts:
    status = body.get("status") or {}
    children = world.children(name).values()
    return ObjectFacts(
        ref=Ref(TENANTS.kind, None, name),
        conditions=_conditions(status),
        suspended=objects.is_suspended(dict(body)),
        deleting_since=_moment(body["metadata"].get("deletionTimestamp")),
        drifted=is_true(status.get("conditions"), ConditionType.DRIFTED),
        namespaces=sum(child.ref.kind == "Namespace" for child in children),
        quotas=tuple(_quotas(world, name)),
    )


def _release(ref: Ref, body: Mapping[str, Any]) -> ObjectFacts:
    status = body.get("status") or {}
    return ObjectFacts(
        ref=ref,
        conditions=_conditions(status),
        suspended=objects.is_suspended(dict(body)),
        deleting_since=_moment(body["metadata"].get("deletionTimestamp")),
        drifted=is_true(status.get("conditions"), ConditionType.DRIFTED),
    )


def _environment(name: str, body: Mapping[str, Any]) -> ObjectFacts:
    status = body.get("status") or {}
    return ObjectFacts(
        ref=Ref(ENVIRONMENTS.kind, None, name),
        conditions=_conditions(status),
        suspended=objects.is_suspended(dict(body)),
        deleting_since=_moment(body["metadata"].get("deletionTimestamp")),
        tier=str((body.get("spec") or {}).get("tier", "")),
        tenants=status.get("tenants") or {},
    )


def _conditions(status: Mapping[str, Any]) -> dict[str, ConditionFact]:
    return {
        str(entry["type"]): ConditionFact(
            str(entry.get("status")), str(entry.get("reason")), _moment(entry.get("lastTransitionTime"))
        )
        for entry in status.get("conditions") or ()
    }


def _quotas(world: World, tenant: str) -> Iterator[QuotaFact]:
    """Of the quota that counts everything; scoped ones would give the same resource twice."""
    for child in world.children(tenant).values():
        if child.ref.kind != "ResourceQuota" or child.ref.name != "landlord":
            continue
        for usage in child.usage:
            try:
                hard, used = float(number(usage.hard)), float(number(usage.used))
            except QuantityError:
                continue
            yield QuotaFact(child.environment, usage.resource, hard, used)


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
