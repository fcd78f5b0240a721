"""Letting go of namespaces: deleted or orphaned as the Tenant says, rights first, and only what is provably ours."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from landlord.api import names
from landlord.api.refs import CRDS, NAMESPACES, TENANTS
from landlord.api.tenant import DeletionPolicy
from landlord.core.child import Child, observe
from landlord.core.conditions import timestamp
from landlord.core.drift import is_owner
from landlord.core.tenant.members import BINDINGS
from landlord.reconcilers.clearance import clear
from landlord.reconcilers.objects import Body
from landlord.reconcilers.writer import Writer

_TENANT_LABEL = f"/metadata/labels/{names.LABEL_TENANT.replace('/', '~1')}"


@dataclass(frozen=True, slots=True)
class Farewell:
    """How far a namespace is gone: ``message`` says what it waits for, empty when nothing is left to do."""

    child: Child
    message: str
    asked: tuple[str, ...] = ()
    """AppReleases that were asked to go in this step."""


async def definition_stands(writer: Writer) -> bool:
    """Whether Tenants are still defined. A CRD that is going takes every Tenant along, and that is nobody's order."""
    definition = await writer.cluster.get(CRDS, f"{TENANTS.plural}.{TENANTS.group}")
    return definition is not None and "deletionTimestamp" not in definition["metadata"]


def namespaces_held(writer: Writer, tenant: str) -> list[Child]:
    """The tenant's namespaces, those it let go before excepted."""
    children = writer.world.children(tenant).values()
    held = [child for child in children if child.ref.kind == "Namespace" and not child.orphaned_from]
    return sorted(held, key=lambda child: child.ref)


async def is_labelled_by_us(writer: Writer, namespace: Child) -> bool:
    """Whether our field manager wrote the label that says whose the namespace is."""
    live = await writer.live(namespace.ref)
    return live is not None and is_owner(live, names.FIELD_MANAGER, _TENANT_LABEL)


async def let_go(
    writer: Writer, namespace: Child, policy: DeletionPolicy, now: datetime, *, is_cordoned: bool = False
) -> Farewell:
    """One step on the way out; call again until the message is empty.

    ``is_cordoned`` is what the Tenant says now: once it is false, releases can be uninstalled again.
    """
    await _revoke(writer, namespace)
    match policy:
        case DeletionPolicy.ORPHAN:
            await _orphan(writer, namespace, now)
            return Farewell(namespace, "")
        case DeletionPolicy.DELETE:
            return await _delete(writer, namespace, is_cordoned=is_cordoned)


async def _revoke(writer: Writer, namespace: Child) -> None:
    """Take the members' rights away before anything else."""
    bindings = [
        child
        for child in writer.world.children(namespace.tenant).values()
        if child.ref.kind == "RoleBinding" and child.ref.namespace == namespace.ref.name and child.ref.name in BINDINGS
    ]
    await asyncio.gather(*(writer.delete(child) for child in bindings))


async def _orphan(writer: Writer, namespace: Child, now: datetime) -> None:
    """Everything stays: workload, quota, policies, labels, guards. A note says whose it was."""
    if namespace.deleting:
        return
    note = {names.ANNOTATION_ORPHANED_FROM: namespace.tenant, f"{names.GROUP}/orphaned-at": timestamp(now)}
    await _mark(writer, namespace, {"annotations": note | {names.ANNOTATION_DELETION_PROTECTION: None}})


async def _delete(writer: Writer, namespace: Child, *, is_cordoned: bool) -> Farewell:
    live = await writer.live(namespace.ref)
    if live is not None and live["metadata"]["uid"] == namespace.uid and "deletionTimestamp" not in live["metadata"]:
        if not is_cordoned and names.LABEL_CORDONED in (live["metadata"].get("labels") or {}):
            await _mark(writer, namespace, {"labels": {names.LABEL_CORDONED: None}})
        cleared = await clear(writer.cluster, namespace.ref.name, is_cordoned=is_cordoned)
        if cleared.waiting:
            return Farewell(namespace, cleared.waiting, cleared.asked)
        await _unprotect(writer, namespace, live)
        await writer.delete(namespace)
        live = await writer.live(namespace.ref)
    if live is None or live["metadata"]["uid"] != namespace.uid:
        writer.world.remove(namespace)
        return Farewell(namespace, "")
    child = observe("Namespace", live)
    writer.world.upsert(child)
    held = f" It is held by: {child.blockers}" if child.blockers else ""
    return Farewell(child, f"Namespace {namespace.ref.name} is being deleted.{held}")


async def _unprotect(writer: Writer, namespace: Child, live: Body) -> None:
    """Take off the mark by which admission refuses everybody's deletion, ours too: whoever comes here may go."""
    if names.ANNOTATION_DELETION_PROTECTION in (live["metadata"].get("annotations") or {}):
        await _mark(writer, namespace, {"annotations": {names.ANNOTATION_DELETION_PROTECTION: None}})


async def _mark(writer: Writer, namespace: Child, marks: Mapping[str, Mapping[str, str | None]]) -> None:
    patch = {"metadata": {"uid": namespace.uid, **marks}}
    writer.world.upsert(observe("Namespace", await writer.cluster.merge(NAMESPACES, namespace.ref.name, patch)))
