"""Landlord on the cluster with a real node: an operator, homes of tenants, charts in a real registry, and traffic."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from landlord.core.release.ledger import Ledger, decode
from tests.actors import Actor
from tests.admin import Admin
from tests.cluster import short_name
from tests.installation import install
from tests.node import NodeCluster
from tests.operator_process import OperatorProcess, operator_token_kubeconfig, running_operator
from tests.releases import Home, move_in
from tests.shop import Shop

CHARTS = Path(__file__).parent / "charts"
PAUSE = 0.25
"""Between two requests of somebody who uses the application."""


@dataclass
class NodeShop(Shop):
    """The cluster's own registry in the place of a shop; charts come from ``tests/charts``."""

    address: str = ""

    @property
    def host(self) -> str:
        """Host and port."""
        return self.address


@pytest.fixture(scope="session")
def node_landlord(node_cluster: NodeCluster) -> Actor:
    """The admin of the cluster with a real node, in which Landlord is installed."""
    return install(node_cluster.kubeconfig)


@pytest.fixture(scope="session")
def node_shop(node_cluster: NodeCluster) -> NodeShop:
    """The registry, with chart ``web`` in it."""
    node_cluster.push_chart(CHARTS / "web")
    return NodeShop(address=node_cluster.registry)


@pytest.fixture(scope="module")
def node_operator(
    node_cluster: NodeCluster, node_landlord: Actor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One serving operator for a module; it may neither end nor complain."""
    folder = tmp_path_factory.mktemp("operator")
    kubeconfig = operator_token_kubeconfig(node_landlord, node_cluster.kubeconfig, folder)
    with running_operator(kubeconfig, folder, *flags(node_cluster)) as process:
        asyncio.run(process.until_serving())
        yield process
        assert process.is_running, f"the operator ended: {process.log.read_text()[-4000:]}"
        assert process.complaints() == []
        assert asyncio.run(process.stop()) == 0


def flags(cluster: NodeCluster) -> tuple[str, ...]:
    """What an operator has to be told about this cluster."""
    network = f"{cluster.record.host.rpartition('.')[0]}.0/24"
    return (
        *("--plain-http", cluster.registry),
        *("--reachable", network),
        *("--pod-networks", network),
        *("--prometheus", cluster.prometheus),
    )


async def node_home(admin: Admin, shop: NodeShop, **settings: Any) -> Home:
    """A fresh tenant; its releases have these settings and defaults for all others."""
    home = await move_in(admin, short_name("t"), shop)
    home.settings.clear()
    home.settings.update(settings)
    return home


async def address_of(home: Home, name: str = "web") -> str:
    """The URL of a release's Service, which this machine reaches as pods do."""
    service = await home.admin.get(f"/api/v1/namespaces/{home.namespace}/services/{name}")
    return f"http://{service['spec']['clusterIP']}:{service['spec']['ports'][0]['port']}/"


@dataclass
class Traffic:
    """Requests of somebody who uses the application all the time, each on a connection of its own."""

    url: str
    answers: Counter[str] = field(default_factory=Counter)
    """How many answers there were with each body, or with each status other than 200."""
    lost: list[str] = field(default_factory=list)
    """What went wrong where there was no answer at all, and when."""

    @property
    def served(self) -> int:
        """Requests with an answer."""
        return self.answers.total()

    async def flow(self) -> None:
        """Ask until cancelled."""
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=15)) as session:
            while True:
                await self._ask(session)
                await asyncio.sleep(PAUSE)

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        try:
            async with session.get(self.url) as answer:
                body = (await answer.text()).strip()
                self.answers[body if answer.status == 200 else str(answer.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            now = datetime.now(UTC)  # noqa: TID251 - to be found in the logs
            self.lost.append(f"{now:%H:%M:%S.%f} {error!r}")


@asynccontextmanager
async def traffic(home: Home, name: str = "web") -> AsyncIterator[Traffic]:
    """Somebody who uses a release's Service for as long as the block lasts."""
    user = Traffic(await address_of(home, name))
    flowing = asyncio.create_task(user.flow())
    try:
        yield user
    finally:
        flowing.cancel()
        with suppress(asyncio.CancelledError):
            await flowing


async def pods(home: Home, name: str = "web") -> list[dict[str, Any]]:
    """The pods of a release's Deployment."""
    return await home.admin.list(f"/api/v1/namespaces/{home.namespace}/pods", labelSelector=f"app={name}")


async def ledger(home: Home, name: str = "web") -> Ledger:
    """What Landlord remembers of a release."""
    kept = await home.ledger(name)
    assert kept, f"no ledger of {home.namespace}/{name}"
    return decode(kept["data"]["ledger"])


__all__ = [
    "CHARTS",
    "NodeShop",
    "Traffic",
    "address_of",
    "flags",
    "ledger",
    "node_home",
    "node_landlord",
    "node_operator",
    "node_shop",
    "pods",
    "traffic",
]
