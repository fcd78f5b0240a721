"""What the API server serves: where a kind of object lives, and what templates are told of the cluster.

Three requests tell all of it. The answer is kept; it is asked for again when somebody needs a kind that it does not
have, though not with every miss, and when templates need it and it is old.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from landlord.api.refs import Resource

AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
MISS_PAUSE: Final = timedelta(seconds=5)
"""A kind that is not served is looked for at most this often."""
FRESH_FOR: Final = timedelta(minutes=1)
"""Templates are told of a cluster as it was at most this long ago."""

Kind = tuple[str, str]
"""apiVersion and kind, as manifests write them."""


class Reader(Protocol):
    """The part of ``Cluster`` that discovery needs."""

    async def read(self, path: str, accept: str = ...) -> dict[str, Any]:
        """The answer to a GET of any path."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What ``helm template`` is told of the cluster: ``v1.36.4``; ``apps/v1``, ``apps/v1/Deployment`` and so on."""

    kube_version: str
    api_versions: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Differs when templates could come out differently."""
        text = "\n".join((self.kube_version, *self.api_versions))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class _Served:
    """One answer. A group version whose server is down at present is in it as it was when last seen."""

    kube_version: str
    versions: Mapping[str, Mapping[str, Resource]]


class Discovery:
    """One API server's kinds. Raises ``Transient`` while the server cannot be asked."""

    def __init__(self, cluster: Reader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._served = _Served("", {})
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """Where objects of this kind live; None when the API server does not serve it."""
        await self.learn([(api_version, kind)])
        return self._known(api_version, kind)

    async def learn(self, kinds: Iterable[Kind]) -> None:
        """See to it that ``is_namespaced`` can tell about these kinds, if the API server serves them."""
        if any(self._known(*kind) is None for kind in kinds):
            await self._refresh(MISS_PAUSE)

    def is_namespaced(self, api_version: str, kind: str) -> bool | None:
        """Whether objects of this kind live in namespaces; None when it is not known to be served. See ``learn``."""
        resource = self._known(api_version, kind)
        return None if resource is None else resource.namespaced

    async def capabilities(self) -> Capabilities:
        """The cluster as templates are told of it."""
        await self._refresh(FRESH_FOR)
        versions = self._served.versions
        return Capabilities(self._served.kube_version, tuple(sorted(_words(versions))))

    def _known(self, api_version: str, kind: str) -> Resource | None:
        return self._served.versions.get(api_version, {}).get(kind)

    async def _refresh(self, age: timedelta) -> None:
        """Ask again unless the last answer is younger than ``age``; who comes meanwhile waits for the same answer."""
        async with self._asking:
            if self._clock() - self._asked_at < age.total_seconds():
                return
            version, core, groups = await asyncio.gather(
                self._cluster.read("/version"),
                self._cluster.read("/api", AGGREGATED),
                self._cluster.read("/apis", AGGREGATED),
            )
            versions = dict(_versions((*core["items"], *groups["items"]), self._served.versions))
            self._served = _Served(version["gitVersion"], versions)
            self._asked_at = self._clock()


def _words(versions: Mapping[str, Mapping[str, Resource]]) -> Iterator[str]:
    for api_version, kinds in versions.items():
        yield api_version
        yield from (f"{api_version}/{kind}" for kind in kinds)


def _versions(
    groups: Iterable[Mapping[str, Any]], before: Mapping[str, Mapping[str, Resource]]
) -> Iterator[tuple[str, Mapping[str, Resource]]]:
    for group in groups:
        name = (group.get("metadata") or {}).get("name", "")
        for version in group.get("versions") or ():
            api_version = f"{name}/{version['version']}" if name else version["version"]
            kinds = dict(_kinds(name, version))
            is_stale = version.get("freshness") == "Stale"
            yield api_version, before.get(api_version, kinds) if is_stale and not kinds else kinds


def _kinds(group: str, version: Mapping[str, Any]) -> Iterator[tuple[str, Resource]]:
    for resource in version.get("resources") or ():
        kind = (resource.get("responseKind") or {}).get("kind")
        if kind:
            namespaced = resource.get("scope") == "Namespaced"
            yield kind, Resource(group, version["version"], resource["resource"], kind, namespaced)
