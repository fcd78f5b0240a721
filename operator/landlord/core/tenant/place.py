"""One tenant in one environment: what every builder of that environment's objects is given."""

from collections.abc import Mapping
from dataclasses import dataclass

from landlord.api import names
from landlord.api.body import Body
from landlord.api.environment import Environment
from landlord.api.tenant import Tenant
from landlord.core.tenant.defaults import PlatformDefaults


@dataclass(frozen=True, slots=True)
class Place:
    """Where objects are built for: the tenant and environment, the namespace, and the merged body."""

    tenant_name: str
    tenant: Tenant
    environment_name: str
    environment: Environment
    namespace: str
    body: Body
    platform: PlatformDefaults

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels every object of the place carries; users' labels are never copied."""
        return {
            names.LABEL_MANAGED_BY: names.MANAGED_BY,
            names.LABEL_TENANT: self.tenant_name,
            names.LABEL_ENVIRONMENT: self.environment_name,
        }
