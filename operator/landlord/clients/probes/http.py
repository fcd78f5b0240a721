"""HTTP requests to a tenant's own Services, or to hosts that the platform lets tenants reach."""

from datetime import datetime

from landlord.api.releases import Sample
from landlord.clients.probes.looks import Look, Target


class HttpProbe:
    """Sends requests that can reach nothing but pods of the tenant, or hosts of the platform's list."""

    async def sample(self, look: Look, target: Target, now: datetime) -> Sample:
        """One request and what its answer says."""
        raise NotImplementedError
