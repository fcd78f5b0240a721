"""PromQL queries to the platform's Prometheus, narrowed to the tenant's namespace before they come here."""

from datetime import datetime

from landlord.api.releases import Sample
from landlord.clients.probes.looks import Look, Target


class PrometheusProbe:
    """Asks one Prometheus, whose address and credentials are the platform's."""

    async def sample(self, look: Look, target: Target, now: datetime) -> Sample:
        """One query and whether its result is within bounds."""
        raise NotImplementedError
