"""The door: a chart's source in, a checked chart in the cache out."""

from collections.abc import Callable
from pathlib import Path

from landlord.api.releases import Chart, ChartSource
from landlord.clients.charts.credentials import Credentials
from landlord.clients.charts.limits import Limits, Reach


class Charts:
    """Fetches charts, each content once, for all releases; use as an async context manager, or call ``close``."""

    def __init__(self, directory: Path, *, reach: Reach | None = None, limits: Limits | None = None) -> None:
        self._directory = directory
        self._reach = reach or Reach()
        self._limits = limits or Limits()

    async def fetch(
        self,
        source: ChartSource,
        credentials: Credentials | None = None,
        ca: str | None = None,
        *,
        permits: Callable[[str], bool] | None = None,
    ) -> Chart:
        """The chart, in the cache, its right to it proven now with its own credentials.

        ``ca`` is PEM to be trusted besides the system's. ``permits`` says whether a repository's index may point at a
        URL on another host (None: at any). ``source.digest`` may be the content's digest, or the one that the place
        calls the package by: the OCI manifest's, or the package's in a repository's index.

        Raises ``ChartUnknown``, ``ChartDigestMismatch`` and ``ChartUnfit`` (all ``SpecFault``), ``Refused`` when the
        place or the platform says no, ``Transient`` when the place stumbles.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Close every connection; what is cached stays."""
