"""One tenant's crowd before Helm holds up nobody else: who waits for a place takes no worker, and is told why."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.admin import Admin
from tests.manifests import ENVIRONMENTS, TENANTS, condition
from tests.polling import eventually
from tests.releases import Home, home, leaving, move_in, release_operator, shop
from tests.shop import MODEST, SETTINGS, VALUES, Shop

__all__ = ["home", "leaving", "release_operator", "shop"]

OPERATOR_FLAGS = ("--helm-slots", "4", "--workers-release", "8")
"""A tenant has one place, and the crowd outnumbers the workers."""
STUCK = (
    """
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-stuck
  annotations: {helm.sh/hook: pre-install}
spec:
  suspend: true
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: stuck
          image: registry.example.org/stuck:1
"""
    + MODEST
)
CROWD = [f"web-{number}" for number in range(9)]


@pytest.fixture(scope="module", autouse=True)
def charts(shop: Shop) -> None:
    """A chart whose install hangs in a hook, and one that is deployed at once."""
    shop.offer("stuck", "1.0.0", {"templates/stuck.yaml": STUCK})
    shop.offer("light", "1.0.0", {"templates/settings.yaml": SETTINGS}, VALUES)


@pytest.fixture
async def neighbour(admin: Admin, tenant_name: str, shop: Shop, leaving: list[str]) -> AsyncIterator[Home]:
    """Another tenant."""
    name = f"{tenant_name}n"
    neighbour = await move_in(admin, name, shop)
    leaving.append(neighbour.namespace)
    yield neighbour
    for path in (f"{TENANTS}/{name}", f"{ENVIRONMENTS}/{name}"):
        await admin.delete(path)


async def test_a_tenants_crowd_before_helm_holds_up_nobody_else(home: Home, neighbour: Home) -> None:
    await home.push("stuck", chart=home.shop.pin("stuck"), timeout="1h")
    await home.until("stuck", reason="Deploying")
    light = home.shop.pin("light")
    await asyncio.gather(*(home.push(name, chart=light) for name in CROWD))

    await neighbour.push("light", chart=light)
    await neighbour.proven("light", deadline=20)

    for name in CROWD:
        waiting = await home.until(name, reason="Deploying", words="waits for a place among the runs of Helm")
        assert condition(waiting, "Stalled") == {}
    assert [await home.revisions(name) for name in CROWD] == [[] for _ in CROWD]

    async def is_over() -> bool:
        stuck = f"/apis/batch/v1/namespaces/{home.namespace}/jobs/stuck-stuck"
        await home.admin.patch(stuck, {"spec": {"suspend": False}})
        return bool((await home.admin.get(stuck)).get("status", {}).get("active"))

    await home.admin.patch(home.path(CROWD[0]), {"spec": {"suspend": True}})
    await home.until(CROWD[0], reason="Suspended")
    await eventually(is_over, deadline=60, describe="the hook that hung goes on")
    for name in CROWD[1:]:
        await home.proven(name)
