"""A Helm that is killed, frozen or cancelled leaves nothing running and nothing that cannot be mended."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from landlord.api.failures import Conflict, HelmFailed, HelmTrouble, Invalid, Missing, NotOurs, Transient
from landlord.clients.helm import is_alive
from landlord.clients.helm.storage import secret_name
from tests.actors import Object
from tests.cluster import Cluster
from tests.helm_room import SOON, Room, Started, config_map, job, open_room
from tests.policies import Settle
from tests.polling import eventually

HELD = job("held", hook="pre-upgrade,post-rollback,pre-install", suspend=True)
LONG = timedelta(seconds=120)


@pytest.fixture
async def room(settle: Settle, cluster: Cluster, tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(settle(), cluster.kubeconfig, tmp_path, grace=timedelta(seconds=10)) as opened:
        yield opened


async def begun(room: Room, status: str = "pending-upgrade") -> tuple[asyncio.Task[None], Started]:
    """A deploy that hangs in its hook."""
    started = Started()
    task = asyncio.create_task(room.deploy(room.chart(config_map(level="2"), HELD), timeout=LONG, started=started))
    await room.until_status(status)
    await hanging(room, HELD)
    return task, started


async def hanging(room: Room, hook: Object) -> None:
    """Return once Helm has made the hook's Job and waits for it; a bit earlier a signal may find it half awake."""
    wanted = room.tenancy.here(hook)
    await eventually(lambda: room.tenancy.admin.get(wanted).ok, describe="the Job of the hook")


async def test_nothing_is_sent_before_the_start_is_written_down(room: Room) -> None:
    programs: list[str] = []
    histories: list[list[str]] = []

    async def look() -> None:
        programs.append(Path(f"/proc/{started.pid}/exe").readlink().name)
        histories.append(await room.statuses())

    started = Started(before=look)
    await room.deploy(room.chart(config_map()), started=started)
    await room.helm.rollback("web", room.namespace, 1, timeout=SOON, apply_method="ssa", started=started)
    await room.helm.uninstall("web", room.namespace, timeout=SOON, started=started)

    assert all(name.startswith("python") for name in programs), "Helm itself had not even been loaded"
    assert histories == [[], ["deployed"], ["superseded", "deployed"]]
    assert not is_alive(started.pid, started.since)


async def test_a_killed_upgrade_locks_and_marking_it_failed_unlocks(room: Room) -> None:
    await room.deploy(room.chart(config_map(level="1")))
    task, started = await begun(room)
    os.kill(started.pid, signal.SIGKILL)
    with pytest.raises(HelmFailed) as killed:
        await task
    assert (killed.value.trouble, killed.value.why) == (HelmTrouble.KILLED, "helm deploy was killed by SIGKILL.")
    with pytest.raises(HelmFailed) as locked:
        await room.deploy(room.chart(config_map(level="3")))
    assert locked.value.trouble is HelmTrouble.LOCKED

    await room.revisions.mark_failed(room.namespace, "web", 2, "its process is gone")
    await room.revisions.mark_failed(room.namespace, "web", 2, "said twice")

    assert await room.statuses() == ["deployed", "failed"]
    assert (await room.stored(2)).description == "its process is gone"
    await room.deploy(room.chart(config_map(level="3")))
    assert await room.statuses() == ["superseded", "failed", "deployed"]
    assert room.data("settings") == {"level": "3"}


async def test_a_killed_upgrade_is_unlocked_by_a_rollback_to_a_number(room: Room) -> None:
    await room.deploy(room.chart(config_map(level="1")))
    task, started = await begun(room)
    os.kill(started.pid, signal.SIGKILL)
    await asyncio.gather(task, return_exceptions=True)

    await room.helm.rollback("web", room.namespace, 1, timeout=SOON, apply_method="ssa")

    assert await room.statuses() == ["superseded", "pending-upgrade", "deployed"]
    with pytest.raises(HelmFailed) as missing:
        await room.helm.rollback("web", room.namespace, 9, timeout=SOON)
    assert missing.value.trouble is HelmTrouble.MISSING_REVISION


async def test_a_cancelled_deploy_tidies_up_and_is_awaited(room: Room) -> None:
    task, started = await begun(room, "pending-install")

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not is_alive(started.pid, started.since)
    assert await room.statuses() == ["failed"]


async def test_a_frozen_deploy_is_killed_when_its_time_is_over(
    settle: Settle, cluster: Cluster, tmp_path: Path
) -> None:
    async with open_room(settle(), cluster.kubeconfig, tmp_path, grace=timedelta(seconds=1)) as room:
        started = Started()
        chart = room.chart(config_map(level="2"), HELD)
        task = asyncio.create_task(room.deploy(chart, timeout=timedelta(seconds=8), started=started))
        await room.until_status("pending-install")
        os.kill(started.pid, signal.SIGSTOP)

        with pytest.raises(HelmFailed) as failed:
            await task

        assert failed.value.trouble is HelmTrouble.KILLED
        assert not is_alive(started.pid, started.since)
        assert await room.statuses() == ["pending-install"]
        await room.helm.uninstall("web", room.namespace, timeout=SOON)
        assert await room.history() == ()


async def test_stopping_ends_deploys_and_waits_for_rollbacks(room: Room) -> None:
    await room.deploy(room.chart(config_map(level="1"), job("held", hook="post-rollback", suspend=True)))
    await room.deploy(room.chart(config_map(level="2")))
    back = asyncio.create_task(
        room.helm.rollback("web", room.namespace, 1, timeout=timedelta(seconds=12), apply_method="ssa")
    )
    await room.until_status("pending-rollback")
    hook = job("other", hook="pre-install", suspend=True)
    other = asyncio.create_task(room.deploy(room.chart(config_map("other"), hook), name="other", timeout=LONG))
    await room.until_status("pending-install", "other")
    await hanging(room, hook)

    stopped = await room.helm.stop(timedelta(seconds=30))

    assert stopped
    with pytest.raises(HelmFailed, match="operator is being stopped"):
        await other
    assert await room.statuses("other") == ["failed"]
    with pytest.raises(HelmFailed, match="hook Job held did not end"):
        await back
    assert room.data("settings") == {"level": "1"}
    with pytest.raises(Transient, match="not started any more"):
        await room.helm.uninstall("web", room.namespace, timeout=SOON)


async def test_an_uninstall_that_died_is_finished_by_the_next(room: Room) -> None:
    await room.deploy(room.chart(config_map(), job("held", hook="pre-delete", suspend=True)))
    started = Started()
    task = asyncio.create_task(room.helm.uninstall("web", room.namespace, timeout=LONG, started=started))
    await room.until_status("uninstalling")
    os.kill(started.pid, signal.SIGKILL)
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(HelmFailed) as refused:
        await room.deploy(room.chart(config_map()))
    assert refused.value.trouble is HelmTrouble.NO_DEPLOYED

    await room.helm.uninstall("web", room.namespace, timeout=SOON, no_hooks=True)

    assert await room.history() == ()
    assert room.data("settings") is None


async def test_pruning_takes_exactly_what_was_seen_and_nothing_pending(room: Room) -> None:
    for level in ("1", "2"):
        await room.deploy(room.chart(config_map(level=level)))
    first, second = await room.history()
    task, started = await begun(room)
    os.kill(started.pid, signal.SIGKILL)
    await asyncio.gather(task, return_exceptions=True)
    pending = (await room.history())[-1]

    with pytest.raises(Conflict):
        await room.revisions.delete(room.namespace, "web", 1, second.uid)
    with pytest.raises(NotOurs, match="not deleted"):
        await room.revisions.delete(room.namespace, "web", 3, pending.uid)
    assert await room.revisions.delete(room.namespace, "web", 1, first.uid)
    assert not await room.revisions.delete(room.namespace, "web", 1, first.uid)
    with pytest.raises(Missing):
        await room.revisions.mark_failed(room.namespace, "web", 1, "gone")
    assert [meta.number for meta in await room.history()] == [2, 3]
    assert await room.revisions.read(room.namespace, "web", 1) is None


async def test_a_pruned_revision_comes_back_from_its_copy(room: Room) -> None:
    for level in ("1", "2"):
        await room.deploy(room.chart(config_map(level=level)))
    packed = await room.revisions.copy(room.namespace, "web", 1)
    assert packed is not None
    await room.revisions.delete(room.namespace, "web", 1, (await room.history())[0].uid)

    await room.revisions.restore(room.namespace, "web", 1, packed)
    await room.helm.rollback("web", room.namespace, 1, timeout=SOON, apply_method="ssa")

    assert room.data("settings") == {"level": "1"}
    assert await room.statuses() == ["superseded", "superseded", "deployed"]
    with pytest.raises(Conflict):
        await room.revisions.restore(room.namespace, "web", 1, packed)


async def test_a_second_deployed_revision_is_set_right(room: Room) -> None:
    for level in ("1", "2"):
        await room.deploy(room.chart(config_map(level=level)))

    await room.revisions.mark_superseded(room.namespace, "web", 2)
    await room.revisions.mark_superseded(room.namespace, "web", 2)

    assert await room.statuses() == ["superseded", "superseded"]
    assert (await room.stored(2)).status == "superseded"


async def test_forged_secrets_are_not_taken_for_revisions(room: Room) -> None:
    await room.deploy(room.chart(config_map()))
    labels = {"owner": "helm", "name": "web", "status": "deployed", "version": "7"}
    for name in ("sh.helm.release.v1.web.v8", secret_name("web", 7)):
        metadata = {"name": name, "namespace": room.namespace, "labels": labels}
        forged: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"release": "e30="}}
        room.tenancy.admin.create(forged).allowed()

    assert [meta.number for meta in await room.history()] == [1, 7]
    with pytest.raises(Invalid):
        await room.revisions.read(room.namespace, "web", 7)
