"""Drift of releases: found from metadata, proven by a dry-run, corrected by applying the whole stored object.

Who wrote which fields, and when, stands in an object's metadata. So at rest a LIST of metadata is all; only an object
in which that moved is compared, by a server-side dry-run of what Helm stored, and a good answer is remembered. Helm's
own fields would not do: one that an autoscaler or a hand took is missing from them already when it changes again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from landlord.api.failures import LandlordFailure, NotOurs, Refused, Transient
from landlord.api.names import LABEL_MANAGED_BY, deployer_username
from landlord.api.refs import Ref, Resource
from landlord.api.releases import StoredRelease
from landlord.clients.cluster import Cluster, Object
from landlord.core.manifest import copied, digest
from landlord.core.release.drift import Drift, Ignore, autoscaled, compare, correction
from landlord.core.release.rendered import Entry
from landlord.reconcilers.release.inventory import Eyes, Inventory, Item
from landlord.reconcilers.release.trust import MOST_ROUNDS, TRUSTED_LOOKS, Scaled, Trust

HELM: Final = "helm"
"""The field manager of Helm. Corrections are made in its name: another one would break the next upgrade."""
MANAGED_BY_HELM: Final = "Helm"
RELEASE_NAME: Final = "meta.helm.sh/release-name"
RELEASE_NAMESPACE: Final = "meta.helm.sh/release-namespace"
SERVER_SIDE: Final = "ssa"
PARALLEL: Final = 4
_SCALERS: Final = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", namespaced=True)
_OWN_SCALERS: Final = (_SCALERS.kind, "ScaledObject")


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look found. ``unseen`` are objects that could not be compared, each with why; ``compared`` dry-runs."""

    drifts: tuple[Drift, ...]
    unseen: Mapping[Entry, str] = field(default_factory=dict)
    compared: int = 0


@dataclass(frozen=True, slots=True)
class Correction:
    """What became of one drifted object; ``failure`` None means that it is as Helm stored it again."""

    drift: Drift
    failure: LandlordFailure | None = None


class Drifting:
    """Looks at and corrects what runs. Memory: 16 digits for each object of a release, until it is forgotten."""

    def __init__(self, cluster: Cluster, eyes: Eyes) -> None:
        self._cluster = cluster
        self._eyes = eyes
        self._trusts: dict[Ref, Trust] = {}

    def forget(self, ref: Ref) -> None:
        """Remember nothing of this release: it is gone, or what is remembered is in doubt."""
        self._trusts.pop(ref, None)

    async def look(
        self, ref: Ref, release: StoredRelease, inventory: Inventory, ignore: Sequence[Ignore] = ()
    ) -> Findings:
        """Which objects are not as Helm applied them. Nothing is written."""
        trust = self._trust(ref, release, ignore)
        trust.spend()
        heads = await self._eyes.heads(inventory)
        scaled = await self._scaled(inventory) if trust.lent else Scaled()
        unseen = dict(heads.unseen)
        suspects: list[Item] = []
        for item in inventory.items:
            head = heads.objects.get(item.entry)
            if head is None or item.entry in unseen or trust.holds(item.entry, head, scaled):
                continue
            if strange := _not_to_touch(head, release):
                unseen[item.entry] = strange.why
            else:
                suspects.append(item)
        gone = [item for item in inventory.items if item.entry in heads.missing and not _ends_by_itself(item)]
        if suspects and not trust.lent:
            scaled = await self._scaled(inventory)
        found = await self._compare_all(suspects, release, trust, scaled, unseen)
        drifts = [Drift(item.entry, (), is_gone=True) for item in gone] + found
        trust.settle(drifts)
        return Findings(tuple(drifts), unseen, len(suspects))

    async def correct(
        self,
        ref: Ref,
        release: StoredRelease,
        inventory: Inventory,
        drifts: Sequence[Drift],
        ignore: Sequence[Ignore] = (),
    ) -> tuple[Correction, ...]:
        """Apply what drifted again, whole and as Helm; what is gone is made anew. Never a new revision.

        What drifts again after every correction is left as it is, and told as ``Refused``. Raises ``Refused`` for a
        release that is stored with client-side apply: Helm would not take it from there.
        """
        if not is_correctable(release):
            raise Refused(
                f"Helm applied revision {release.number} on the client side, so drift is told but not corrected; "
                "Helm goes on that way until the release is made anew."
            )
        trust = self._trust(ref, release, ignore)
        scaled = await self._scaled(inventory)
        items = {item.entry: item for item in inventory.items}
        done: list[Correction] = []
        for drift in drifts:
            try:
                if trust.is_contested(drift.entry):
                    done.append(Correction(drift, _contested(drift)))
                else:
                    await self._correct(items[drift.entry], release, trust, scaled)
                    done.append(Correction(drift))
                trust.count(drift.entry)
            except LandlordFailure as failure:
                done.append(Correction(drift, failure))
        return tuple(done)

    async def _compare_all(
        self,
        suspects: Sequence[Item],
        release: StoredRelease,
        trust: Trust,
        scaled: Scaled,
        unseen: dict[Entry, str],
    ) -> list[Drift]:
        """The suspects that are changed in truth; those that cannot be compared go into ``unseen``."""
        slots = asyncio.Semaphore(PARALLEL)

        async def one(item: Item) -> Drift | None:
            async with slots:
                try:
                    return await self._compare(item, release, trust, scaled)
                except LandlordFailure as failure:
                    unseen[item.entry] = failure.why
                    return None

        return [drift for drift in await asyncio.gather(*map(one, suspects)) if drift is not None]

    async def _compare(self, item: Item, release: StoredRelease, trust: Trust, scaled: Scaled) -> Drift | None:
        deployer, wanted = self._deployer(release), as_applied(item, release)
        live = await deployer.get(item.resource, item.entry.name, item.namespace)
        if live is None:
            return Drift(item.entry, (), is_gone=True)
        would_be = await deployer.apply(item.resource, wanted, manager=HELM, dry_run=True)
        drift = compare(item.entry, live, would_be, stored=wanted, ignore=trust.ignore, scaled=scaled.all)
        if drift is not None:
            touched = await _touched(deployer, item, live)
            drift = compare(item.entry, touched, would_be, stored=wanted, ignore=trust.ignore, scaled=scaled.all)
        if drift is None:
            trust.note(item.entry, live, is_lent=_is_lent(item, scaled))
        return drift

    async def _correct(self, item: Item, release: StoredRelease, trust: Trust, scaled: Scaled) -> None:
        deployer, wanted = self._deployer(release), as_applied(item, release)
        live = await deployer.get(item.resource, item.entry.name, item.namespace)
        if live is not None and (strange := _not_to_touch(live, release)):
            raise strange
        manifest = correction(wanted, live, ignore=trust.ignore, scaled=scaled.all)
        if live is not None:
            manifest["metadata"]["uid"] = live["metadata"]["uid"]
        applied = await deployer.apply(item.resource, manifest, manager=HELM)
        trust.note(item.entry, applied, is_lent=_is_lent(item, scaled))

    async def _scaled(self, inventory: Inventory) -> Scaled:
        """What autoscalers scale: those of the namespace, whoever made them, and the release's own."""
        own = autoscaled(item.manifest for item in inventory.items if item.entry.kind in _OWN_SCALERS)
        return Scaled(own, autoscaled(await self._eyes.every(inventory.namespace, _SCALERS)))

    def _trust(self, ref: Ref, release: StoredRelease, ignore: Sequence[Ignore]) -> Trust:
        trust = self._trusts.get(ref)
        if trust is None or not trust.fits(release.number, ignore):
            # Not all releases at once: the first time each is trusted for another number of looks.
            looks = int(digest(str(ref)), 16) % TRUSTED_LOOKS
            trust = self._trusts[ref] = Trust(release.number, tuple(ignore), looks)
        return trust

    def _deployer(self, release: StoredRelease) -> Cluster:
        return self._cluster.acting_as(deployer_username(release.namespace))


def is_correctable(release: StoredRelease) -> bool:
    """Whether Helm applies this release on the server; otherwise drift is only told."""
    return release.apply_method == SERVER_SIDE


def as_applied(item: Item, release: StoredRelease) -> Object:
    """The object as Helm sends it: what it stored, with its namespace, its label and its annotations."""
    manifest: Object = copied(dict(item.manifest))
    meta = manifest["metadata"]
    if item.namespace:
        meta["namespace"] = item.namespace
    meta["labels"] = {**(meta.get("labels") or {}), LABEL_MANAGED_BY: MANAGED_BY_HELM}
    marks = {RELEASE_NAME: release.name, RELEASE_NAMESPACE: release.namespace}
    meta["annotations"] = {**(meta.get("annotations") or {}), **marks}
    return manifest


def belongs_to(obj: Mapping[str, Any], release: str, namespace: str) -> bool:
    """Whether the object carries the marks of this release."""
    marks = obj["metadata"].get("annotations") or {}
    return (marks.get(RELEASE_NAME), marks.get(RELEASE_NAMESPACE)) == (release, namespace)


def _contested(drift: Drift) -> Refused:
    return Refused(
        f"{drift.entry.kind} {drift.entry.name} was so again after each of {MOST_ROUNDS} corrections, so it is left; "
        "stop the other writer, or name what it may change in spec.drift.ignore."
    )


async def _touched(deployer: Cluster, item: Item, live: Object) -> Object:
    """What any write would make of the live object: admission that came after Helm changes it too, and is no drift."""
    touched = await deployer.merge(item.resource, item.entry.name, {}, item.namespace, dry_run=True)
    writers = {"managedFields": live["metadata"].get("managedFields") or []}
    return {**touched, "metadata": {**touched["metadata"], **writers}}


def _not_to_touch(obj: Mapping[str, Any], release: StoredRelease) -> LandlordFailure | None:
    """Why the object must be left alone: it is going, or another release has taken it over."""
    meta = obj["metadata"]
    if meta.get("deletionTimestamp"):
        return Transient(f"{meta['name']} is being deleted.")
    marks = meta.get("annotations") or {}
    owner = marks.get(RELEASE_NAME), marks.get(RELEASE_NAMESPACE)
    if all(owner) and owner != (release.name, release.namespace):
        return NotOurs(f"{meta['name']} belongs to Helm release {owner[1]}/{owner[0]} now.")
    return None


def _is_lent(item: Item, scaled: Scaled) -> bool:
    """Whether it is good only as long as an autoscaler is there that may go: Helm says another number of replicas."""
    is_by_others = (item.entry.kind, item.entry.name) in scaled.others - scaled.own
    return is_by_others and (item.manifest.get("spec") or {}).get("replicas") is not None


def _ends_by_itself(item: Item) -> bool:
    """Whether it is meant to vanish: a Job that is cleared away when done. Made anew it would run again."""
    spec = item.manifest.get("spec") or {}
    return item.entry.kind == "Job" and spec.get("ttlSecondsAfterFinished") is not None
