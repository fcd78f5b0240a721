"""Helm's own records: the revision Secrets of a release, read without Helm and as the namespace's deployer."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from landlord.api.failures import Invalid, Missing, NotOurs
from landlord.api.refs import SECRETS
from landlord.api.releases import LOCKED, RevisionMeta, StoredRelease
from landlord.clients.cluster import Cluster, Object
from landlord.clients.helm.payload import KEY, Payload, decode, encode, stored

TYPE: Final = "helm.sh/release.v1"
_SYSTEM: Final = frozenset({"name", "owner", "status", "version", "createdAt", "modifiedAt"})
FAILED: Final = "failed"
SUPERSEDED: Final = "superseded"
_HALF_DONE: Final = LOCKED | {"uninstalling"}


class Revisions:
    """The revisions of releases, through a connection that acts as the deployer of their namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def list(self, namespace: str, release: str) -> tuple[RevisionMeta, ...]:
        """Every revision by metadata, lowest number first; labels can lie, the payload decides."""
        selector = f"owner=helm,name={release}"
        pages = self._cluster.pages(SECRETS, namespace, selector=selector, metadata_only=True)
        found = [_meta(item, release) async for page in pages for item in page.items]
        return tuple(sorted((meta for meta in found if meta is not None), key=lambda meta: meta.number))

    async def read(self, namespace: str, release: str, number: int) -> StoredRelease | None:
        """What a revision holds; None when it is gone, ``Invalid`` when it is not readable or not this revision."""
        secret = await self._cluster.get(SECRETS, secret_name(release, number), namespace)
        return None if secret is None else stored(await asyncio.to_thread(_payload, secret, release, number))

    async def mark_failed(self, namespace: str, release: str, number: int, description: str) -> None:
        """Say ``failed`` in payload and label in one update; only when no Helm lives that could write it too.

        ``Conflict`` when somebody wrote meanwhile, ``Missing`` when it is gone. A revision that is neither locked nor
        being uninstalled is left as it is.
        """
        await self._mark(namespace, release, number, _HALF_DONE, {"status": FAILED, "description": description})

    async def mark_superseded(self, namespace: str, release: str, number: int) -> None:
        """Say ``superseded`` of a revision that wrongly says ``deployed``, as a Helm does that was thought dead."""
        await self._mark(namespace, release, number, frozenset({"deployed"}), {"status": SUPERSEDED})

    async def delete(self, namespace: str, release: str, number: int, uid: str) -> bool:
        """Prune one revision; False when it is gone already. ``NotOurs`` when it is pending: its number comes again."""
        name = secret_name(release, number)
        labels = await self._labels(namespace, release, number)
        if labels is not None and labels.get("status") in LOCKED:
            raise NotOurs(f"Secret {name} is a revision that a Helm may still be writing; it is not deleted.")
        return labels is not None and await self._cluster.delete(SECRETS, name, namespace, uid=uid)

    async def copy(self, namespace: str, release: str, number: int) -> bytes | None:
        """The packed payload of a revision, to be kept elsewhere; None when it is gone."""
        secret = await self._cluster.get(SECRETS, secret_name(release, number), namespace)
        if secret is None:
            return None
        _payload(secret, release, number)
        return str(secret["data"][KEY]).encode("ascii")

    async def restore(self, namespace: str, release: str, number: int, packed: bytes) -> None:
        """Put a copied revision back as history (``superseded``), so that a rollback finds it.

        ``Conflict`` when a revision of this number is there.
        """
        name = secret_name(release, number)
        secret: Object = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": TYPE,
            "metadata": {"name": name, "namespace": namespace, "labels": {}},
            "data": {KEY: packed.decode("ascii")},
        }
        payload = _payload(secret, release, number)
        payload["info"] = {**payload.get("info", {}), "status": SUPERSEDED}
        again = _rewritten(secret, payload, SUPERSEDED)
        again["metadata"]["labels"] |= {"name": release, "owner": "helm", "version": str(number)}
        await self._cluster.create(SECRETS, again)

    async def _mark(
        self, namespace: str, release: str, number: int, before: frozenset[str], after: dict[str, str]
    ) -> None:
        """Change what a revision says of itself, in payload and label, if it says one of ``before``.

        Where only the label says so, it lies and is set by the payload: Helm goes by that.
        """
        secret = await self._cluster.get(SECRETS, secret_name(release, number), namespace)
        if secret is None:
            raise Missing(f"Revision {number} of the release {release} is not there.")
        payload = await asyncio.to_thread(_payload, secret, release, number)
        info = payload.get("info", {})
        said = (secret["metadata"].get("labels") or {}).get("status")
        if info.get("status") in before:
            info = {**info, **after}
        elif said not in before:
            return
        again = await asyncio.to_thread(_rewritten, secret, {**payload, "info": info}, str(info.get("status", FAILED)))
        await self._cluster.replace(SECRETS, again)

    async def _labels(self, namespace: str, release: str, number: int) -> Mapping[str, str] | None:
        selector = f"owner=helm,name={release},version={number}"
        pages = self._cluster.pages(SECRETS, namespace, selector=selector, metadata_only=True)
        wanted = secret_name(release, number)
        found = [item["metadata"] async for page in pages for item in page.items if item["metadata"]["name"] == wanted]
        return found[0].get("labels", {}) if found else None


def secret_name(release: str, number: int) -> str:
    """The name of the Secret that holds a revision."""
    return f"sh.helm.release.v1.{release}.v{number}"


def _meta(item: Object, release: str) -> RevisionMeta | None:
    """A revision from its Secret's metadata; None when name and labels do not agree, so that it is none of Helm's."""
    metadata = item["metadata"]
    labels: dict[str, str] = metadata.get("labels", {})
    version = labels.get("version", "")
    if not version.isascii() or not version.isdigit() or metadata["name"] != secret_name(release, int(version)):
        return None
    own = {key: value for key, value in labels.items() if key not in _SYSTEM}
    modified = labels.get("modifiedAt") or labels.get("createdAt") or "0"
    return RevisionMeta(
        number=int(version),
        status=labels.get("status", ""),
        uid=metadata.get("uid", ""),
        labels=own,
        modified_at=int(modified) if modified.isascii() and modified.isdigit() else 0,
    )


def _payload(secret: Object, release: str, number: int) -> Payload:
    """The payload, if it is of the release and number that the Secret's name says."""
    if secret.get("type") != TYPE:
        raise Invalid(f"Secret {secret['metadata']['name']} is no revision of a Helm release.")
    payload = decode(secret)
    if payload.get("name") != release or payload.get("version") != number:
        raise Invalid(f"Secret {secret['metadata']['name']} holds another release or revision than its name says.")
    return payload


def _rewritten(secret: Object, payload: Payload, status: str) -> Object:
    """The Secret with another payload and the label that goes with it; its resourceVersion stays, so a race is seen."""
    metadata: dict[str, Any] = secret["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "resourceVersion", "uid") if key in metadata}
    labels = {**metadata.get("labels", {}), "status": status}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TYPE,
        "metadata": {**kept, "labels": labels, "annotations": metadata.get("annotations", {})},
        "data": {KEY: encode(payload)},
    }
