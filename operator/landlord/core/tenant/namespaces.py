"""The Namespace: Pod Security labels and the parameters of the admission policies, all in the creating call."""

from landlord.api import names
from landlord.api.body import PodSecurityLevel, Workloads
from landlord.api.refs import NAMESPACES
from landlord.core.manifest import Desired, desired
from landlord.core.tenant.place import Place


def plan(place: Place) -> Desired:
    """The Namespace of the place."""
    return desired(
        NAMESPACES,
        place.namespace,
        labels={**place.labels, **_pod_security(place), **_switches(place)},
        annotations=_parameters(place),
    )


def _pod_security(place: Place) -> dict[str, str]:
    """Enforce defaults to ``restricted``; audit and warn follow enforce."""
    said = place.body.pod_security
    enforce = (said and said.enforce) or PodSecurityLevel.RESTRICTED
    levels = {
        "enforce": enforce,
        "audit": (said and said.audit) or enforce,
        "warn": (said and said.warn) or enforce,
    }
    version = (said and said.version) or "latest"
    return {
        f"{names.POD_SECURITY_PREFIX}{mode}{tail}": value
        for mode, level in levels.items()
        for tail, value in (("", level.value), ("-version", version))
    }


def _switches(place: Place) -> dict[str, str]:
    workloads = (place.body.policies and place.body.policies.workloads) or Workloads.MEMBERS
    switches = {names.LABEL_WORKLOADS: workloads.value}
    if place.tenant.spec.cordoned:
        switches[names.LABEL_CORDONED] = "true"
    return switches


def _parameters(place: Place) -> dict[str, str]:
    """Annotations that the static policies read; an absent one restricts nothing, an empty one allows nothing."""
    annotations = {}
    if place.tenant.spec.deletion_protection:
        annotations[names.ANNOTATION_DELETION_PROTECTION] = "true"
    policies = place.body.policies
    if policies is None:
        return annotations
    lists = {
        names.POLICY_REGISTRIES: policies.registries,
        names.POLICY_INGRESS_HOSTS: policies.ingress_hosts,
        names.POLICY_INGRESS_CLASSES: policies.ingress_classes,
        names.POLICY_STORAGE_CLASSES: policies.storage_classes,
        names.POLICY_PRIORITY_CLASSES: policies.priority_classes,
        names.POLICY_SERVICE_TYPES: policies.service_types,
        names.POLICY_CHART_SOURCES: policies.chart_sources,
    }
    return annotations | {key: ",".join(sorted(values)) for key, values in lists.items() if values is not None}
