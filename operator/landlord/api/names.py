"""Every string that stands in users' clusters, each with one home: groups, labels, annotations, names."""

from typing import Final

GROUP: Final = "landlord.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "landlord"

FIELD_MANAGER: Final = "landlord"
FINALIZER: Final = f"{GROUP}/finalizer"

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "landlord"
LABEL_TENANT: Final = f"{GROUP}/tenant"
LABEL_ENVIRONMENT: Final = f"{GROUP}/environment"
LABEL_CORDONED: Final = f"{GROUP}/cordoned"
LABEL_WORKLOADS: Final = f"{GROUP}/workloads"
LABEL_LEDGER: Final = f"{GROUP}/ledger"
LABEL_RELEASE: Final = f"{GROUP}/release"
LABEL_RELEASE_NAMESPACE: Final = f"{GROUP}/release-namespace"
POD_SECURITY_PREFIX: Final = "pod-security.kubernetes.io/"

ANNOTATION_SUSPEND: Final = f"{GROUP}/suspend"
ANNOTATION_REQUESTED_AT: Final = f"{GROUP}/requested-at"
ANNOTATION_FLUX_REQUESTED_AT: Final = "reconcile.fluxcd.io/requestedAt"
ANNOTATION_RETRY_AT: Final = f"{GROUP}/retry-at"
ANNOTATION_SOURCE_REVISION: Final = f"{GROUP}/source-revision"
ANNOTATION_SOURCE_TIME: Final = f"{GROUP}/source-time"
ANNOTATION_ORPHANED_FROM: Final = f"{GROUP}/orphaned-from"
ANNOTATION_DELETION_PROTECTION: Final = f"{GROUP}/deletion-protection"
ANNOTATION_ADOPTED: Final = f"{GROUP}/adopted"

# Parameters of the static admission policies, on the tenant namespace; comma separated, absent means no restriction.
POLICY_REGISTRIES: Final = f"{GROUP}/policy.registries"
POLICY_INGRESS_HOSTS: Final = f"{GROUP}/policy.ingress-hosts"
POLICY_INGRESS_CLASSES: Final = f"{GROUP}/policy.ingress-classes"
POLICY_STORAGE_CLASSES: Final = f"{GROUP}/policy.storage-classes"
POLICY_PRIORITY_CLASSES: Final = f"{GROUP}/policy.priority-classes"
POLICY_SERVICE_TYPES: Final = f"{GROUP}/policy.service-types"
# Read by the operator, not by a policy: where charts of releases may come from.
POLICY_CHART_SOURCES: Final = f"{GROUP}/policy.chart-sources"

OPERATOR_NAMESPACE: Final = "landlord-system"
OPERATOR_SERVICE_ACCOUNT: Final = "landlord"
DEPLOYERS_NAMESPACE: Final = "landlord-deployers"
LEASE: Final = "landlord"

ROLE_PREFIX: Final = "landlord-"
DEPLOYER_ROLE: Final = "landlord-deployer"


def deployer_username(namespace: str) -> str:
    """The identity under which releases of a tenant namespace act; no such account exists, so nobody can hold it."""
    return f"system:serviceaccount:{DEPLOYERS_NAMESPACE}:{namespace}"
