"""Do the CRDs of the cluster fit this process? An operator can be upgraded without its CRDs, or they without it.

Nothing is stopped for it: most of what is written fits. It is told once in the log, and for as long as it lasts in
``/readyz`` and in a metric, with what to apply. Landlord does not apply its CRDs itself: for that it would need the
right to change definitions, and with it that to change anybody's objects.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

from landlord import __version__
from landlord.api import crd
from landlord.api.failures import LandlordFailure
from landlord.api.names import VERSION
from landlord.api.refs import CRDS, Resource
from landlord.core import definitions
from landlord.runtime.pace import REAL, Pace

_log = logging.getLogger(__name__)

WELL_SECONDS: Final = 600.0
"""How often they are looked at while they fit: three objects, no more."""
TROUBLED_SECONDS: Final = 30.0
_TODO: Final = (
    f"Apply the CRDs of Landlord {__version__}: upgrade its chart with crds.install, or kubectl apply --server-side "
    "-f crds/ of that version."
)


class Reads(Protocol):
    """The part of ``Cluster`` that is needed."""

    async def get(self, resource: Resource, name: str) -> Mapping[str, Any] | None:
        """One object, None when it is not there."""


class Gauges(Protocol):
    """Who exports what is found; ``landlord.telemetry.metrics.Metrics`` does."""

    def unfit(self, kind: str, is_unfit: bool) -> None:
        """Whether the CRD of a kind does not fit."""


class Definitions:
    """Looks at the CRDs of our kinds, at the start and from time to time."""

    def __init__(self, cluster: Reads, gauges: Gauges, *, pace: Pace = REAL) -> None:
        self._cluster = cluster
        self._gauges = gauges
        self._pace = pace
        self._troubles: dict[str, str] = {}
        for kind in crd.KINDS:
            gauges.unfit(kind.name, is_unfit=False)

    def remarks(self) -> list[str]:
        """What does not fit, and what to do; empty while all does."""
        return [f"{trouble} {_TODO}" for trouble in self._troubles.values()]

    async def run(self) -> None:
        """Look for ever: seldom while they fit, often while somebody has to mend them."""
        # It takes some hundred milliseconds, in which the event loop has other things to do.
        wanted = await asyncio.to_thread(lambda: {kind.name: crd.status_schema(kind) for kind in crd.KINDS})
        while True:
            for kind in crd.KINDS:
                try:
                    await self._look_at(kind, wanted[kind.name])
                except LandlordFailure as failure:
                    _log.warning("CRD %s cannot be compared with what Landlord writes: %s", kind.crd_name, failure.why)
            await self._pace.sleep(TROUBLED_SECONDS if self._troubles else WELL_SECONDS)

    async def _look_at(self, kind: crd.Kind, wanted: definitions.Schema) -> None:
        found = await self._cluster.get(CRDS, kind.crd_name)
        # That it is not there at all shows elsewhere: then nothing of the kind can be listed.
        trouble = definitions.trouble(wanted, found, VERSION) if found is not None else ""
        before = self._troubles.pop(kind.name, "")
        if trouble:
            self._troubles[kind.name] = trouble
        self._gauges.unfit(kind.name, is_unfit=bool(trouble))
        if trouble and trouble != before:
            _log.error("%s %s", trouble, _TODO)
        if before and not trouble:
            _log.info("CRD %s fits what this Landlord writes again.", kind.crd_name)
