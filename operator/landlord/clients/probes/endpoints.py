"""The pods behind a Service, read from the API and proven: no answer of DNS and no slice somebody wrote leads astray.

An address is used only if it is that of a running pod of the Service's namespace, as the pod's own status, which
kubelets alone write, says. Pods on the host's network do not count: their address is the node's.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import count
from typing import Any, Final

from landlord.api import names
from landlord.api.failures import Refused
from landlord.api.refs import PODS, SERVICES, Resource
from landlord.clients.cluster import Cluster

ENDPOINT_SLICES: Final = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", namespaced=True)
_SERVICE_NAME: Final = "kubernetes.io/service-name"
_MOST_REMEMBERED: Final = 4096
Object = Mapping[str, Any]
Fetch = Callable[[], Awaitable[Any]]


class NotThere(Exception):
    """The Service does not exist."""


class NobodyReady(Exception):
    """The Service has no pod that is ready."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One pod's address and port, as a slice claims."""

    address: str
    port: int
    pod: str
    uid: str


class Endpoints:
    """Ready pods of Services, each read as the deployer of its namespace."""

    def __init__(self, cluster: Cluster, *, seconds: float = 10.0) -> None:
        self._cluster = cluster
        self._seconds = seconds
        self._turn = count()
        self._remembered: OrderedDict[tuple[str, str, str], tuple[float, Any]] = OrderedDict()

    async def one(self, namespace: str, service: str, port: int) -> Endpoint:
        """A ready pod, another one each time; raises ``NotThere``, ``NobodyReady`` or ``Refused``.

        What the Service and its slices say may be seconds old; that the address is the pod's is seen now.
        """
        name = await self._port_name(namespace, service, port)
        found = tuple(_ready(await self._slices(namespace, service), name))
        if not found:
            self.forget(namespace, service)
            raise NobodyReady(f"Service {service} has no ready pod.")
        chosen = found[next(self._turn) % len(found)]
        await self._prove(chosen, namespace, service)
        return chosen

    def forget(self, namespace: str, service: str) -> None:
        """Read the Service anew next time."""
        for kind in ("service", "slices"):
            self._remembered.pop((kind, namespace, service), None)

    async def _port_name(self, namespace: str, service: str, port: int) -> str:
        as_deployer = self._as_deployer(namespace)
        found = await self._recall("service", namespace, service, lambda: as_deployer.get(SERVICES, service, namespace))
        if found is None:
            self.forget(namespace, service)
            raise NotThere(f"There is no Service {service} in namespace {namespace}.")
        spec = found.get("spec", {})
        if spec.get("type") == "ExternalName":
            raise Refused(f"Service {service} is an ExternalName; checks do not follow it.")
        for each in spec.get("ports") or ():
            if each.get("port") == port and each.get("protocol", "TCP") == "TCP":
                return str(each.get("name") or "")
        raise NotThere(f"Service {service} has no port {port}.")

    async def _slices(self, namespace: str, service: str) -> tuple[Object, ...]:
        as_deployer, selector = self._as_deployer(namespace), f"{_SERVICE_NAME}={service}"
        found: tuple[Object, ...] = await self._recall(
            "slices", namespace, service, lambda: as_deployer.list_all(ENDPOINT_SLICES, namespace, selector=selector)
        )
        return found

    async def _prove(self, endpoint: Endpoint, namespace: str, service: str) -> None:
        pod = await self._as_deployer(namespace).get(PODS, endpoint.pod, namespace) if endpoint.pod else None
        if pod is not None and pod["metadata"]["uid"] == endpoint.uid and endpoint.address in _addresses(pod):
            if not pod.get("spec", {}).get("hostNetwork"):
                return
            raise Refused(f"Pod {endpoint.pod} of Service {service} is on its node's network; checks do not go there.")
        self.forget(namespace, service)
        raise Refused(f"Service {service} leads to {endpoint.address}, which is no address of a pod of its namespace.")

    def _as_deployer(self, namespace: str) -> Cluster:
        return self._cluster.acting_as(names.deployer_username(namespace))

    async def _recall(self, kind: str, namespace: str, name: str, fetch: Fetch) -> Any:
        key, now = (kind, namespace, name), asyncio.get_running_loop().time()
        until, value = self._remembered.get(key, (0.0, None))
        if until > now:
            return value
        value = await fetch()
        self._remembered[key] = (now + self._seconds, value)
        self._remembered.move_to_end(key)
        while len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return value


def _ready(slices: tuple[Object, ...], port_name: str) -> Iterator[Endpoint]:
    """The ready endpoints that have the port; what is no address of a pod shows when it is proven."""
    for each in slices:
        ports = [
            port["port"]
            for port in each.get("ports") or ()
            if (port.get("name") or "") == port_name and port.get("protocol", "TCP") == "TCP" and port.get("port")
        ]
        if not ports or each.get("addressType") not in ("IPv4", "IPv6"):
            continue
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is False:
                continue
            reference = endpoint.get("targetRef") or {}
            is_pod = reference.get("kind") == "Pod"
            pod, uid = (reference.get("name", ""), reference.get("uid", "")) if is_pod else ("", "")
            yield Endpoint(str(ip_address(endpoint["addresses"][0])), ports[0], pod, uid)


def _addresses(pod: Object) -> frozenset[str]:
    status = pod.get("status", {})
    listed = [each.get("ip") for each in status.get("podIPs") or ()]
    return frozenset(str(ip_address(each)) for each in (*listed, status.get("podIP")) if each)
