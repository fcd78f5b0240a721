"""Reading what lives in a namespace that a Tenant would take over; nothing is written but one dry run."""

import asyncio

from landlord.api import names
from landlord.api.refs import INGRESSES, NAMESPACES, PODS, SERVICES
from landlord.clients.cluster import Cluster
from landlord.core.child import Child
from landlord.core.tenant.adoption import Inhabitants
from landlord.core.tenant.plan import EnvironmentPlan


async def gather(cluster: Cluster, plan: EnvironmentPlan, namespace: Child) -> Inhabitants:
    """Pods, Services and Ingresses, and what Pod Security says to the labels the namespace would get."""
    name = namespace.ref.name
    pods, services, ingresses, warnings = await asyncio.gather(
        cluster.list_all(PODS, name),
        cluster.list_all(SERVICES, name),
        cluster.list_all(INGRESSES, name),
        cluster.warnings_of_merge(NAMESPACES, name, _labels(plan, namespace)),
    )
    return Inhabitants(pods, services, ingresses, warnings)


def _labels(plan: EnvironmentPlan, namespace: Child) -> dict[str, object]:
    labels = {
        key: value
        for key, value in plan.namespace.manifest["metadata"]["labels"].items()
        if key.startswith(names.POD_SECURITY_PREFIX)
    }
    return {"metadata": {"uid": namespace.uid, "labels": labels}}
