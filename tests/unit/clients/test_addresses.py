"""Which addresses may be dialled, whatever a name or a redirect says."""

import socket
from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from landlord.api.failures import Refused
from landlord.clients.addresses import Allow, check_address, guarded_connector, host_matches

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fd12::1",
    "::ffff:10.0.0.1",
    "2002:0a00:0001::",
    "198.18.0.1",
]
NEVER = [
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "::ffff:0.0.0.0",
    "169.254.169.254",
    "169.254.0.1",
    "::ffff:169.254.169.254",
    "2002:a9fe:a9fe::",
    "64:ff9b::a9fe:a9fe",
    "fd00:ec2::254",
    "100.100.100.200",
    "192.0.0.192",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "224.0.0.1",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_reachable(address: str) -> None:
    check_address(address, "web.example.org", 443, Allow())


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_leave(address: str) -> None:
    with pytest.raises(Refused, match="private address"):
        check_address(address, "web.example.org", 443, Allow())
    check_address(address, "web.example.org", 443, Allow(private=True))
    check_address(address, "web.example.org", 443, Allow.of(["*.example.org"]))


@pytest.mark.parametrize("address", NEVER)
def test_special_addresses_are_never_reachable_by_leave_for_names(address: str) -> None:
    with pytest.raises(Refused, match="never reachable"):
        check_address(address, "web.example.org", 443, Allow.of(["web.example.org"], private=True))


def test_a_network_opens_what_nothing_else_does() -> None:
    allow = Allow.of(["127.0.0.0/8", "fd00::/8"])
    check_address("127.0.0.1", "localhost", 80, allow)
    check_address("::ffff:127.0.0.1", "localhost", 80, allow)
    check_address("fd00::7", "x", 80, allow)
    with pytest.raises(Refused):
        check_address("10.0.0.1", "x", 80, allow)


def test_the_api_server_stays_shut_whatever_is_allowed() -> None:
    allow = Allow.of(["10.0.0.0/8", "*.example.org"], private=True, denied=[("10.96.0.1", None), ("10.0.0.5", 6443)])
    for address, port in (("10.96.0.1", 443), ("10.96.0.1", 80), ("::ffff:10.96.0.1", 80), ("10.0.0.5", 6443)):
        with pytest.raises(Refused, match="Kubernetes API server"):
            check_address(address, "web.example.org", port, allow)
    check_address("10.0.0.5", "web.example.org", 80, allow)


def test_the_api_server_may_be_told_by_name() -> None:
    allow = Allow.of(["10.0.0.0/8"], denied=[("api.example.org", 6443), ("", None)])
    with pytest.raises(Refused, match="Kubernetes API server"):
        check_address("10.0.0.5", "API.example.org.", 6443, allow)
    check_address("10.0.0.5", "web.example.org", 6443, allow)


@pytest.mark.parametrize(
    ("host", "pattern", "same"),
    [
        ("a.example.org", "a.example.org", True),
        ("A.Example.org.", "a.example.org", True),
        ("a.example.org", "*.example.org", True),
        ("example.org", "*.example.org", False),
        ("badexample.org", "*.example.org", False),
        ("a.example.org.evil.test", "*.example.org", False),
        ("b.example.org", "a.example.org", False),
    ],
)
def test_a_pattern_names_one_host_or_all_below(host: str, pattern: str, same: bool) -> None:
    assert host_matches(host, [pattern]) is same


class Answers(AbstractResolver):
    """A name server whose answers change with each question."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The next answer; the last one for ever."""
        self.asked += 1
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            ResolveResult(hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=0)
            for each in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server on loopback that answers, and redirects to wherever it is told."""

    async def answer(request: web.Request) -> web.Response:
        to = request.query.get("to")
        return web.Response(status=302, headers={"Location": to}) if to else web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = site._server
    assert server is not None
    yield server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    await runner.cleanup()


async def get(url: str, allow: Allow, resolver: AbstractResolver | None = None) -> str:
    """The body at a URL, through the guard, redirects followed."""
    async with (
        aiohttp.ClientSession(connector=guarded_connector(allow, resolver=resolver)) as session,
        session.get(url) as answer,
    ):
        return await answer.text()


LOOPBACK = Allow.of(["127.0.0.1/32"])


async def test_a_name_that_leads_to_loopback_is_refused_and_reached_only_with_leave(port: int) -> None:
    assert await get(f"http://web.example.org:{port}/", LOOPBACK, Answers(["127.0.0.1"])) == "here"
    with pytest.raises(Refused, match=r"web\.example\.org leads to 127\.0\.0\.1"):
        await get(f"http://web.example.org:{port}/", Allow(private=True), Answers(["127.0.0.1"]))


async def test_one_bad_address_among_good_ones_refuses_the_name(port: int) -> None:
    with pytest.raises(Refused):
        await get(f"http://web.example.org:{port}/", LOOPBACK, Answers(["127.0.0.1", "169.254.169.254"]))


async def test_an_answer_that_changes_between_requests_is_judged_each_time(port: int) -> None:
    names = Answers(["127.0.0.1"], ["127.0.0.2"])
    async with aiohttp.ClientSession(connector=guarded_connector(LOOPBACK, resolver=names)) as session:
        async with session.get(f"http://web.example.org:{port}/", headers={"Connection": "close"}) as answer:
            assert await answer.text() == "here"
        with pytest.raises(Refused, match=r"127\.0\.0\.2"):
            await session.get(f"http://web.example.org:{port}/")
    assert names.asked == 2


async def test_another_name_of_the_api_server_is_shut_too(port: int) -> None:
    shut = Allow.of(["127.0.0.1"], denied=[("api.example.org", port)])
    for host in ("web.example.org", "api.example.org", "127.0.0.1"):
        assert await get(f"http://{host}:{port}/", LOOPBACK, Answers(["127.0.0.1"])) == "here"
        with pytest.raises(Refused, match="Kubernetes API server"):
            await get(f"http://{host}:{port}/", shut, Answers(["127.0.0.1"]))


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "[::ffff:127.0.0.2]", "169.254.169.254", "0.0.0.0", "10.0.0.1"])
async def test_literal_addresses_are_judged_though_nothing_is_looked_up(port: int, host: str) -> None:
    assert await get(f"http://127.0.0.1:{port}/", LOOPBACK) == "here"
    with pytest.raises(Refused):
        await get(f"http://{host}:{port}/", LOOPBACK)


@pytest.mark.parametrize("host", ["2130706434", "0x7f000002", "0177.0.0.2", "127.2", "localhost.localdomain.invalid"])
async def test_addresses_in_disguise_lead_nowhere(port: int, host: str) -> None:
    with pytest.raises((Refused, aiohttp.ClientError)):
        await get(f"http://{host}:{port}/", LOOPBACK)


async def test_a_followed_redirect_passes_the_same_door(port: int) -> None:
    assert await get(f"http://127.0.0.1:{port}/?to=http://127.0.0.1:{port}/", LOOPBACK) == "here"
    with pytest.raises(Refused, match="metadata"):
        await get(f"http://127.0.0.1:{port}/?to=http://169.254.169.254/", LOOPBACK)
