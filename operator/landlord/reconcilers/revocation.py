"""What never waits: rights that were taken away, and a cordon, take hold although the rest of the spec is refused."""

from collections.abc import Iterable

from landlord.core.drift import pointers
from landlord.core.tenant import accounts, members, namespaces
from landlord.core.tenant.place import Place
from landlord.reconcilers.writer import Writer


async def revoke(writer: Writer, places: Iterable[Place]) -> None:
    """In each namespace the tenant holds: labels and policies, then bindings as the spec says, and no binding beyond.

    Nothing else is touched, and no namespace is made or taken over. Raises the first failure.
    """
    for place in places:
        namespace = writer.world.namespace(place.namespace)
        if namespace is None or namespace.tenant != place.tenant_name or namespace.deleting or namespace.orphaned_from:
            continue
        await _revoke(writer, place, namespace.uid)


async def _revoke(writer: Writer, place: Place, uid: str) -> None:
    ignore = place.environment.spec.drift.ignore
    labelled = namespaces.plan(place)
    if not writer.in_sync(labelled, pointers(ignore, labelled.ref)):
        await writer.apply(labelled, uid=uid, pointers=pointers(ignore, labelled.ref))
    wanted = {binding.ref: binding for binding in (*accounts.deployer(place), *members.plan(place))}
    for child in list(writer.world.children(place.tenant_name).values()):
        if child.ref.kind == "RoleBinding" and child.ref.namespace == place.namespace and child.ref not in wanted:
            await writer.delete(child)
    for binding in wanted.values():
        allowed = pointers(ignore, binding.ref)
        if writer.world.child(binding.ref) is not None and not writer.in_sync(binding, allowed):
            await writer.apply(binding, pointers=allowed)
