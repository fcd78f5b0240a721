"""The Lease is lost while Helm runs: no second Helm beside one that lives, and nothing is left of one that is dead."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from landlord.runtime import exits
from tests.admin import Admin
from tests.e2e.test_release_interruptions import JOB, VERSION, helm_of, let_go, until_dead, until_hooked
from tests.faults.test_leaders import BRISK, LEASE, take_by_hand
from tests.operator_process import OperatorProcess, running_operator
from tests.releases import Home, move_in, shop
from tests.shop import SETTINGS, VALUES, WEB, Shop

__all__ = ["shop"]


@dataclass(frozen=True, slots=True)
class Duel:
    """The leader, whose Helm waits for a hook in an upgrade to revision 2, and the one that waits to lead."""

    leader: OperatorProcess
    standby: OperatorProcess
    home: Home
    helm: psutil.Process
    job: str
    """UID of the hook's Job."""

    async def until_left(self) -> None:
        """Return once the leader has left because of its Lease, and its Helm with it."""
        assert await asyncio.to_thread(self.leader.process.wait, 20) == exits.LEASE_LOST
        await until_dead(self.helm)

    async def until_done_by_standby(self) -> None:
        """Return once the other has upgraded anew, and left no lock."""
        await self.standby.until_serving()
        await until_hooked(self.home, but=self.job)
        await let_go(self.home)
        await self.home.proven()
        assert await self.home.revisions() == [(1, "superseded"), (2, "failed"), (3, "deployed")]
        assert await self.home.data() == {"message": "two"}
        assert self.standby.complaints() == []


@pytest.fixture
async def duel(
    admin: Admin, tenant_name: str, shop: Shop, operator_kubeconfig: Path, tmp_path: Path
) -> AsyncIterator[Duel]:
    """Two operators in the midst of an upgrade."""
    files = {"templates/web.yaml": WEB, "templates/settings.yaml": SETTINGS, "templates/migrate.yaml": JOB}
    shop.offer("web", VERSION, files, {**VALUES, "slow": False})
    flags = (*shop.flags, *BRISK, "--drain", "1s")
    with running_operator(operator_kubeconfig, tmp_path, *flags, name="first") as first:
        await first.until_serving()
        with running_operator(operator_kubeconfig, tmp_path, *flags, name="second") as second:
            home = await move_in(admin, tenant_name, shop)
            await home.push(chart=shop.pin(version=VERSION))
            await home.proven()
            job = await until_hooked(home)
            await home.push(chart=shop.pin(version=VERSION), values={"slow": True, "message": "two"}, timeout="45s")
            job = await until_hooked(home, but=job)
            yield Duel(first, second, home, await helm_of(first, "upgrade"), job)


async def test_a_lease_that_is_deleted_ends_the_leader_with_its_helm(admin: Admin, duel: Duel) -> None:
    await admin.delete(LEASE)
    await duel.until_left()
    await duel.until_done_by_standby()


async def test_a_lease_that_somebody_takes_ends_the_leader_with_its_helm(admin: Admin, duel: Duel) -> None:
    await take_by_hand(admin)
    await duel.until_left()
    await duel.until_done_by_standby()


async def test_nobody_runs_a_second_helm_beside_that_of_a_leader_that_sleeps(duel: Duel) -> None:
    duel.leader.signal(signal.SIGSTOP)
    await duel.standby.until_serving()
    await duel.home.looked_at()
    assert duel.helm.is_running()
    assert await duel.home.revisions() == [(1, "deployed"), (2, "pending-upgrade")]
    duel.leader.signal(signal.SIGCONT)
    await duel.until_left()
    await duel.until_done_by_standby()


async def test_what_the_helm_of_a_sleeping_leader_has_finished_is_not_done_again(duel: Duel) -> None:
    duel.leader.signal(signal.SIGSTOP)
    await duel.standby.until_serving()
    await let_go(duel.home)
    await duel.home.proven(deadline=120)  # nobody proves a sleeping process gone: its time is waited for
    assert await duel.home.revisions() == [(1, "superseded"), (2, "deployed")]
    assert await duel.home.data() == {"message": "two"}
    duel.leader.signal(signal.SIGCONT)
    await duel.until_left()
    assert await duel.home.revisions() == [(1, "superseded"), (2, "deployed")]
