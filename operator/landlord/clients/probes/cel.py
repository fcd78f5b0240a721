"""CEL expressions about objects of a release."""

from datetime import datetime

from landlord.api.releases import Sample
from landlord.clients.probes.looks import Look, Target


class CelProbe:
    """Reads objects as the namespace's deployer and has expressions about them evaluated."""

    async def sample(self, look: Look, target: Target, now: datetime) -> Sample:
        """One look at each object the check is about."""
        raise NotImplementedError
