"""Writing one object of a plan, and knowing afterwards that it is as wanted."""

import contextlib
from typing import Any

from landlord.api import names
from landlord.api.failures import Conflict, Invalid, LandlordFailure, Missing, NotOurs, Refused, Transient
from landlord.api.refs import BY_KIND, CHILDREN, ROLE_BINDINGS, SERVICE_ACCOUNTS, Ref
from landlord.clients.cluster import Cluster
from landlord.core.child import Child, observe
from landlord.core.drift import graft
from landlord.core.manifest import Desired, Object, content, surplus
from landlord.reconcilers.world import World

Pointers = tuple[str, ...]
"""JSON pointers to fields that others may change."""


class Writer:
    """Applies objects, and keeps what the API server made of them.

    ``accepted`` remembers, for an object whose stored form differs from the wanted one although it was just applied
    (a mutating webhook, a field that others may change), which pair of digests is as good as it gets, and under which
    pointers to such fields.
    """

    def __init__(self, cluster: Cluster, world: World) -> None:
        self.cluster = cluster
        self.world = world
        self._accepted: dict[Ref, tuple[str, str, Pointers]] = {}

    def in_sync(self, wanted: Desired, pointers: Pointers = ()) -> bool:
        """Whether the object is in the cluster as wanted, as far as the caches know."""
        child = self.world.child(wanted.ref)
        if child is None or child.deleting:
            return False
        accepted = (wanted.digest, child.digest, pointers)
        return child.digest == wanted.digest or self._accepted.get(wanted.ref) == accepted

    def accept(self, wanted: Desired, found: Child, pointers: Pointers = ()) -> None:
        """Take the object as it is for as good as wanted, as long as these fields are left to others."""
        self._accepted[wanted.ref] = (wanted.digest, found.digest, pointers)

    def forget(self, ref: Ref) -> None:
        """Drop what is remembered of an object that is gone."""
        self._accepted.pop(ref, None)

    async def live(self, ref: Ref) -> Object | None:
        """The object itself, fresh from the API server."""
        return await self.cluster.get(BY_KIND[ref.kind], ref.name, ref.namespace)

    async def create(self, wanted: Desired) -> Child:
        """Create an object that must not exist; raises ``Conflict`` when it does."""
        return self._keep(wanted, await self.cluster.create(wanted.resource, wanted.manifest))

    async def apply(self, wanted: Desired, *, uid: str = "", pointers: Pointers = (), is_new: bool = False) -> Child:
        """Make the object as wanted, by server-side apply; with ``uid`` only if it is still that very object.

        Values at ``pointers`` are left as they are. Where the namespace ``is_new`` the object is created plainly: that
        takes over nothing, and costs the API server a quarter less. Raises ``NotOurs`` for a ServiceAccount that
        somebody else made.
        """
        is_unknown = self.world.child(wanted.ref) is None
        if is_new and is_unknown:
            with contextlib.suppress(Conflict, Missing):  # apply says in better words what is missing
                return await self.create(wanted)
        may_be_foreign = is_unknown and wanted.resource is SERVICE_ACCOUNTS
        live = await self.live(wanted.ref) if pointers or may_be_foreign else None
        if live is not None and may_be_foreign:
            _refuse_foreign(wanted, live)
        manifest = graft(wanted.manifest, live, pointers) if live is not None and pointers else wanted.manifest
        stored = await self._apply(wanted, _with_uid(manifest, uid))
        patch = surplus(content(wanted.resource.kind, manifest), content(wanted.resource.kind, stored))
        if patch:
            meta = wanted.manifest["metadata"]
            stored = await self.cluster.merge(
                wanted.resource, meta["name"], _as_object(patch, stored), meta.get("namespace")
            )
        return self._keep(wanted, stored, pointers)

    async def delete(self, child: Child) -> None:
        """Delete exactly this object; one that is gone, or was made anew, is left alone."""
        resource = BY_KIND[child.ref.kind]
        gone = not await self.cluster.delete(resource, child.ref.name, child.ref.namespace, uid=child.uid)
        if gone or resource in CHILDREN[1:]:
            self.world.remove(child)
            self.forget(child.ref)

    async def _apply(self, wanted: Desired, manifest: Object) -> Object:
        try:
            return await self.cluster.apply(wanted.resource, manifest)
        except Missing as failure:
            raise _missing_role(wanted, failure) from failure
        except Invalid:
            if wanted.resource is not ROLE_BINDINGS or not await self._clear_other_role(wanted):
                raise
            return await self.cluster.apply(wanted.resource, manifest)

    async def _clear_other_role(self, wanted: Desired) -> bool:
        """Delete a binding of ours whose role is another: a roleRef cannot be changed. Whether there was one."""
        live = await self.live(wanted.ref)
        if live is None or live.get("roleRef") == wanted.manifest["roleRef"]:
            return False
        meta = live["metadata"]
        await self.cluster.delete(wanted.resource, meta["name"], meta["namespace"], uid=meta["uid"])
        return True

    def _keep(self, wanted: Desired, stored: Object, pointers: Pointers = ()) -> Child:
        child = observe(wanted.resource.kind, stored)
        if child.deleting:
            raise Transient(f"{wanted.ref} is being deleted; it is made anew when it is gone.")
        if child.digest != wanted.digest:
            self.accept(wanted, child, pointers)
        else:
            self.forget(wanted.ref)
        self.world.upsert(child)
        return child


def _missing_role(wanted: Desired, failure: Missing) -> LandlordFailure:
    """A RoleBinding to a role that does not exist is refused in words that do not say so."""
    role = (wanted.manifest.get("roleRef") or {}).get("name")
    if role is None or f'"{role}" not found' not in failure.why:
        return failure
    return Refused(f"There is no ClusterRole {role}; create it, or take it out of deployer.clusterRoles.")


def _refuse_foreign(wanted: Desired, live: Object) -> None:
    labels: dict[str, Any] = live["metadata"].get("labels") or {}
    if labels.get(names.LABEL_TENANT) != wanted.manifest["metadata"]["labels"][names.LABEL_TENANT]:
        raise NotOurs(
            f"{wanted.ref} exists already and is not Landlord's; delete it, or take it out of serviceAccounts."
        )


def _with_uid(manifest: Object, uid: str) -> Object:
    return {**manifest, "metadata": {**manifest["metadata"], "uid": uid}} if uid else manifest


def _as_object(patch: Object, stored: Object) -> Object:
    """A patch of contents as a patch of the object, valid only for that very object."""
    return {**patch, "metadata": {**patch.get("metadata", {}), "uid": stored["metadata"]["uid"]}}
