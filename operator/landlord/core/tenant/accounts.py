"""ServiceAccounts for workloads, and the deployer's RoleBindings."""

from landlord.api import names
from landlord.api.refs import ROLE_BINDINGS, SERVICE_ACCOUNTS
from landlord.core.manifest import Desired, desired
from landlord.core.tenant.place import Place

RBAC = "rbac.authorization.k8s.io"


def plan(place: Place) -> tuple[Desired, ...]:
    """The tenant's ServiceAccounts; tokens are mounted only where asked for."""
    return tuple(
        desired(
            SERVICE_ACCOUNTS,
            account.name,
            place.namespace,
            labels=place.labels,
            automountServiceAccountToken=account.automount_token,
        )
        for account in place.body.service_accounts or ()
    )


def deployer(place: Place) -> tuple[Desired, ...]:
    """The deployer's bindings: its own role first, then those the platform adds."""
    extra = (place.body.deployer and place.body.deployer.cluster_roles) or ()
    others = sorted({*extra} - {names.DEPLOYER_ROLE})
    return tuple(_binding(place, role) for role in (names.DEPLOYER_ROLE, *others))


def _binding(place: Place, role: str) -> Desired:
    name = role if role == names.DEPLOYER_ROLE else f"{names.DEPLOYER_ROLE}.{role}"
    subject = {"kind": "ServiceAccount", "name": place.namespace, "namespace": names.DEPLOYERS_NAMESPACE}
    return desired(
        ROLE_BINDINGS,
        name,
        place.namespace,
        labels=place.labels,
        roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        subjects=[subject],
    )
