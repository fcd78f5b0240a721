"""Where ledgers live: one ConfigMap for each release in the operator's own namespace, out of every tenant's reach."""

from collections.abc import Collection
from typing import Any, Final

from landlord.api import names
from landlord.api.failures import Conflict, Refused
from landlord.api.refs import CONFIG_MAPS, NAMESPACES, Ref
from landlord.clients.cluster import Cluster
from landlord.core.release.ledger import Ledger, UnreadableLedger, Verdict, decode, encode

Object = dict[str, Any]

KEY: Final = "ledger"
MOST_RETIRED: Final = 100
"""Ledgers of AppReleases that are gone, kept for each namespace."""


class Ledgers:
    """All ledgers, read once and then known: nobody else writes them while we lead."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._known: dict[Ref, Ledger] = {}
        self._versions: dict[Ref, str] = {}
        self._broken: dict[Ref, str] = {}

    async def load(self) -> None:
        """Read every ledger; what was known before is forgotten. To be called whenever this process begins to lead."""
        self._known, self._versions, self._broken = {}, {}, {}
        pages = self._cluster.pages(CONFIG_MAPS, self._namespace, selector=f"{names.LABEL_LEDGER}=true")
        async for page in pages:
            for found in page.items:
                self._keep(found)

    def of(self, ref: Ref) -> Ledger:
        """The release's ledger, empty when there is none.

        Raises ``Refused`` when what is written there cannot be read: to guess would mean to deploy what was rejected.
        """
        if ref in self._broken:
            raise Refused(
                f"The ledger {self._namespace}/{name_of(ref)} cannot be read ({self._broken[ref]}); mend or delete it."
            )
        return self._known.get(ref, Ledger())

    def readable(self, ref: Ref) -> Ledger:
        """The same for those who only tell: empty also when it cannot be read."""
        return self._known.get(ref, Ledger()) if ref not in self._broken else Ledger()

    async def write(self, ref: Ref, ledger: Ledger) -> None:
        """Write it down; raises ``Conflict`` when somebody else wrote a page meanwhile, and then knows what he wrote.

        A conflict about anything but the page, such as a label, is none: what must be remembered, such as how a run of
        Helm ended, would be lost for it.
        """
        before = self._known.get(ref)
        try:
            self._keep(await self._store(ref, ledger))
        except Conflict:
            await self._look_again(ref)
            if ref in self._broken or self._known.get(ref) not in (before, ledger):
                raise
            self._keep(await self._store(ref, ledger))

    async def _look_again(self, ref: Ref) -> None:
        found = await self._cluster.get(CONFIG_MAPS, name_of(ref), self._namespace)
        if found is None:
            self._forget(ref)
        else:
            self._keep(found)

    async def remove(self, ref: Ref) -> None:
        """Delete the ledger, if there is one, of a release that went with its namespace.

        While the namespace stays the ledger does: whoever takes our label off it must not make a hold forgotten.
        """
        if ref not in self._versions:
            return
        home = await self._cluster.get(NAMESPACES, ref.namespace or "")
        if home is not None and "deletionTimestamp" not in home["metadata"]:
            return
        await self._delete(ref)

    async def thin(self, namespace: str, living: Collection[Ref]) -> None:
        """Of a namespace's ledgers without an AppRelease keep the newest; those that reject something go last.

        Names that come and go, such as those of review environments, must not fill this namespace without end.
        """
        staying = set(living)
        gone = [ref for ref in self._known if ref.namespace == namespace and ref not in staying]
        for ref in sorted(gone, key=lambda each: _worth(self._known[each]))[: max(0, len(gone) - MOST_RETIRED)]:
            await self._delete(ref)

    async def _delete(self, ref: Ref) -> None:
        found = await self._cluster.get(CONFIG_MAPS, name_of(ref), self._namespace)
        if found is not None:
            await self._cluster.delete(CONFIG_MAPS, name_of(ref), self._namespace, uid=str(found["metadata"]["uid"]))
        self._forget(ref)

    async def _store(self, ref: Ref, ledger: Ledger) -> Object:
        data = {KEY: encode(ledger)}
        version = self._versions.get(ref)
        if version is None:
            return await self._cluster.create(CONFIG_MAPS, self._manifest(ref, data))
        change = {"metadata": {"resourceVersion": version}, "data": data}
        return await self._cluster.merge(CONFIG_MAPS, name_of(ref), change, self._namespace)

    def _manifest(self, ref: Ref, data: dict[str, str]) -> Object:
        labels = {names.LABEL_LEDGER: "true", names.LABEL_MANAGED_BY: names.MANAGED_BY}
        notes = {ANNOTATION_RELEASE: f"{ref.namespace}/{ref.name}"}
        head = {"name": name_of(ref), "namespace": self._namespace, "labels": labels, "annotations": notes}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": head, "data": data}

    def _keep(self, found: Object) -> None:
        ref = _ref(found)
        if ref is None:
            return
        self._versions[ref] = str(found["metadata"]["resourceVersion"])
        self._broken.pop(ref, None)
        try:
            self._known[ref] = decode((found.get("data") or {}).get(KEY, "{}"))
        except UnreadableLedger as broken:
            self._broken[ref] = str(broken).splitlines()[0]

    def _forget(self, ref: Ref) -> None:
        for known in (self._known, self._versions, self._broken):
            known.pop(ref, None)


def _worth(ledger: Ledger) -> tuple[bool, float]:
    """Which of two ledgers is to be kept: one that rejects something, else the one with the newest verdict."""
    rejects = any(each.verdict is Verdict.REJECTED for each in ledger.verdicts)
    return rejects, max((each.at.timestamp() for each in ledger.verdicts), default=0.0)


ANNOTATION_RELEASE: Final = f"{names.GROUP}/release"


def name_of(ref: Ref) -> str:
    """The ConfigMap's name. A namespace has no dot, so no two releases share one."""
    return f"{ref.namespace}.{ref.name}"


def _ref(found: Object) -> Ref | None:
    namespace, _, name = str(found["metadata"]["name"]).partition(".")
    return Ref("AppRelease", namespace, name) if name else None
