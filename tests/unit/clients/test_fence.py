"""Writes stop at a closed fence, also when it closes between the call and the first byte."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from landlord.api.failures import Transient
from landlord.api.refs import NAMESPACES
from landlord.clients.cluster import Cluster

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}


class Server:
    """Answers everything and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.slow = False

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.method)
        await request.read()
        if self.slow:
            await asyncio.sleep(60)
        return web.json_response({"metadata": {"name": "n"}, "items": []})


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    served = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield served, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def client(address: str, *fence: float) -> Cluster:
    """A client whose fence gives these answers, the last one for ever."""
    answers = list(fence)
    configuration = Configuration()
    configuration.host = address
    return Cluster(
        ApiClient(configuration),
        user_agent="test",
        fence=lambda: answers.pop(0) if len(answers) > 1 else answers[0],
    )


async def test_an_open_fence_lets_writes_through(server: tuple[Server, str]) -> None:
    served, address = server
    async with client(address, 10) as cluster:
        await cluster.create(NAMESPACES, NAMESPACE)
    assert served.asked == ["POST"]


async def test_a_closed_fence_lets_reads_through_and_no_write(server: tuple[Server, str]) -> None:
    served, address = server
    async with client(address, 0) as cluster:
        await cluster.get(NAMESPACES, "n")
        await cluster.list_all(NAMESPACES)
        for write in (
            cluster.create(NAMESPACES, NAMESPACE),
            cluster.apply(NAMESPACES, NAMESPACE),
            cluster.merge(NAMESPACES, "n", {}),
            cluster.json_patch(NAMESPACES, "n", []),
            cluster.replace(NAMESPACES, NAMESPACE),
            cluster.delete(NAMESPACES, "n", uid="u"),
        ):
            with pytest.raises(Transient, match="no longer holds the Lease"):
                await write
    assert served.asked == ["GET", "GET"]


async def test_a_fence_that_closes_before_the_first_byte_stops_the_write(server: tuple[Server, str]) -> None:
    served, address = server
    async with client(address, 10, 0) as cluster:
        with pytest.raises(Transient):
            await cluster.create(NAMESPACES, NAMESPACE)
        await cluster.get(NAMESPACES, "n")
    assert served.asked == ["GET"]


async def test_a_write_is_waited_for_no_longer_than_the_fence_gives(server: tuple[Server, str]) -> None:
    served, address = server
    served.slow = True
    async with client(address, 0.05) as cluster, asyncio.timeout(5):
        with pytest.raises(Transient, match="did not answer create"):
            await cluster.create(NAMESPACES, NAMESPACE)
