"""What an HTTP check asks and what it makes of the answer; and where it never goes, each with its positive control."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from landlord.api.failures import Forbidden, SpecFault, Transient
from landlord.api.releases import Outcome, Sample
from landlord.clients.addresses import Allow
from landlord.clients.expressions import Expressions
from landlord.clients.probes.endpoints import Endpoints
from landlord.clients.probes.http import LARGEST_BODY, HttpProbe
from landlord.clients.probes.looks import Look
from tests.unit.clients.probes.worlds import (
    NOW,
    Cluster,
    Server,
    endpoint,
    http_look,
    pod,
    self_signed,
    service,
    serving,
    slice_of,
    target,
)

LOOPBACK = ["127.0.0.0/8"]


@pytest.fixture
async def expressions() -> AsyncIterator[Expressions]:
    async with Expressions(seconds=5) as workers:
        yield workers


async def ok(_request: web.Request) -> web.Response:
    return web.Response(text="all is well")


async def ask(
    cluster: Cluster, look: Look, expressions: Expressions, pods: Allow | None = None, **options: Any
) -> Sample:
    outside = options.pop("outside", Allow())
    allow = pods or Allow.of(LOOPBACK, private=True)
    probe = HttpProbe(Endpoints(cluster), expressions, pods=allow, outside=outside, **options)  # type: ignore[arg-type]
    try:
        return await probe.sample(look, target(), NOW)
    finally:
        await probe.close()


def world(server: Server, **changes: Any) -> Cluster:
    """A Service with one ready pod, which is the server."""
    objects = {"service": service(), "pod": pod(), "slice": slice_of(server.port, endpoint())} | changes
    return Cluster(*[each for each in objects.values() if each is not None])


async def test_a_service_that_answers_well_passes_though_no_dns_knows_it(expressions: Expressions) -> None:
    async with serving(ok) as server:
        sample = await ask(world(server), http_look(service="web", path="/healthz?deep=1"), expressions)
    assert (sample.outcome, sample.value, sample.check, sample.at) == (Outcome.PASS, "200", "front", NOW)
    asked = server.asked[0]
    assert (asked.host, asked.path_qs, asked.method) == ("web.team-prod.svc", "/healthz?deep=1", "GET")


async def test_a_url_names_service_namespace_and_port(expressions: Expressions) -> None:
    async with serving(ok) as server:
        cluster = world(server, service=service(port=8080))
        sample = await ask(cluster, http_look(url="http://web.team-prod.svc.cluster.local:8080/x"), expressions)
    assert sample.outcome is Outcome.PASS
    assert server.asked[0].host == "web.team-prod.svc.cluster.local:8080"


async def test_another_namespace_of_the_tenant_is_read_as_its_own_deployer(expressions: Expressions) -> None:
    async with serving(ok) as server:
        cluster = Cluster(
            service(namespace="team-staging"),
            pod(namespace="team-staging"),
            slice_of(server.port, endpoint(), namespace="team-staging"),
        )
        sample = await ask(cluster, http_look(url="http://web.team-staging.svc/"), expressions)
    assert sample.outcome is Outcome.PASS


async def test_names_of_release_and_namespace_are_filled_in(expressions: Expressions) -> None:
    async with serving(ok) as server:
        look = http_look(
            url="http://web.{{namespace}}.svc/{{release}}", headers={"X-Probe": "{{release}}", "Host": "shop.example"}
        )
        assert (await ask(world(server), look, expressions)).outcome is Outcome.PASS
    asked = server.asked[0]
    assert (asked.path, asked.headers["X-Probe"], asked.host) == ("/shop", "shop", "shop.example")


async def test_over_tls_the_service_is_named_and_its_certificate_is_its_own_affair(
    expressions: Expressions, tmp_path: Path
) -> None:
    asked: list[str] = []
    context = self_signed(tmp_path)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with serving(ok, context=context) as server:
        cluster = world(server, service=service(port=443))
        sample = await ask(cluster, http_look(service="web", scheme="https"), expressions)
        assert sample.outcome is Outcome.PASS, sample.message
        assert asked == ["web.team-prod.svc"]
        outside = await ask(
            Cluster(),
            http_look(url=f"https://localhost:{server.port}/"),
            expressions,
            hosts=["localhost"],
            outside=Allow.of(["127.0.0.0/8", "::1"]),
        )
    assert outside.outcome is Outcome.FAIL
    assert "certificate" in outside.message.lower()


@pytest.mark.parametrize(
    ("status", "wanted", "outcome"),
    [
        (200, [], Outcome.PASS),
        (302, [], Outcome.PASS),
        (404, [], Outcome.FAIL),
        (503, [], Outcome.FAIL),
        (404, [404], Outcome.PASS),
        (200, [404, 410], Outcome.FAIL),
    ],
)
async def test_the_status_decides(status: int, wanted: list[int], outcome: Outcome, expressions: Expressions) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with serving(answer) as server:
        look = http_look(service="web", expectedStatus=wanted)
        sample = await ask(world(server), look, expressions)
    assert (sample.outcome, sample.value) == (outcome, str(status))
    assert bool(sample.message) is (outcome is Outcome.FAIL)


async def test_the_body_must_hold_what_the_pattern_says(expressions: Expressions) -> None:
    async with serving(ok) as server:
        good = await ask(world(server), http_look(service="web", bodyRegex="^all is w[e]ll$"), expressions)
        bad = await ask(world(server), http_look(service="web", bodyRegex="ERROR"), expressions)
    assert (good.outcome, bad.outcome) == (Outcome.PASS, Outcome.FAIL)


async def test_no_more_of_a_body_is_read_than_its_beginning(expressions: Expressions) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 4096)
            sent += 4096

    async with serving(endless) as server:
        look = http_look(service="web", bodyRegex="^x{1000}x*$", timeout=20)
        assert (await ask(world(server), look, expressions)).outcome is Outcome.PASS
        assert LARGEST_BODY <= sent < 64 * LARGEST_BODY


async def test_a_compressed_body_is_not_unpacked(expressions: Expressions) -> None:
    async def bomb(_request: web.Request) -> web.Response:
        response = web.Response(body=b"A" * 10_000_000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with serving(bomb) as server:
        sample = await ask(world(server), http_look(service="web", bodyRegex="AAAAAAAA"), expressions)
    assert server.asked[0].headers["Accept-Encoding"] == "identity"
    assert sample.outcome is Outcome.FAIL


async def test_an_answer_later_than_the_limits_fails(expressions: Expressions) -> None:
    late = asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        await asyncio.wait_for(late.wait(), 10)
        return web.Response()

    async with serving(slow) as server:
        sample = await ask(world(server), http_look(service="web", timeout=0.2), expressions)
        late.set()
        assert sample.outcome is Outcome.FAIL
        assert "within 0.2 s" in sample.message
        latency = await ask(world(server), http_look(service="web", latency=0), expressions)
    assert latency.outcome is Outcome.FAIL
    assert "more than 0 s" in latency.message


async def test_a_pod_that_refuses_connections_fails(expressions: Expressions) -> None:
    async with serving(ok) as server:
        cluster = world(server)
    sample = await ask(cluster, http_look(service="web"), expressions)
    assert sample.outcome is Outcome.FAIL
    assert "web.team-prod.svc/ (pod web-1) cannot be asked" in sample.message


async def test_a_service_without_ready_pods_fails(expressions: Expressions) -> None:
    async with serving(ok) as server:
        cluster = world(server, slice=slice_of(server.port, endpoint(ready=False)))
        sample = await ask(cluster, http_look(service="web"), expressions)
    assert (sample.outcome, sample.message) == (Outcome.FAIL, "Service web has no ready pod.")
    assert server.asked == []


async def test_a_service_that_is_not_there_fails_but_not_before_the_deploy_that_brings_it(
    expressions: Expressions,
) -> None:
    assert (await ask(Cluster(), http_look(service="web"), expressions)).outcome is Outcome.FAIL
    before = await ask(Cluster(), http_look(service="web", is_baseline=True), expressions)
    assert before.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("trouble", [Transient("The API server is away."), Forbidden("pods is forbidden")])
async def test_trouble_with_the_api_server_says_nothing_of_the_release(
    trouble: Exception, expressions: Expressions
) -> None:
    cluster = Cluster(service())
    cluster.trouble = trouble
    sample = await ask(cluster, http_look(service="web"), expressions)
    assert sample.outcome is Outcome.INCONCLUSIVE


async def test_redirects_are_not_followed(expressions: Expressions) -> None:
    async with serving(ok, host="127.0.0.2") as secret:

        async def redirect(_request: web.Request) -> web.Response:
            raise web.HTTPFound(f"http://127.0.0.2:{secret.port}/secret")

        async with serving(redirect) as server:
            sample = await ask(world(server), http_look(service="web", bodyRegex="all is well"), expressions)
        assert secret.asked == []
        assert (sample.outcome, sample.value) == (Outcome.FAIL, "302")
        control = await ask(
            world(secret, pod=pod(ip="127.0.0.2"), slice=slice_of(secret.port, endpoint(ip="127.0.0.2"))),
            http_look(service="web", bodyRegex="all is well"),
            expressions,
        )
        assert control.outcome is Outcome.PASS


async def test_an_external_name_is_not_followed(expressions: Expressions) -> None:
    async with serving(ok) as server:
        alias = service(type="ExternalName", externalName="localhost")
        refused = await ask(world(server, service=alias), http_look(service="web"), expressions)
        assert server.asked == []
        control = await ask(world(server), http_look(service="web"), expressions)
    assert refused.outcome is Outcome.INCONCLUSIVE
    assert "ExternalName" in refused.message
    assert control.outcome is Outcome.PASS


async def test_addresses_that_are_no_pods_of_the_namespace_are_not_dialled(expressions: Expressions) -> None:
    """As endpoints that somebody wrote by hand would have them."""
    async with serving(ok) as server:
        forged = {
            "no pod named": {**endpoint(), "targetRef": None},
            "no pod kind": {**endpoint(), "targetRef": {"kind": "Node", "name": "web-1", "uid": "uid-of-web-1"}},
            "a pod that is not there": endpoint(name="web-9"),
            "another address than the pod's": endpoint(ip="127.0.0.2"),
            "another incarnation": {**endpoint(), "targetRef": {"kind": "Pod", "name": "web-1", "uid": "older"}},
        }
        for how, each in forged.items():
            sample = await ask(world(server, slice=slice_of(server.port, each)), http_look(service="web"), expressions)
            assert sample.outcome is Outcome.INCONCLUSIVE, how
        elsewhere = world(server, pod=pod(namespace="other-team"))
        assert (await ask(elsewhere, http_look(service="web"), expressions)).outcome is Outcome.INCONCLUSIVE
        on_node = world(server, pod=pod(hostNetwork=True))
        assert (await ask(on_node, http_look(service="web"), expressions)).outcome is Outcome.INCONCLUSIVE
        assert server.asked == []
        assert (await ask(world(server), http_look(service="web"), expressions)).outcome is Outcome.PASS


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "0.0.0.0", "224.0.0.1", "100.100.100.200"])
async def test_special_addresses_are_not_dialled_even_if_a_pod_had_them(address: str, expressions: Expressions) -> None:
    async with serving(ok) as server:
        cluster = world(server, pod=pod(ip=address), slice=slice_of(server.port, endpoint(ip=address)))
        sample = await ask(cluster, http_look(service="web"), expressions, pods=Allow(private=True))
        assert sample.outcome is Outcome.INCONCLUSIVE
        assert "never reachable" in sample.message
        assert server.asked == []


async def test_the_api_server_is_not_dialled_even_if_a_pod_had_its_address(expressions: Expressions) -> None:
    async with serving(ok) as server:
        shut = Allow.of(LOOPBACK, private=True, denied=[("127.0.0.1", server.port)])
        refused = await ask(world(server), http_look(service="web"), expressions, pods=shut)
        assert server.asked == []
        elsewhere = Allow.of(LOOPBACK, private=True, denied=[("127.0.0.1", server.port + 1)])
        control = await ask(world(server), http_look(service="web"), expressions, pods=elsewhere)
    assert refused.outcome is Outcome.INCONCLUSIVE
    assert "API server" in refused.message
    assert control.outcome is Outcome.PASS


async def test_a_listed_host_is_asked_but_not_where_dns_leads_it_astray(expressions: Expressions) -> None:
    """`localhost` stands for a name whose answer of DNS is an address inside."""
    async with serving(ok) as server:
        look = http_look(url=f"http://localhost:{server.port}/")
        astray = await ask(Cluster(), look, expressions, hosts=["localhost"])
        assert server.asked == []
        control = await ask(Cluster(), look, expressions, hosts=["localhost"], outside=Allow.of(["127.0.0.0/8", "::1"]))
    assert astray.outcome is Outcome.INCONCLUSIVE
    assert "localhost leads to" in astray.message
    assert control.outcome is Outcome.PASS


async def test_what_is_not_for_a_tenant_to_reach_is_refused_before_anything_is_asked(expressions: Expressions) -> None:
    async with serving(ok) as server:
        sample = await ask(Cluster(), http_look(url=f"http://127.0.0.1:{server.port}/"), expressions)
        assert server.asked == []
    assert sample.outcome is Outcome.INCONCLUSIVE


async def test_an_admitted_check_has_a_place_to_go_headers_of_its_own_and_a_pattern(expressions: Expressions) -> None:
    probe = HttpProbe(Endpoints(Cluster()), expressions, pods=Allow(), outside=Allow())  # type: ignore[arg-type]
    await probe.admit(http_look(service="web", bodyRegex="a+", headers={"X-A": "b"}), target())
    for spec, why in (
        ({"url": "http://169.254.169.254/latest"}, "leads out of the tenant"),
        ({"service": "web", "bodyRegex": "(a"}, "unclosed group"),
        ({"service": "web", "headers": {"Transfer-Encoding": "chunked"}}, "not for a check"),
        ({"service": "web", "path": "/{{secret}}"}, "is not known"),
    ):
        with pytest.raises(SpecFault, match=why):
            await probe.admit(http_look(**spec), target())


async def test_a_pattern_that_does_not_end_says_nothing_of_the_release() -> None:
    async with serving(ok) as server, Expressions(seconds=0.0) as hasty:
        sample = await ask(world(server), http_look(service="web", bodyRegex="a"), hasty)
    assert sample.outcome is Outcome.INCONCLUSIVE
    assert "bodyRegex" in sample.message


@asynccontextmanager
async def flooding(head: bytes, block: bytes) -> AsyncIterator[Server]:
    """A server that never ends its answer."""
    flooded = Server()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            while True:
                writer.write(block)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    flooded.port = server.sockets[0].getsockname()[1]
    try:
        yield flooded
    finally:
        server.close()
        await server.wait_closed()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "block"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X-Y: " + b"a" * 4000 + b"\r\n", id="headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 65536, id="one header"),
        pytest.param(b"HTTP/1.1 200 ", b"a" * 65536, id="status line"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 100, id="hints"),
        pytest.param(CHUNKED + b"1;", b"a" * 65536, id="chunk extension"),
        pytest.param(CHUNKED + b"1\r\na\r\n0\r\n", b"X-Y: " + b"a" * 4000 + b"\r\n", id="trailers"),
    ],
)
async def test_an_answer_that_never_ends_takes_no_memory_and_fails(
    head: bytes, block: bytes, expressions: Expressions
) -> None:
    await expressions.matches("a", "a")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with flooding(head, block) as server:
        sample = await ask(world(server), http_look(service="web", bodyRegex="^b", timeout=1), expressions)
    assert sample.outcome is Outcome.FAIL
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
