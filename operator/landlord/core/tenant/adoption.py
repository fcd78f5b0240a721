"""What taking over a namespace would break, found before anything is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from landlord.api.body import NetworkProfile
from landlord.core.quantity import QuantityError, canonical, like, number
from landlord.core.tenant.plan import EnvironmentPlan

Json = Mapping[str, Any]
_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Inhabitants:
    """What lives in the namespace, and the warnings of a dry run of the Pod Security label."""

    pods: Sequence[Json]
    services: Sequence[Json]
    ingresses: Sequence[Json]
    pod_security_warnings: Sequence[str]


def preview(plan: EnvironmentPlan, found: Inhabitants) -> tuple[dict[str, Any], ...]:
    """Findings in the shape of ``status.environments[].preview``, the gravest first; at most 64."""
    findings = [
        *(("PodSecurity", warning) for warning in found.pod_security_warnings),
        *(("QuotaUse", text) for text in _above_quota(plan, found)),
        *(("MissingRequests", text) for text in _without_requests(plan, found.pods)),
        *(("Traffic", text) for text in _cut_traffic(plan, found)),
    ]
    return tuple({"kind": kind, "message": message[:1024]} for kind, message in findings[:_LIMIT])


def _hard(plan: EnvironmentPlan) -> dict[str, Any]:
    quota = plan.place.body.quota
    return dict((quota and quota.hard) or {})


def _above_quota(plan: EnvironmentPlan, found: Inhabitants) -> Iterable[str]:
    for resource, limit in sorted(_hard(plan).items()):
        used = _used(resource, found)
        if used is not None and used > number(limit):
            yield (
                f"{like(used, limit)} of {resource} is in use, the quota would be {canonical(limit)}: "
                "nothing new of it would be admitted."
            )


def _used(resource: str, found: Inhabitants) -> Decimal | None:
    """Use of a resource as its quota would count it, None for those that are not previewed."""
    match resource:
        case "pods" | "count/pods":
            return Decimal(len(_live(found.pods)))
        case "services" | "count/services":
            return Decimal(len(found.services))
        case "services.loadbalancers":
            return Decimal(sum(_type(service) == "LoadBalancer" for service in found.services))
        case "services.nodeports":
            return Decimal(sum(_type(service) in ("NodePort", "LoadBalancer") for service in found.services))
        case "cpu" | "memory" | "ephemeral-storage":
            return _sum(found.pods, "requests", resource)
        case _:
            kind, _, name = resource.partition(".")
            return _sum(found.pods, kind, name) if kind in ("requests", "limits") and name in _COMPUTE else None


_COMPUTE = ("cpu", "memory", "ephemeral-storage")


def _live(pods: Sequence[Json]) -> list[Json]:
    return [pod for pod in pods if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]


def _containers(pod: Json) -> list[Json]:
    return list((pod.get("spec") or {}).get("containers") or ())


def _sum(pods: Sequence[Json], kind: str, name: str) -> Decimal:
    return sum((_use(pod, kind, name) for pod in _live(pods)), Decimal(0))


def _use(pod: Json, kind: str, name: str) -> Decimal:
    """What a quota counts for one pod: its containers and sidecars, or an init container that needs more meanwhile."""
    spec = pod.get("spec") or {}
    sidecars = highest = Decimal(0)
    for container in spec.get("initContainers") or ():
        amount = _amount(container.get("resources"), kind, name)
        if container.get("restartPolicy") == "Always":
            sidecars += amount
        highest = max(highest, sidecars if container.get("restartPolicy") == "Always" else sidecars + amount)
    running = sidecars + sum((_amount(each.get("resources"), kind, name) for each in _containers(pod)), Decimal(0))
    overhead = _amount({kind: spec.get("overhead")}, kind, name)
    return max(running, highest) + overhead


def _amount(resources: Json | None, kind: str, name: str) -> Decimal:
    try:
        return number(((resources or {}).get(kind) or {}).get(name, 0))
    except QuantityError:
        return Decimal(0)


def _without_requests(plan: EnvironmentPlan, pods: Sequence[Json]) -> Iterable[str]:
    counted = sorted({name for key in _hard(plan) for name in _COMPUTE if key in (name, f"requests.{name}")})
    for name in counted:
        silent = [_name(pod) for pod in _live(pods) if any(not _requests(each, name) for each in _containers(pod))]
        if silent:
            yield (
                f"{len(silent)} pods request no {name} ({', '.join(sorted(silent)[:5])}): they run on, count as "
                "nothing, and get the defaults of the LimitRange when they are made anew."
            )


def _requests(container: Json, name: str) -> bool:
    resources = container.get("resources") or {}
    return name in (resources.get("requests") or {}) or name in (resources.get("limits") or {})


def _cut_traffic(plan: EnvironmentPlan, found: Inhabitants) -> Iterable[str]:
    network = plan.place.body.network
    profile = (network and network.profile) or NetworkProfile.NAMESPACE_INTERNAL
    if profile is NetworkProfile.OPEN or (network and network.allow_from):
        return
    lets_in = [name for name, peer in sorted(plan.place.platform.peers.items()) if peer.standing.value == "Ingress"]
    allowed = f" beside {', '.join(lets_in)}" if lets_in and profile is not NetworkProfile.DEFAULT_DENY else ""
    for ingress in found.ingresses:
        yield f"Ingress {_name(ingress)} is served from outside; profile {profile.value} lets nobody in{allowed}."
    for service in found.services:
        if _type(service) in ("LoadBalancer", "NodePort"):
            yield f"Service {_name(service)} is open to the outside; profile {profile.value} lets nobody in{allowed}."


def _type(service: Json) -> str:
    return str((service.get("spec") or {}).get("type", ""))


def _name(item: Json) -> str:
    return str(item["metadata"]["name"])
