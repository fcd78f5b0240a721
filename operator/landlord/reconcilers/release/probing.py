"""Looks at the health checks of all releases that are being verified, each at its time, by one scheduler."""

from collections.abc import Callable, Sequence

from landlord.api.checks import HealthCheck
from landlord.api.refs import Ref
from landlord.api.releases import Sample
from landlord.clients.probes.looks import Probe, Target


class Prober:
    """Samples of every watched release. Run ``run`` in one task; everything else may be called at any time."""

    def __init__(self, *, http: Probe, promql: Probe, cel: Probe, on_sample: Callable[[Ref], None]) -> None:
        self._http, self._promql, self._cel, self._on_sample = http, promql, cel, on_sample

    async def run(self) -> None:
        """Look at what is due until cancelled."""
        raise NotImplementedError

    def watch(self, ref: Ref, attempt: str, checks: Sequence[HealthCheck], target: Target) -> None:
        """Look at these checks from now on; the same again changes nothing, another attempt begins anew.

        Raises ``SpecFault`` for a check that can never be carried out.
        """
        raise NotImplementedError

    def forget(self, ref: Ref) -> None:
        """Look no more, and drop what was seen."""
        raise NotImplementedError

    def samples(self, ref: Ref, attempt: str) -> Sequence[Sample]:
        """What was seen of this attempt, oldest first."""
        raise NotImplementedError

    async def baseline(self, checks: Sequence[HealthCheck], target: Target) -> tuple[Sample, ...]:
        """One look at each http and promql check, before a deploy."""
        raise NotImplementedError
