"""Bad releases on a real node, each in its own way: rolled back by themselves while the old pods go on serving.

Timeout, rollback and the bake of the bad release are the defaults; the good one bakes for a second, since its bake is
not what is tested. All stories run at once, each in a tenant of its own, and every test looks at one of them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from landlord.core.release.ledger import Ledger, Verdict
from tests.admin import open_admin
from tests.cluster import eventually
from tests.manifests import condition
from tests.node import NodeCluster
from tests.node_home import (
    NodeShop,
    Traffic,
    ledger,
    node_home,
    node_landlord,
    node_operator,
    node_shop,
    pods,
    traffic,
)
from tests.operator_process import OperatorProcess
from tests.releases import Home

__all__ = ["node_landlord", "node_operator", "node_shop"]

pytestmark = pytest.mark.timeout(900)

UNAVAILABLE = frozenset({"ErrImagePull", "ImagePullBackOff"})
ENOUGH_RESTARTS = 3
REPLICAS = 2
LONGEST = 60
"""Seconds from sign to finished rollback that fail a test; the aim is 30, and what it was is printed."""
HTTP = {"name": "healthz", "http": {"service": "web", "path": "/healthz"}}
PROMQL = {
    "name": "errors",
    "promql": {"query": 'max(app_error_ratio{app="{{release}}"})', "max": 0.1},
    "interval": "5s",
    "initialDelay": "10s",
}


@dataclass(frozen=True)
class Bad:
    """What is pushed over a good release, and how it is expected to be told."""

    reason: str
    words: str
    image: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Mapping[str, Any], ...] = ()
    tests: bool = False
    is_pulled: bool = False
    """Whether a registry is asked for the image, and not the node alone."""
    new_pods_serve: bool = False
    """Whether the bad release gets as far as to take requests."""


BAD = {
    "a tag that is not in the registry": Bad("ImageUnavailable", "not found", {"tag": "none"}, is_pulled=True),
    "a crash loop": Bad("CrashLooping", "ended 3 times since the deploy", {"tag": "crash"}),
    "an out-of-memory loop": Bad("OutOfMemory", "want of memory", {"tag": "oom"}),
    "a readiness probe that fails": Bad("Timeout", "", {"tag": "unready"}, {"progressDeadlineSeconds": 8}),
    "an http check that fails": Bad("CheckFailed", "healthz", {"tag": "sick"}, checks=(HTTP,), new_pods_serve=True),
    "a query that fails": Bad("CheckFailed", "errors", {"tag": "faulty"}, checks=(PROMQL,), new_pods_serve=True),
    "a hook that fails": Bad("HookFailed", "web-migrate", values={"hook": 3, "message": "two"}),
    "a Helm test that fails": Bad("TestFailed", "web-test", {"tag": "2"}, {"test": 4}, tests=True, new_pods_serve=True),
}
STOPPED_AT_ONCE = ("a tag that is not in the registry", "a crash loop", "an out-of-memory loop")
"""Stories whose deciding sign the pods themselves show."""


@dataclass(frozen=True)
class Story:
    """How it went."""

    body: dict[str, Any]
    ledger: Ledger
    user: Traffic
    sign: datetime | None
    """When the pods first showed what condemns them."""
    revisions: list[tuple[int, str]]
    images: set[str]
    events: list[str]
    description: str


Stories = dict[str, Story | BaseException]


@pytest.fixture(scope="module")
def stories(
    node_cluster: NodeCluster, node_shop: NodeShop, node_operator: OperatorProcess, tmp_path_factory: Any
) -> Stories:
    """All stories, told at once."""
    scratch = tmp_path_factory.mktemp("stories")

    async def tell_all() -> Stories:
        async with open_admin(node_cluster.kubeconfig, scratch) as admin:
            homes = [await node_home(admin, node_shop) for _ in BAD]
            told = [_tell(home, bad, node_cluster) for home, bad in zip(homes, BAD.values(), strict=True)]
            return dict(zip(BAD, await asyncio.gather(*told, return_exceptions=True), strict=True))

    return asyncio.run(tell_all())


async def _tell(home: Home, bad: Bad, cluster: NodeCluster) -> Story:
    await home.push(bake="1s")
    await home.proven(deadline=120)
    async with traffic(home) as user:
        signs = asyncio.create_task(_first_sign(home))
        await home.push(**_spec(bad, cluster))
        body = await home.until(reason="RolledBack", status="False", deadline=240)
        await eventually(lambda: _is_old_again(home), deadline=90, describe="the old pods, and no others")
        signs.cancel()
    await eventually(lambda: _is_announced(home), deadline=30, describe="the RolledBack Event, written beside the pass")
    describe = ("describe", "apprelease", "web", "--namespace", home.namespace)
    return Story(
        body=body,
        ledger=await ledger(home),
        user=user,
        sign=signs.result() if signs.done() and not signs.cancelled() else None,
        revisions=await home.revisions(),
        images={pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in await pods(home)},
        events=await home.events(),
        description=await asyncio.to_thread(home.admin.kubectl, *describe),
    )


async def _is_announced(home: Home) -> bool:
    return any(event.startswith("RolledBack: ") for event in await home.events())


def _spec(bad: Bad, cluster: NodeCluster) -> dict[str, Any]:
    """What differs in the AppRelease from the good one."""
    where = {"repository": cluster.image("1", pulled=True).rpartition(":")[0]} if bad.is_pulled else {}
    return {
        "values": dict(bad.values),
        "test": {"enabled": bad.tests},
        "healthChecks": list(bad.checks),
        **({"image": {**where, **bad.image}} if bad.image else {}),
    }


async def _first_sign(home: Home) -> datetime:
    """The moment at which a pod first shows what condemns it."""

    async def shows() -> datetime | None:
        statuses = [each for pod in await pods(home) for each in pod["status"].get("containerStatuses", ())]
        waiting = {(each["state"].get("waiting") or {}).get("reason") for each in statuses}
        if waiting & UNAVAILABLE or any(each["restartCount"] >= ENOUGH_RESTARTS for each in statuses):
            return datetime.now(UTC)  # noqa: TID251 - pods live in real time
        return None

    return await eventually(shows, deadline=300, describe="a sign of trouble at the pods")


async def _is_old_again(home: Home) -> bool:
    found = await pods(home)
    is_whole = all(
        "deletionTimestamp" not in pod["metadata"] and pod["spec"]["containers"][0]["image"].endswith(":1")
        for pod in found
    )
    return is_whole and len(found) == REPLICAS


def _told(stories: Stories, name: str) -> Story:
    story = stories[name]
    if isinstance(story, BaseException):
        raise story
    return story


@pytest.mark.parametrize("name", BAD)
def test_a_bad_release_is_rolled_back_to_the_proven_revision(stories: Stories, name: str) -> None:
    story = _told(stories, name)
    held = story.body["status"]["held"]
    assert (held["rolledBackTo"], held["failedRevision"]) == (1, 2)
    assert story.revisions[-1] == (3, "deployed")
    assert story.images == {"1"}
    assert story.body["status"]["history"][0]["outcome"] == "Rejected"


@pytest.mark.parametrize("name", BAD)
def test_people_are_told_why_a_release_was_rolled_back(stories: Stories, name: str) -> None:
    story, bad = _told(stories, name), BAD[name]
    held, ready = story.body["status"]["held"], condition(story.body)
    assert held["reason"] == bad.reason
    assert bad.words in held["message"]
    assert held["message"] in ready["message"]
    assert condition(story.body, "Stalled")["status"] == "True"
    assert held["message"][:60] in story.description
    assert bad.reason in story.description
    assert any(event.startswith("RolledBack: ") and bad.words in event for event in story.events), story.events


@pytest.mark.parametrize("name", BAD)
def test_the_old_pods_go_on_serving(stories: Stories, name: str) -> None:
    user = _told(stories, name).user
    print(f"{name}: {user.served} answers {dict(user.answers)}, {len(user.lost)} lost")
    assert user.lost == []
    assert user.answers["app 1"] > 0
    if not BAD[name].new_pods_serve:
        assert set(user.answers) == {"app 1"}


@pytest.mark.parametrize("name", BAD)
def test_a_rollback_comes_soon_after_the_sign_that_condemns(stories: Stories, name: str) -> None:
    story = _told(stories, name)
    held = story.ledger.held
    assert held
    done, judged = held.since, max(each.at for each in story.ledger.verdicts if each.verdict is Verdict.REJECTED)
    from_sign = (done - (story.sign or judged)).total_seconds()
    from_verdict = (done - judged).total_seconds()
    seen = f"{from_sign:.1f} s after the sign was seen, " if story.sign else ""
    print(f"{name}: rolled back {seen}{from_verdict:.1f} s after the verdict")
    assert max(from_sign, from_verdict) <= LONGEST
    assert (story.sign is not None) == (name in STOPPED_AT_ONCE)


def test_rollbacks_are_counted(stories: Stories, node_operator: OperatorProcess) -> None:
    _, page = node_operator.get("/metrics")
    lines = [line for line in page.splitlines() if line.startswith("landlord_apprelease_rollbacks_total{")]
    for name, bad in BAD.items():
        environment = _told(stories, name).body["status"]["environment"]
        mine = [line for line in lines if f'environment="{environment}"' in line]
        assert [line.rpartition(" ")[2] for line in mine] == ["1.0"], (name, lines)
        assert f'reason="{bad.reason}"' in mine[0]
