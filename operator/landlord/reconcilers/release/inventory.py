"""The objects of a release as they are in the cluster, read at the price that fits the moment.

While the release is at work its objects are watched and cost nothing to look at; what may not be watched is read by
name. At rest one LIST of metadata for each kind tells what is there and who wrote it.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from landlord.api.failures import Forbidden, Missing
from landlord.api.refs import PODS, Resource
from landlord.clients.cluster import Cluster, Object
from landlord.core.release.rendered import Entry, Rendered


class Kinds(Protocol):
    """The part of ``Discovery`` an inventory needs."""

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """Where objects of this kind live."""


class Watched(Protocol):
    """The part of ``Scopes`` that is read: objects that are in sight at this moment."""

    def objects(self, namespace: str, resource: Resource) -> Mapping[str, Object] | None:
        """Objects by name; None when they are not in sight."""


@dataclass(frozen=True, slots=True)
class Item:
    """One object that the release keeps: its key, where it lives, and the manifest it was given."""

    entry: Entry
    resource: Resource
    manifest: Mapping[str, Any] = field(compare=False)

    @property
    def namespace(self) -> str | None:
        """Its namespace; None when it is cluster-scoped."""
        return self.entry.namespace or None


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything a release keeps, hooks left out. ``unserved`` are objects whose kind the API server does not know."""

    namespace: str
    items: tuple[Item, ...]
    unserved: tuple[Entry, ...] = ()

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The kinds among the objects, each once."""
        return tuple(dict.fromkeys(item.resource for item in self.items))


@dataclass(frozen=True, slots=True)
class Live:
    """What was found. ``unseen`` are objects that could not be looked at, each with a sentence that says why."""

    objects: Mapping[Entry, Object]
    missing: tuple[Entry, ...] = ()
    unseen: Mapping[Entry, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owned:
    """What the controllers of a release's workloads made: pods and, between Deployments and pods, ReplicaSets."""

    pods: tuple[Object, ...]
    replica_sets: tuple[Object, ...]


async def inventory(rendered: Iterable[Rendered], namespace: str, kinds: Kinds) -> Inventory:
    """The objects of a stored manifest that is parsed, with where each lives; hooks are not kept, so not in it."""
    raise NotImplementedError


def worth_watching(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """The kinds to hold while a release is at work: those whose objects change state, and what workloads make."""
    raise NotImplementedError


class Eyes:
    """Looks at releases' objects, always as the deployer of their namespace."""

    def __init__(self, cluster: Cluster, watched: Watched) -> None:
        self._cluster = cluster
        self._watched = watched

    async def live(self, inventory: Inventory) -> Live:
        """The whole objects: watched ones at no cost, others read by name."""
        raise NotImplementedError

    async def heads(self, inventory: Inventory) -> Live:
        """Metadata with field managers, by one LIST for each kind: what a look at rest costs."""
        raise NotImplementedError

    async def owned(self, live: Live, namespace: str) -> Owned:
        """Pods and ReplicaSets that belong, by owner references, to objects of the release."""
        raise NotImplementedError
