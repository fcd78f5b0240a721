"""Servers and a client that may reach them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from landlord.clients.addresses import Allow
from landlord.clients.charts.client import Charts
from landlord.clients.charts.limits import Limits, Reach
from tests.unit.clients.charts.servers import FakeRegistry, FakeRepository, serving

LIMITS = Limits(packed=1 << 20, unpacked=4 << 20, one_file=1 << 20, index=1 << 20, silence=1, connect=1, total=3)
LOOPBACK = Reach(Allow.of(["127.0.0.1/32"]), plain_http=("127.0.0.1",))

Make = Callable[..., Charts]


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    """A registry without anything."""
    server = FakeRegistry()
    async with serving(server):
        yield server


@pytest.fixture
async def repository() -> AsyncIterator[FakeRepository]:
    """A repository without anything."""
    server = FakeRepository()
    async with serving(server):
        yield server


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes clients over one cache directory, as an operator that starts again would."""
    made: list[Charts] = []

    def one(reach: Reach = LOOPBACK, limits: Limits = LIMITS) -> Charts:
        made.append(Charts(tmp_path / "charts", reach=reach, limits=limits))
        return made[-1]

    yield one
    for each in made:
        await each.close()


@pytest.fixture
def charts(make: Make) -> Charts:
    """A client that may speak plainly to loopback."""
    return make()
