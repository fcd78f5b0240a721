"""The door: a chart's source in, a checked chart in the cache out."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from landlord.api.failures import Transient
from landlord.api.releases import Chart, ChartSource
from landlord.clients.charts.archive import inspect
from landlord.clients.charts.cache import Cache
from landlord.clients.charts.credentials import Credentials
from landlord.clients.charts.faults import DIGEST, ChartDigestMismatch, ChartUnknown
from landlord.clients.charts.flights import Flights
from landlord.clients.charts.indexes import Indexes
from landlord.clients.charts.limits import Limits, Reach
from landlord.clients.charts.oci import Registry
from landlord.clients.charts.places import Located, Place
from landlord.clients.charts.repository import Repository
from landlord.clients.charts.web import Access, Web

Permits = Callable[[str], bool]
_DOWNLOADS: Final = 8
"""How many packages may be in memory at once."""
_OF_ONE_TENANT: Final = 3
"""Of one tenant's fetches so many go on at once, so that slow places of its own hold up nobody else."""
_OCI: Final = "oci://"


class Charts:
    """Fetches charts, each content once, for all releases; use as an async context manager, or call ``close``.

    ``directory`` is this process's alone and may survive it.
    """

    def __init__(self, directory: Path, *, reach: Reach | None = None, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._web = Web(reach or Reach(), self._limits)
        self._cache = Cache(directory, self._limits)
        self._indexes = Indexes(self._limits.freshness)
        self._flights = Flights()
        self._tenants = Flights(_OF_ONE_TENANT)
        self._downloads = asyncio.Semaphore(_DOWNLOADS)
        self._inspections = asyncio.Semaphore(1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; what is cached stays."""
        await self._web.close()

    async def fetch(
        self,
        source: ChartSource,
        credentials: Credentials | None = None,
        ca: str | None = None,
        *,
        permits: Permits | None = None,
        tenant: str = "",
    ) -> Chart:
        """The chart, in the cache, the release's right to it proven now with its own credentials.

        ``ca`` is PEM to be trusted instead of the system's authorities. ``permits`` says whether a repository's index
        may point at a URL on another host (None: at any). ``source.digest`` may be the content's digest, or the one
        that the place calls the package by: the OCI manifest's, or the package's in a repository's index. Fetches of
        one ``tenant`` wait for each other.

        Raises ``ChartUnknown``, ``ChartDigestMismatch`` and ``ChartUnfit`` (all ``SpecFault``), ``Refused`` when the
        place or the platform says no, ``Transient`` when the place stumbles.
        """
        place = self._place(source, self._web.access(credentials, ca), permits)
        try:
            async with asyncio.timeout(self._limits.fetch), self._tenants.turn(tenant or str(uuid4())):
                return await self._fetch(place, source)
        except TimeoutError as error:
            raise Transient(f"{source.name} {source.version} did not arrive in time.") from error

    async def _fetch(self, place: Place, source: ChartSource) -> Chart:
        located = await self._locate(place, source)
        chart = await self._bring(located, source)
        if source.digest in {None, chart.digest, located.served}:
            return chart
        # The tag may have moved on while what is pinned is still there.
        pinned = await place.locate_pinned(source)
        if pinned is None:
            raise _mismatch(source, chart, located)
        return await self._bring(pinned, source)

    def _place(self, source: ChartSource, access: Access, permits: Permits | None) -> Place:
        if source.repository.lower().startswith(_OCI):
            return Registry(self._web, self._limits, source, access)
        return Repository(self._web, self._limits, source, access, self._indexes, permits)

    async def _locate(self, place: Place, source: ChartSource) -> Located:
        """The package by its version, or by its digest when the version is gone."""
        try:
            return await place.locate(source)
        except ChartUnknown:
            pinned = await place.locate_pinned(source)
            if pinned is None:
                raise
            return pinned

    async def _bring(self, located: Located, source: ChartSource) -> Chart:
        """The chart out of the cache, else out of the place: by one at a time, the others find it then."""
        async with self._flights.turn(located.key or str(uuid4())):
            found = await asyncio.to_thread(self._cache.find, located.key, source.name, source.version)
            if found is not None:
                return found
            async with self._downloads:
                packed = await located.load()
                async with self._inspections:
                    package = await asyncio.to_thread(inspect, packed, source.name, source.version, self._limits)
            return await asyncio.to_thread(self._cache.put, located.key, package)


def _mismatch(source: ChartSource, chart: Chart, located: Located) -> ChartDigestMismatch:
    served = f" and is served as {located.served}" if located.served else ""
    return ChartDigestMismatch(
        DIGEST,
        f"{source.name} {source.version} has the content {chart.digest}{served}, not {source.digest}; "
        "if that change is wanted, pin its content.",
    )
