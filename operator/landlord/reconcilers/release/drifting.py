"""Drift of releases: found from metadata, proven by a dry-run, corrected by applying the whole stored object.

The set of fields under Helm's name in an object's metadata stays as it is for as long as nobody else changes one of
them. So at rest a LIST of metadata is all; only an object whose set moved is compared, by a server-side dry-run of
what Helm stored, and that answer is remembered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from landlord.api.failures import LandlordFailure
from landlord.api.refs import Ref
from landlord.api.releases import StoredRelease
from landlord.clients.cluster import Cluster
from landlord.core.release.drift import Drift, Ignore
from landlord.core.release.rendered import Entry
from landlord.reconcilers.release.inventory import Eyes, Inventory

HELM: Final = "helm"
"""The field manager of Helm. Corrections are made in its name: another one would break the next upgrade."""


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

    def forget(self, ref: Ref) -> None:
        """Remember nothing of this release: it is gone, or was deployed anew."""
        raise NotImplementedError

    async def look(
        self, ref: Ref, release: StoredRelease, inventory: Inventory, ignore: Sequence[Ignore] = ()
    ) -> Findings:
        """Which objects are not as Helm applied them. Nothing is written."""
        raise NotImplementedError

    async def correct(
        self,
        ref: Ref,
        release: StoredRelease,
        inventory: Inventory,
        drifts: Sequence[Drift],
        ignore: Sequence[Ignore] = (),
    ) -> tuple[Correction, ...]:
        """Apply what drifted again, whole and as Helm; what is gone is made anew. Never a new revision.

        Raises ``Refused`` for a release that is stored with client-side apply: Helm would not take it from there.
        """
        raise NotImplementedError


def is_correctable(release: StoredRelease) -> bool:
    """Whether Helm applies this release on the server; otherwise drift is only told."""
    raise NotImplementedError
