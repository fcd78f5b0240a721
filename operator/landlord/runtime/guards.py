"""Are the admission policies in force? Asked once by a dry run that they must refuse, before any tenant is served."""

import logging
from typing import Final

from landlord.api import names
from landlord.api.failures import Forbidden, LandlordFailure
from landlord.api.refs import ROLE_BINDINGS
from landlord.clients.cluster import Cluster
from landlord.runtime.pace import REAL, Pace

_log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 2.0

_POLICY: Final = "ValidatingAdmissionPolicy 'landlord-operator-objects'"
"""The policy that confines this very identity; `manifests/` and the chart install it last."""
_PROBE: Final = {
    "apiVersion": ROLE_BINDINGS.api_version,
    "kind": ROLE_BINDINGS.kind,
    "metadata": {"name": "landlord-guard-probe", "namespace": names.DEPLOYERS_NAMESPACE},
    "roleRef": {"apiGroup": ROLE_BINDINGS.group, "kind": "ClusterRole", "name": "landlord-viewer"},
    "subjects": [],
}


async def trouble(cluster: Cluster) -> str:
    """Why tenants may not be served yet; empty when the policies refuse what RBAC would allow."""
    try:
        await cluster.create(ROLE_BINDINGS, dict(_PROBE), dry_run=True)
    except Forbidden as refusal:
        if _POLICY in refusal.why:
            return ""
        return f"the admission policies could not be tried: {refusal.why}"
    except LandlordFailure as failure:
        return f"the admission policies could not be tried: {failure.why}"
    return "the admission policies are not in force; install them as they stand in the chart or in manifests/policies"


class Guards:
    """Waits until the policies are in force; ``problem`` says what is missing meanwhile."""

    def __init__(self, cluster: Cluster, pace: Pace = REAL) -> None:
        self._cluster = cluster
        self._pace = pace
        self.problem = ""

    async def until_in_force(self) -> None:
        """Return once the probe is refused by a policy."""
        while found := await trouble(self._cluster):
            if found != self.problem:
                _log.error("No tenant is served: %s.", found)
            self.problem = found
            await self._pace.sleep(RETRY_SECONDS)
        self.problem = ""
