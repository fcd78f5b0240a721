"""What Kubernetes and Helm leave behind after a bad upgrade: pods that block a StatefulSet, and objects of nobody.

A StatefulSet that makes its pods in order waits for a pod of the rejected revision to become Ready before it replaces
it, for ever. And an upgrade compares with the last *deployed* revision only, so what a failed one created stays.
"""

from collections.abc import Iterable, Mapping, Sequence

from landlord.api.failures import LandlordFailure
from landlord.clients.cluster import Cluster, Object
from landlord.core.release.rendered import Entry
from landlord.reconcilers.release.inventory import Eyes, Inventory, Item


def blocking(stateful_sets: Iterable[Object], pods: Sequence[Object]) -> tuple[Object, ...]:
    """The pods to delete now, at most one of each StatefulSet: not Ready, and not of the revision it shall have."""
    raise NotImplementedError


async def free(cluster: Cluster, namespace: str, pods: Iterable[Object]) -> tuple[str, ...]:
    """Delete these very pods as the deployer; the names of those that were still there."""
    raise NotImplementedError


def strays(failed: Iterable[Inventory], kept: Iterable[Inventory]) -> Inventory | None:
    """The objects of failed revisions that no revision to be kept has; None when there are none."""
    raise NotImplementedError


async def sweep(cluster: Cluster, eyes: Eyes, release: str, left: Inventory) -> Mapping[Entry, LandlordFailure | None]:
    """Delete those of the strays that carry this release's name, as the deployer; what was done with each."""
    raise NotImplementedError
