"""Charts in the manner of common ones on a real node: installed, upgraded, broken, rolled back and uninstalled.

The bakes are short, since they are not what is tested; timeout and rollback are the defaults. All charts go their way
at once, each in a tenant of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.admin import Admin, open_admin
from tests.cluster import eventually
from tests.manifests import condition
from tests.node import NodeCluster
from tests.node_home import CHARTS, NodeShop, node_home, node_landlord, node_operator, node_shop
from tests.operator_process import OperatorProcess
from tests.releases import Home

__all__ = ["node_landlord", "node_operator", "node_shop"]

pytestmark = pytest.mark.timeout(900)

Look = Callable[[Home], Awaitable[Any]]
CRASH = {"image": {"tag": "crash"}}
WORKLOADS = ("deployments", "statefulsets", "daemonsets")
KEPT = ("persistentvolumeclaims", "secrets", "services", "configmaps")
DONE = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Walk:
    """A chart's way: values of the install, of the upgrade and of the bad upgrade, which are added to each other."""

    chart: str
    upgrade: Mapping[str, Any]
    bad: Mapping[str, Any]
    reason: str
    first: Mapping[str, Any] = field(default_factory=dict)
    look: Look | None = None
    """What must be the same after the rollback as after the upgrade."""
    stays: frozenset[str] = frozenset()
    """What an uninstall leaves behind."""


@dataclass(frozen=True)
class Walked:
    """How it went."""

    held: dict[str, Any]
    upgraded: Any
    rolled_back: Any
    images: set[str]
    revisions: list[tuple[int, str]]
    left: set[str]


async def _password(home: Home) -> Any:
    secret = await home.admin.get(f"/api/v1/namespaces/{home.namespace}/secrets/web-database")
    return secret["data"]["password"]


async def _config(home: Home, name: str) -> Any:
    return await home.data(name)


async def _monitor(home: Home) -> Any:
    path = f"/apis/monitoring.coreos.com/v1/namespaces/{home.namespace}/servicemonitors/web-monitored"
    return (await home.admin.get(path))["spec"]


async def _agent(home: Home) -> Any:
    return await _config(home, "web-agent")


async def _store(home: Home) -> Any:
    return await _config(home, "web-config")


WALKS = {
    "a StatefulSet with volumes, lookup and required": Walk(
        "database",
        first={"auth": {"database": "orders"}},
        upgrade={"image": {"tag": "2"}},
        bad=CRASH,
        reason="CrashLooping",
        look=_password,
        stays=frozenset({"persistentvolumeclaims/data-web-database-0", "persistentvolumeclaims/data-web-database-1"})
        | {"secrets/web-database"},
    ),
    "required without its value": Walk(
        "database",
        first={"auth": {"database": "orders"}, "replicaCount": 1},
        upgrade={"auth": {"password": "given"}},
        bad={"auth": {"database": ""}},
        reason="RenderFailed",
        look=_password,
        stays=frozenset({"persistentvolumeclaims/data-web-database-0", "secrets/web-database"}),
    ),
    "a DaemonSet": Walk(
        "agent",
        upgrade={"config": {"level": "debug"}},
        bad={**CRASH, "config": {"level": "none"}},
        reason="CrashLooping",
        look=_agent,
    ),
    "hooks that are Jobs": Walk(
        "migrating",
        upgrade={"image": {"tag": "2"}},
        bad={"warmUp": {"exitCode": 3}},
        reason="HookFailed",
        # Helm takes away hooks that succeeded only, as the chart says.
        stays=frozenset({"jobs/web-migrating-warm-up"}),
    ),
    "custom resources": Walk(
        "monitored",
        upgrade={"serviceMonitor": {"interval": "10s"}},
        bad={"serviceMonitor": {"interval": "soon"}},
        reason="Rejected",
        look=_monitor,
    ),
    "a library": Walk("plain", upgrade={"replicaCount": 2}, bad=CRASH, reason="CrashLooping"),
    "an umbrella": Walk(
        "store",
        upgrade={"sessions": {"enabled": True}, "front": {"greeting": "good day"}},
        bad={"cache": {**CRASH, "enabled": True}, "sessions": {"enabled": False}},
        reason="CrashLooping",
        look=_store,
    ),
}

SERVICE_MONITORS: dict[str, Any] = {
    "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
    "spec": {
        "group": "monitoring.coreos.com",
        "names": {"kind": "ServiceMonitor", "plural": "servicemonitors", "singular": "servicemonitor"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["endpoints", "selector"],
                                "properties": {
                                    "selector": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    "endpoints": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "properties": {
                                                "port": {"type": "string"},
                                                "interval": {"type": "string", "pattern": "^[0-9]+(s|m|h)$"},
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = merged.get(key)
            merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return merged


async def _walk(home: Home, walk: Walk) -> Walked:
    pin = home.shop.pin(walk.chart)
    await home.push(chart=pin, values=_merged(walk.first))
    await home.proven(deadline=120)
    good = _merged(walk.first, walk.upgrade)
    await home.push(chart=pin, values=good)
    await home.proven(deadline=120)
    upgraded = await _all(home, walk)
    await home.push(chart=pin, values=_merged(good, walk.bad))
    held = await _held(home)
    await _is_proven_again(home)
    rolled_back = await _all(home, walk)
    revisions = await home.revisions()
    images = await _images(home)
    await home.delete()
    left = await _left(home)
    return Walked(held, upgraded, rolled_back, images, revisions, left)


async def _all(home: Home, walk: Walk) -> dict[str, Any]:
    """What is in the namespace: each workload's spec, the names of all else, and what the walk looks at."""
    specs = {
        f"{kind}/{each['metadata']['name']}": each["spec"]
        for kind in WORKLOADS
        for each in await home.admin.list(f"/apis/apps/v1/namespaces/{home.namespace}/{kind}")
    }
    return {"specs": specs, "look": await walk.look(home) if walk.look else None}


async def _held(home: Home) -> dict[str, Any]:
    """Why the bad upgrade is held, or was never begun, once that is settled."""
    body = await home.until(kind="Stalled", status="True", deadline=120)
    ready = condition(body)
    return dict(body["status"].get("held") or {"reason": ready["reason"], "message": ready["message"]})


async def _is_proven_again(home: Home) -> None:
    """Return once the workloads are as wanted after the rollback."""

    async def is_whole() -> bool:
        for kind in WORKLOADS:
            for each in await home.admin.list(f"/apis/apps/v1/namespaces/{home.namespace}/{kind}"):
                status = each["status"]
                wanted = status.get("desiredNumberScheduled", each["spec"].get("replicas", 1))
                ready = status.get("readyReplicas", status.get("numberReady", 0))
                updated = status.get("updatedReplicas", status.get("updatedNumberScheduled", 0))
                seen = status.get("observedGeneration") == each["metadata"]["generation"]
                if not seen or not wanted == ready == updated == status.get("replicas", ready):
                    return False
        return not any(pod["metadata"].get("deletionTimestamp") for pod in await _pods(home))

    await eventually(is_whole, deadline=90, describe=f"whole workloads in {home.namespace}")


async def _pods(home: Home) -> list[dict[str, Any]]:
    return await home.admin.list(f"/api/v1/namespaces/{home.namespace}/pods")


async def _images(home: Home) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in await _pods(home)}


async def _left(home: Home) -> set[str]:
    """The release's objects that are still there once no pod runs any more."""

    async def is_over() -> bool:
        return all(pod["status"].get("phase") in DONE for pod in await _pods(home))

    await eventually(is_over, deadline=60, describe=f"no running pods in {home.namespace}")
    core, apps, batch = "/api/v1", "/apis/apps/v1", "/apis/batch/v1"
    labelled = {"labelSelector": "app.kubernetes.io/instance=web"}
    places = [(core, kind, labelled) for kind in KEPT]
    places += [(apps, kind, {}) for kind in WORKLOADS] + [(batch, "jobs", {})]
    return {
        f"{kind}/{each['metadata']['name']}"
        for root, kind, query in places
        for each in await home.admin.list(f"{root}/namespaces/{home.namespace}/{kind}", **query)
    }


Walks = dict[str, Walked | BaseException]


@pytest.fixture(scope="module")
def walks(
    node_cluster: NodeCluster,
    node_shop: NodeShop,
    node_operator: OperatorProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Walks:
    """All charts on their ways, at once."""
    scratch = tmp_path_factory.mktemp("walks")
    for chart in {walk.chart for walk in WALKS.values()}:
        node_cluster.push_chart(CHARTS / chart)

    async def go() -> Walks:
        async with open_admin(node_cluster.kubeconfig, scratch) as admin:
            await _serve_monitors(admin)
            homes = [await node_home(admin, node_shop, bake="1s") for _ in WALKS]
            gone = [_walk(home, walk) for home, walk in zip(homes, WALKS.values(), strict=True)]
            return dict(zip(WALKS, await asyncio.gather(*gone, return_exceptions=True), strict=True))

    return asyncio.run(go())


async def _serve_monitors(admin: Admin) -> None:
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    await admin.apply_manifests({**head, **SERVICE_MONITORS})
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{SERVICE_MONITORS['metadata']['name']}"

    async def is_served() -> bool:
        return condition(await admin.get(path), "Established").get("status") == "True"

    await eventually(is_served, describe="ServiceMonitors that are served")


def _walked(walks: Walks, name: str) -> Walked:
    walked = walks[name]
    if isinstance(walked, BaseException):
        raise walked
    return walked


@pytest.mark.parametrize("name", WALKS)
def test_a_bad_upgrade_of_the_chart_is_held_with_its_reason(walks: Walks, name: str) -> None:
    walked = _walked(walks, name)
    print(f"{name}: {walked.held['reason']}: {walked.held['message']} {walked.revisions}")
    assert walked.held["reason"] == WALKS[name].reason


@pytest.mark.parametrize("name", WALKS)
def test_everything_is_as_after_the_good_upgrade(walks: Walks, name: str) -> None:
    walked = _walked(walks, name)
    assert walked.rolled_back == walked.upgraded
    assert "localhost/app:crash" not in walked.images
    assert walked.revisions[-1][1] == "deployed"


@pytest.mark.parametrize("name", WALKS)
def test_an_uninstall_leaves_what_the_chart_keeps_and_nothing_else(walks: Walks, name: str) -> None:
    walked = _walked(walks, name)
    assert walked.left == WALKS[name].stays
