"""Helm's own records: the revision Secrets of a release, read without Helm and as the namespace's deployer."""

from landlord.api.releases import RevisionMeta, StoredRelease
from landlord.clients.cluster import Cluster


class Revisions:
    """The revisions of releases, through a connection that acts as the deployer of their namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def list(self, namespace: str, release: str) -> tuple[RevisionMeta, ...]:
        """Every revision by metadata, lowest number first; labels can lie, the payload decides."""
        raise NotImplementedError

    async def read(self, namespace: str, release: str, number: int) -> StoredRelease | None:
        """What a revision holds; None when it is gone."""
        raise NotImplementedError

    async def mark_failed(self, namespace: str, release: str, number: int, description: str) -> None:
        """Say ``failed`` in payload and label in one update; only when no Helm lives that could write it too."""
        raise NotImplementedError

    async def delete(self, namespace: str, release: str, number: int, uid: str) -> bool:
        """Prune one revision; False when it is gone already. Never a pending one."""
        raise NotImplementedError
