"""Probes against a real API server, with the operator's own rights and the slices Kubernetes itself makes."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from aiohttp import web

from landlord.api.checks import CheckPolicy, HealthCheck
from landlord.api.releases import Outcome, Sample
from landlord.clients.addresses import Allow
from landlord.clients.cluster import Cluster
from landlord.clients.discovery import Discovery
from landlord.clients.expressions import Expressions
from landlord.clients.probes.cel import CelProbe
from landlord.clients.probes.endpoints import Endpoints
from landlord.clients.probes.http import HttpProbe
from landlord.clients.probes.looks import Look, Target
from tests.actors import Actor, Object
from tests.cluster import short_name
from tests.operator_process import operator_kubeconfig
from tests.policies import Settle
from tests.polling import eventually
from tests.tenancy import Tenancy

__all__ = ["operator_kubeconfig"]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NODE: Object = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": short_name("nobodys")},
    "spec": {"unschedulable": True},
}


def own_address() -> str:
    """An address of this machine that the API server takes for a pod's: Kubernetes wants no loopback in slices."""
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if each.family is socket.AF_INET and not each.address.startswith(("127.", "169.254.")):
                return str(each.address)
    pytest.skip("This machine has no address but loopback.")


@dataclass(frozen=True)
class Pod:
    """A server of the test's, which the cluster takes for a pod."""

    address: str
    port: int
    asked: list[str]


@asynccontextmanager
async def serving(address: str) -> AsyncIterator[Pod]:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="all is well")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, address, 0).start()
    try:
        yield Pod(address, runner.addresses[0][1], asked)
    finally:
        await runner.cleanup()


def service(name: str, port: int, **spec: Any) -> Object:
    ports = [{"name": "web", "port": 80, "targetPort": port}]
    metadata = {"name": name}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": name}, "ports": ports, **spec},
    }


def pod(name: str) -> Object:
    """A pod on a node without a kubelet, so that its status is the test's to write."""
    container = {
        "name": "app",
        "image": "app",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1m", "memory": "1Mi"}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"nodeName": NODE["metadata"]["name"], "containers": [container], "securityContext": security}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def running(address: str) -> Object:
    return {
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }
    }


def slice_to(address: str, port: int, name: str, **endpoint: Any) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-forged", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "web", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}, **endpoint}],
    }


@pytest.fixture
async def cluster_as_operator(operator_kubeconfig: Path) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(str(operator_kubeconfig)) as cluster:
        yield cluster


@pytest.fixture
async def expressions() -> AsyncIterator[Expressions]:
    async with Expressions(seconds=5) as workers:
        yield workers


@pytest.fixture(scope="module")
def tenant(settle: Settle, landlord_installed: Actor) -> Iterator[Tenancy]:
    """A tenant namespace in a cluster with one more node."""
    landlord_installed.create(NODE).allowed()
    yield settle()
    landlord_installed.delete(NODE)


def denied(server: str) -> list[tuple[str, int | None]]:
    """The API server of the test."""
    parts = urlsplit(server)
    return [(socket.gethostbyname(str(parts.hostname)), parts.port)]


async def ask(cluster: Cluster, tenant: Tenancy, expressions: Expressions, service: str, **spec: Any) -> Sample:
    check = HealthCheck.model_validate({"name": "front", "http": {"service": service, **spec}})
    allow = Allow(private=True, denied=Allow.of(denied=denied(cluster.server)).denied)
    probe = HttpProbe(Endpoints(cluster, seconds=0), expressions, pods=allow, outside=Allow())
    look = Look(check, timedelta(seconds=5), on_error=CheckPolicy.FAIL)
    try:
        return await probe.sample(look, Target(tenant.namespace, "shop"), NOW)
    finally:
        await probe.close()


async def test_a_service_is_asked_through_the_slices_kubernetes_makes_and_with_the_operators_rights(
    cluster_as_operator: Cluster, tenant: Tenancy, expressions: Expressions
) -> None:
    async with serving(own_address()) as server:
        tenant.deployer.create(tenant.here(service("web", server.port))).allowed()
        first = await ask(cluster_as_operator, tenant, expressions, "web")
        assert (first.outcome, first.message) == (Outcome.FAIL, "Service web has no ready pod.")
        tenant.deployer.create(tenant.here(pod("web"))).allowed()
        tenant.admin.patch(tenant.here(pod("web")), running(server.address), "status").allowed()

        async def passes() -> bool:
            sample = await ask(cluster_as_operator, tenant, expressions, "web", path="/healthz", bodyRegex="well")
            return sample.outcome is Outcome.PASS

        await eventually(passes, deadline=20)
        assert server.asked[-1] == "/healthz"


async def test_nobody_of_the_tenant_can_write_where_checks_are_led(tenant: Tenancy) -> None:
    forged = tenant.here(slice_to("192.0.2.1", 80, "web"))
    tenant.deployer.create(tenant.here(pod("own"))).allowed()
    for actor in (tenant.editor, tenant.owner, tenant.deployer):
        actor.create(forged).forbidden()
        actor.patch(tenant.here(pod("own")), running("192.0.2.1"), "status").forbidden()
    tenant.admin.create(forged, dry_run=True).allowed()


async def test_forged_slices_lead_nowhere_not_even_those_of_an_admin(
    cluster_as_operator: Cluster, tenant: Tenancy, expressions: Expressions
) -> None:
    async with serving(own_address()) as server:
        tenant.deployer.create(tenant.here(service("trap", server.port, selector=None))).allowed()
        tenant.deployer.create(tenant.here(pod("trap"))).allowed()
        uid = tenant.admin.get(tenant.here(pod("trap"))).allowed()["metadata"]["uid"]
        reference = {"kind": "Pod", "name": "trap", "namespace": tenant.namespace, "uid": uid}
        forged = tenant.here(slice_to(server.address, server.port, "trap", targetRef=reference))
        tenant.admin.create(forged).allowed()
        refused = await ask(cluster_as_operator, tenant, expressions, "trap")
        assert refused.outcome is Outcome.INCONCLUSIVE
        assert "no address of a pod" in refused.message
        assert server.asked == []
        # The same slice, once a kubelet says that the pod has the address.
        tenant.admin.patch(tenant.here(pod("trap")), running(server.address), "status").allowed()
        assert (await ask(cluster_as_operator, tenant, expressions, "trap")).outcome is Outcome.PASS


async def test_an_external_name_leads_nowhere(
    cluster_as_operator: Cluster, tenant: Tenancy, expressions: Expressions
) -> None:
    alias = service("alias", 80, type="ExternalName", externalName="localhost", selector=None)
    # Policies may refuse it already; then an admin makes it, as one could have before they were there.
    if not tenant.deployer.create(tenant.here(alias)).ok:
        tenant.break_glass.create(tenant.here(alias)).allowed()
    sample = await ask(cluster_as_operator, tenant, expressions, "alias")
    assert sample.outcome is Outcome.INCONCLUSIVE
    assert "ExternalName" in sample.message


async def test_the_api_server_is_not_asked_even_if_a_pod_claimed_its_address(
    cluster_as_operator: Cluster, tenant: Tenancy, expressions: Expressions
) -> None:
    async with serving(own_address()) as server:
        tenant.deployer.create(tenant.here(service("api", server.port))).allowed()
        tenant.deployer.create(tenant.here(pod("api"))).allowed()
        tenant.admin.patch(tenant.here(pod("api")), running(server.address), "status").allowed()

        async def leads_somewhere() -> bool:
            return (await ask(cluster_as_operator, tenant, expressions, "api")).outcome is Outcome.PASS

        await eventually(leads_somewhere, deadline=20)
        before = len(server.asked)
        check = HealthCheck.model_validate({"name": "front", "http": {"service": "api"}})
        shut = Allow.of(private=True, denied=[(server.address, server.port)])
        probe = HttpProbe(Endpoints(cluster_as_operator), expressions, pods=shut, outside=Allow())
        sample = await probe.sample(Look(check, timedelta(seconds=5)), Target(tenant.namespace, "shop"), NOW)
        await probe.close()
        assert "the Kubernetes API server" in sample.message
        assert len(server.asked) == before


async def test_cel_looks_at_objects_as_the_namespaces_deployer(
    cluster_as_operator: Cluster, tenant: Tenancy, settle: Settle, expressions: Expressions
) -> None:
    settings: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {"mode": "on"},
    }
    tenant.deployer.create(tenant.here(settings)).allowed()
    probe = CelProbe(cluster_as_operator, Discovery(cluster_as_operator), expressions)

    async def look_at(kind: str, current: str, namespace: str = tenant.namespace) -> Sample:
        spec = {"apiVersion": "v1", "kind": kind, "current": current}
        check = HealthCheck.model_validate({"name": "mode", "cel": spec})
        target = Target(namespace, "shop", objects=(("v1", kind, "settings"),))
        return await probe.sample(Look(check, timedelta(seconds=5)), target, NOW)

    assert (await look_at("ConfigMap", "object.data.mode == 'on'")).outcome is Outcome.PASS
    assert (await look_at("ConfigMap", "object.data.mode == 'off'")).outcome is Outcome.FAIL
    assert (await look_at("Secret", "true")).outcome is Outcome.INCONCLUSIVE
    elsewhere = await look_at("ConfigMap", "true", settle().namespace)
    assert elsewhere.message == "There is no ConfigMap settings."


async def test_a_namespace_without_a_deployers_rights_is_not_read(
    cluster_as_operator: Cluster, landlord_installed: Actor, expressions: Expressions
) -> None:
    probe = HttpProbe(Endpoints(cluster_as_operator), expressions, pods=Allow(private=True), outside=Allow())
    check = HealthCheck.model_validate({"name": "front", "http": {"service": "kubernetes", "scheme": "https"}})
    sample = await probe.sample(Look(check, timedelta(seconds=5)), Target("default", "shop"), NOW)
    await probe.close()
    assert sample.outcome is Outcome.INCONCLUSIVE
    assert "forbidden" in sample.message
