"""Trouble around good releases on a real node: nothing is rejected or rolled back, and it passes by itself.

Each trouble lasts beyond the release's timeout, which is short here so that a test can see what becomes of it then. All
happen at once, each to a tenant of its own; the registry ends last, since the others need it to begin.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from landlord.core.release.ledger import Ledger, Verdict
from tests.admin import Admin, open_admin
from tests.cluster import eventually, short_name
from tests.manifests import TENANTS, condition
from tests.node import NODE, NodeCluster
from tests.node_home import (
    CHARTS,
    NodeShop,
    Traffic,
    ledger,
    node_home,
    node_landlord,
    node_operator,
    node_shop,
    traffic,
)
from tests.operator_process import OperatorProcess
from tests.releases import Home

__all__ = ["node_landlord", "node_operator", "node_shop"]

pytestmark = pytest.mark.timeout(900)

SHORT = {"timeout": "30s", "bake": "1s"}
HOOKLESS: dict[str, Any] = {"hook": None, "replicas": 1}
PROMQL = {
    "name": "errors",
    "promql": {"query": 'max(app_error_ratio{app="{{release}}"})', "max": 0.1},
    "interval": "2s",
    "initialDelay": "2s",
}


@dataclass(frozen=True)
class Seen:
    """How it went."""

    reason: str
    words: str
    told: dict[str, Any]
    """The AppRelease in the midst of the trouble."""
    memory: Ledger
    """What the ledger had when it was over."""
    revisions: list[tuple[int, str]]
    events: list[str]
    user: Traffic


Clear = Callable[[], Awaitable[Any]]
Begun = asyncio.Semaphore
"""Released by each trouble that needs the registry no more."""


async def _befallen(home: Home, reason: str, words: str, spec: dict[str, Any], clear: Clear, begun: Begun) -> Seen:
    """Push this over a good release, see it in trouble beyond its timeout, clear the cause, see it proven."""
    async with traffic(home) as user:
        await home.push(**spec)
        try:
            await home.until(reason=reason, status="Unknown", words=words, deadline=60)
        finally:
            begun.release()
        told = await _lasting(home)
        await clear()
        await home.proven(deadline=150)
    return await _seen(home, reason, words, told, user)


async def _seen(home: Home, reason: str, words: str, told: dict[str, Any], user: Traffic) -> Seen:
    memory = await ledger(home)
    return Seen(reason, words, told, memory, await home.revisions(), await home.events(), user)


async def _lasting(home: Home) -> dict[str, Any]:
    """The AppRelease one more pass after its trouble was found to be the environment's, with time left again."""

    async def noted() -> bool:
        return any(each.verdict is Verdict.UNDETERMINED for each in (await ledger(home)).verdicts)

    await eventually(noted, deadline=90, describe=f"an undetermined attempt in {home.namespace}")
    return await home.looked_at()


async def _begins(story: Awaitable[Seen], begun: Begun) -> Seen:
    """The story; whoever waits for its beginning does not wait for ever when there is none."""
    try:
        return await story
    finally:
        begun.release()


async def _running(admin: Admin, shop: NodeShop, **values: Any) -> Home:
    home = await node_home(admin, shop, **SHORT)
    await home.push(values={**HOOKLESS, **values})
    await home.proven(deadline=120)
    return home


async def _full_quota(admin: Admin, shop: NodeShop, begun: Begun) -> Seen:
    home = await _running(admin, shop)
    tenant = f"{TENANTS}/{home.namespace[: len(home.namespace) // 2]}"

    async def allow(count: int) -> None:
        await admin.patch(tenant, {"spec": {"defaults": {"quota": {"hard": {"pods": count}}}}})
        path = f"/api/v1/namespaces/{home.namespace}/resourcequotas/landlord"

        async def is_set() -> bool:
            found = await admin.get(path)
            return bool((found["status"].get("hard") or {}).get("pods") == str(count))

        await eventually(is_set, describe=f"a quota of {count} pods")

    await allow(1)
    spec = {"image": {"tag": "2"}, "values": HOOKLESS}
    return await _befallen(home, "QuotaExceeded", "exceeded quota", spec, lambda: allow(3), begun)


async def _unschedulable(admin: Admin, shop: NodeShop, begun: Begun) -> Seen:
    home = await _running(admin, shop)
    label = f"tests.landlord.dev/{home.namespace}"
    node = f"/api/v1/nodes/{NODE}"
    spec = {"image": {"tag": "2"}, "values": {**HOOKLESS, "nodeSelector": {label: "here"}}}
    try:
        clear = lambda: admin.patch(node, {"metadata": {"labels": {label: "here"}}})  # noqa: E731
        return await _befallen(home, "Unschedulable", "didn't match", spec, clear, begun)
    finally:
        await admin.patch(node, {"metadata": {"labels": {label: None}}})


async def _dead_webhook(admin: Admin, shop: NodeShop, group: str, resource: str, begun: Begun) -> Seen:
    home = await _running(admin, shop)
    name = short_name("w")
    webhook = {
        "name": f"{name}.landlord.dev",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://127.0.0.1:1/", "caBundle": ""},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 2,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": home.namespace}},
        "rules": [
            {
                "apiGroups": [group],
                "apiVersions": ["v1"],
                "resources": [resource],
                "operations": ["CREATE", "UPDATE"],
            }
        ],
    }
    hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    await admin.create(hooks, {"metadata": {"name": name}, "webhooks": [webhook]})
    spec = {"image": {"tag": "2"}, "values": HOOKLESS}
    is_deleted = False

    async def clear() -> None:
        nonlocal is_deleted
        is_deleted = True
        await admin.delete(f"{hooks}/{name}")

    try:
        return await _befallen(home, "WebhookUnavailable", f"{name}.landlord.dev", spec, clear, begun)
    finally:
        if not is_deleted:
            await clear()


async def _dead_prometheus(admin: Admin, shop: NodeShop, cluster: NodeCluster, begun: Begun) -> Seen:
    home = await _running(admin, shop)
    async with traffic(home) as user:
        cluster.stop("prometheus")
        try:
            await home.push(image={"tag": "2"}, values=HOOKLESS, healthChecks=[PROMQL], bake="10s")
            told = await home.until(reason="Inconclusive", status="Unknown", words="errors", deadline=90)
        finally:
            begun.release()
            cluster.start("prometheus")
        await home.proven(deadline=90)
    return await _seen(home, "Inconclusive", "errors", told, user)


async def _dead_registry(admin: Admin, shop: NodeShop, cluster: NodeCluster, others: int, begun: Begun) -> list[Seen]:
    """Of two releases the first lacks its image, as the registry ends during a hook; the second lacks its chart."""
    images, charts = await asyncio.gather(_running(admin, shop, hook=0), _running(admin, shop))
    repository = cluster.image("3", pulled=True).rpartition(":")[0]
    cluster.push_chart(CHARTS / "web", version="1.0.1")
    for _ in range(others):
        await begun.acquire()
    async with traffic(images) as one, traffic(charts) as two:
        # Asked for every time: another test may have brought the image to the node already.
        late = {"replicas": 1, "hookSeconds": 4, "pullPolicy": "Always"}
        await images.push(image={"repository": repository, "tag": "3"}, values=late)
        await _hook_runs(images)
        cluster.stop("registry")
        try:
            await charts.push(chart=shop.pin(version="1.0.1"), values=HOOKLESS)
            without_chart = await charts.until(reason="RegistryUnavailable", deadline=60)
            words = f"cannot pull {repository}:3"
            await images.until(reason="RegistryUnavailable", status="Unknown", words=words, deadline=60)
            without_image = await _lasting(images)
        finally:
            cluster.start("registry")
        await asyncio.gather(images.proven(deadline=150), charts.proven(deadline=150))
    return [
        await _seen(images, "RegistryUnavailable", f"cannot pull {repository}:3", without_image, one),
        await _seen(charts, "RegistryUnavailable", "What runs keeps running", without_chart, two),
    ]


async def _hook_runs(home: Home) -> None:
    async def runs() -> bool:
        found = await home.admin.list(
            f"/api/v1/namespaces/{home.namespace}/pods", labelSelector="batch.kubernetes.io/job-name=web-migrate"
        )
        return any(pod["status"].get("phase") == "Running" for pod in found)

    await eventually(runs, describe="a hook that runs")


TROUBLES = (
    "a full quota",
    "no node that fits",
    "a dead webhook for Deployments",
    "a dead webhook for pods",
    "a dead Prometheus",
    "a dead registry of images",
    "a dead registry of charts",
)
WITHOUT_VERDICT = ("a dead Prometheus", "a dead registry of charts")
"""Troubles that delay an attempt without leaving one undetermined."""

Troubles = dict[str, Seen | BaseException]


@pytest.fixture(scope="module")
def troubles(
    node_cluster: NodeCluster,
    node_shop: NodeShop,
    node_operator: OperatorProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Troubles:
    """All troubles, gone through."""
    scratch = tmp_path_factory.mktemp("troubles")

    async def go_through() -> Troubles:
        async with open_admin(node_cluster.kubeconfig, scratch) as admin:
            begun = asyncio.Semaphore(0)
            first = [
                _full_quota(admin, node_shop, begun),
                _unschedulable(admin, node_shop, begun),
                _dead_webhook(admin, node_shop, "apps", "deployments", begun),
                _dead_webhook(admin, node_shop, "", "pods", begun),
                _dead_prometheus(admin, node_shop, node_cluster, begun),
            ]
            last = _dead_registry(admin, node_shop, node_cluster, len(first), begun)
            begun_all = [_begins(each, begun) for each in first]
            told: list[Any] = await asyncio.gather(*begun_all, last, return_exceptions=True)
            registry = told.pop()
            told += registry if isinstance(registry, list) else [registry, registry]
            return dict(zip(TROUBLES, told, strict=True))

    return asyncio.run(go_through())


def _gone_through(troubles: Troubles, name: str) -> Seen:
    seen = troubles[name]
    if isinstance(seen, BaseException):
        raise seen
    return seen


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_is_told_and_passes_by_itself(troubles: Troubles, name: str) -> None:
    seen = _gone_through(troubles, name)
    ready = condition(seen.told)
    print(f"{name}: {ready['message']}")
    assert (ready["status"], ready["reason"]) == ("Unknown", seen.reason)
    assert seen.words in ready["message"]
    undetermined = {each.reason for each in seen.memory.verdicts if each.verdict is Verdict.UNDETERMINED}
    assert undetermined == (set() if name in WITHOUT_VERDICT else {seen.reason})
    assert seen.memory.attempt is None
    assert seen.memory.proven
    assert seen.memory.proven.revision == seen.revisions[-1][0]
    assert seen.revisions[-1][1] == "deployed"


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_is_no_rejection_and_no_reason_to_roll_back(troubles: Troubles, name: str) -> None:
    seen = _gone_through(troubles, name)
    verdicts = [each.verdict for each in seen.memory.verdicts]
    print(f"{name}: {[verdict.value for verdict in verdicts]}, revisions {seen.revisions}")
    assert verdicts[0] is verdicts[-1] is Verdict.PROVEN
    between = set() if name in WITHOUT_VERDICT else {Verdict.UNDETERMINED}
    assert set(verdicts[1:-1]) == between
    assert seen.memory.held is None
    assert not [event for event in seen.events if event.startswith(("RolledBack", "RollingBack"))]


@pytest.mark.parametrize("name", TROUBLES)
def test_the_application_is_served_through_all_trouble(troubles: Troubles, name: str) -> None:
    user = _gone_through(troubles, name).user
    print(f"{name}: {user.served} answers {dict(user.answers)}, {len(user.lost)} lost")
    assert user.lost == []
    assert set(user.answers) <= {"app 1", "app 2", "app 3"}
