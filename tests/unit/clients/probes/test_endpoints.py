"""Which pod stands for a Service, and how seldom the API server is asked."""

from typing import Any

import pytest

from landlord.clients.probes.endpoints import Endpoints, NobodyReady, NotThere
from tests.unit.clients.probes.worlds import TEAM, Cluster, Object, endpoint, pod, service, slice_of


def endpoints(*objects: Object, seconds: float = 10.0) -> tuple[Endpoints, Cluster]:
    cluster = Cluster(*objects)
    return Endpoints(cluster, seconds=seconds), cluster  # type: ignore[arg-type]


async def test_ready_pods_take_turns() -> None:
    pods = [pod(f"web-{number}", ip=f"10.0.0.{number}") for number in (1, 2, 3)]
    claimed = [endpoint(f"web-{number}", f"10.0.0.{number}", ready=number != 3) for number in (1, 2, 3)]
    found, _ = endpoints(service(), *pods, slice_of(8080, *claimed))
    asked = [await found.one(TEAM, "web", 80) for _ in range(4)]
    assert {each.address for each in asked} == {"10.0.0.1", "10.0.0.2"}
    assert {each.port for each in asked} == {8080}


async def test_readiness_that_is_not_told_counts_as_ready() -> None:
    found, _ = endpoints(service(), pod(ip="10.0.0.1"), slice_of(8080, endpoint(ip="10.0.0.1", ready=None)))
    assert (await found.one(TEAM, "web", 80)).pod == "web-1"


async def test_a_port_of_the_service_leads_to_the_port_of_its_name() -> None:
    ports = [{"name": "web", "port": 80}, {"name": "admin", "port": 9000}]
    both = slice_of(0, endpoint(ip="10.0.0.1")) | {
        "ports": [
            {"name": "web", "port": 8080, "protocol": "TCP"},
            {"name": "admin", "port": 9090, "protocol": "TCP"},
            {"name": "admin", "port": 53, "protocol": "UDP"},
        ]
    }
    found, _ = endpoints(service(ports=ports), pod(ip="10.0.0.1"), both)
    assert (await found.one(TEAM, "web", 9000)).port == 9090
    with pytest.raises(NotThere, match="no port 81"):
        await found.one(TEAM, "web", 81)


async def test_ipv6_addresses_are_told_apart_by_value_not_by_spelling() -> None:
    claimed = slice_of(8080, endpoint(ip="fd00:0:0::1")) | {"addressType": "IPv6"}
    found, _ = endpoints(service(), pod(ip="fd00::1"), claimed)
    assert (await found.one(TEAM, "web", 80)).address == "fd00::1"


async def test_names_instead_of_addresses_are_no_endpoints() -> None:
    named = slice_of(8080, endpoint(ip="evil.example")) | {"addressType": "FQDN"}
    found, _ = endpoints(service(), pod(), named)
    with pytest.raises(NobodyReady):
        await found.one(TEAM, "web", 80)


async def test_service_and_slices_are_read_seldom_and_the_pod_each_time() -> None:
    found, cluster = endpoints(service(), pod(ip="10.0.0.1"), slice_of(8080, endpoint(ip="10.0.0.1")))
    for _ in range(3):
        await found.one(TEAM, "web", 80)
    assert sorted(cluster.reads) == ["EndpointSlice", "Pod", "Pod", "Pod", "Service"]


async def test_what_was_not_there_is_looked_for_again() -> None:
    found, cluster = endpoints()
    with pytest.raises(NotThere):
        await found.one(TEAM, "web", 80)
    cluster.objects += [service(), pod(ip="10.0.0.1"), slice_of(8080)]
    with pytest.raises(NobodyReady):
        await found.one(TEAM, "web", 80)
    cluster.objects[-1] = slice_of(8080, endpoint(ip="10.0.0.1"))
    assert await found.one(TEAM, "web", 80)


async def test_memory_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr("landlord.clients.probes.endpoints._MOST_REMEMBERED", 4)
    found, cluster = endpoints()
    for number in range(6):
        name = f"web{number}"
        cluster.objects += [service(name), pod(name, ip="10.0.0.1")]
        cluster.objects.append(slice_of(8080, endpoint(name, "10.0.0.1"), name=name))
        await found.one(TEAM, name, 80)
    assert len(found._remembered) == 4
