"""Two real operators at one cluster while people change things without a pause: never do two of them write."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from landlord.runtime import exits
from tests.actors import Actor
from tests.admin import Admin, ApiError
from tests.cluster import Cluster, short_name
from tests.fault_audit import OperatorLog, token_id
from tests.manifests import TENANTS, environment, tenant, until_ready
from tests.operator_process import OperatorProcess, operator_token_kubeconfig, running_operator
from tests.polling import eventually

BRISK = ("--lease-duration", "5s", "--lease-renew-deadline", "4s", "--lease-retry-period", "500ms")
LEASE = "/apis/coordination.k8s.io/v1/namespaces/landlord-system/leases/landlord"


@dataclass(frozen=True, slots=True)
class Rival:
    """One of two operators, and the token by which the audit log knows it."""

    process: OperatorProcess
    token: str


@dataclass(frozen=True, slots=True)
class Duel:
    """The leader, the one that waits, and what they write."""

    leader: Rival
    standby: Rival
    log: OperatorLog

    async def until_writing(self, rival: Rival, more: int = 10) -> None:
        """Return once this one has written so many times more."""
        before = len(self.log.writes(rival.token))
        await eventually(
            lambda: len(self.log.writes(rival.token)) >= before + more,
            deadline=60,
            describe=lambda: f"writes of {rival.process.log.name}: {rival.process.log.read_text()[-1500:]}",
        )

    def assert_one_after_the_other(self) -> None:
        """All writes of the first leader reached the API server before the first one of the other."""
        ours = (self.leader.token, self.standby.token)  # the log may still tell of who was killed before the two began
        assert [writer for writer in self.log.reigns() if writer in ours] == [*ours]
        ends = [write.answered for write in self.log.writes(self.leader.token)]
        begins = self.log.writes(self.standby.token)[0].received
        assert max(ends) < begins, f"the last answer to the one came at {max(ends)}, the other began at {begins}"


@contextmanager
def _rival(admin: Actor, cluster: Cluster, folder: Path, name: str) -> Iterator[Rival]:
    (folder / name).mkdir()
    kubeconfig = operator_token_kubeconfig(admin, cluster.kubeconfig, folder / name)
    with running_operator(kubeconfig, folder, *BRISK, name=name) as process:
        yield Rival(process, token_id(kubeconfig))


@asynccontextmanager
async def _restless(admin: Admin, names: list[str], place: str) -> AsyncIterator[None]:
    """Tenants whose specs change without a pause, so that whoever leads always has something to write."""

    async def change() -> None:
        for number in count(1):
            name = names[number % len(names)]
            quota = {"quota": {"hard": {"pods": number}}}
            await admin.apply(f"{TENANTS}/{name}", tenant(name, place, defaults=quota))

    changing = asyncio.create_task(change())
    try:
        yield
        assert not changing.done(), changing.exception()
    finally:
        changing.cancel()
        with suppress(asyncio.CancelledError):
            await changing


@pytest.fixture
async def duel(landlord_installed: Actor, cluster: Cluster, tmp_path: Path) -> AsyncIterator[Duel]:
    """Two operators, of which the first leads."""
    if cluster.audit_log is None:
        pytest.skip("tells operators apart in the audit log, which this cluster does not show; unset KUBECONFIG")
    log = OperatorLog(cluster.audit_log)
    with _rival(landlord_installed, cluster, tmp_path, "first") as leader:
        await leader.process.until_serving()
        with _rival(landlord_installed, cluster, tmp_path, "second") as standby:
            await eventually(lambda: "is held by" in standby.process.log.read_text(), describe="a waiting second")
            yield Duel(leader, standby, log)


@pytest.fixture
async def restless(admin: Admin, duel: Duel) -> AsyncIterator[list[str]]:
    """Names of Tenants that change as long as the test runs; all must be Ready when they no longer do."""
    prefix = short_name("d")
    names = [f"{prefix}-{number}" for number in range(5)]
    await admin.apply_manifests(environment(prefix))
    async with _restless(admin, names, prefix):
        yield names
    await asyncio.gather(*(until_ready(admin, name, deadline=60) for name in names))
    duel.assert_one_after_the_other()


async def test_after_the_leader_was_killed_the_other_one_finishes_the_work(duel: Duel, restless: list[str]) -> None:
    await duel.until_writing(duel.leader)
    duel.leader.process.kill()
    await duel.until_writing(duel.standby)


async def test_a_leader_that_slept_past_its_lease_wakes_up_leaves_and_writes_nothing(
    duel: Duel, restless: list[str]
) -> None:
    await duel.until_writing(duel.leader)
    duel.leader.process.signal(signal.SIGSTOP)
    await duel.until_writing(duel.standby)
    duel.leader.process.signal(signal.SIGCONT)
    assert await asyncio.to_thread(duel.leader.process.process.wait, 20) == exits.LEASE_LOST
    await duel.until_writing(duel.standby)


async def test_a_leader_whose_lease_is_deleted_by_hand_leaves_before_the_other_begins(
    admin: Admin, duel: Duel, restless: list[str]
) -> None:
    await duel.until_writing(duel.leader)
    await admin.delete(LEASE)
    await duel.until_writing(duel.standby)
    assert await asyncio.to_thread(duel.leader.process.process.wait, 20) == exits.LEASE_LOST


async def test_a_leader_that_is_asked_to_stop_hands_over_at_once(duel: Duel, restless: list[str]) -> None:
    await duel.until_writing(duel.leader)
    assert await duel.leader.process.stop() == exits.CLEAN
    await duel.until_writing(duel.standby)


async def test_a_lease_taken_by_hand_ends_the_leader(admin: Admin, duel: Duel, restless: list[str]) -> None:
    """Somebody writes another holder into the Lease; who waits takes it when that one shows no sign of life."""
    await duel.until_writing(duel.leader)
    await take_by_hand(admin)
    assert await asyncio.to_thread(duel.leader.process.process.wait, 20) == exits.LEASE_LOST
    await duel.until_writing(duel.standby)


async def take_by_hand(admin: Admin) -> None:
    """Write another holder into the Lease."""

    async def taken() -> bool:
        try:
            await admin.patch(LEASE, {"spec": {"holderIdentity": "somebody"}})
        except ApiError as failure:
            if failure.status != 409:
                raise
            return False
        return True

    await eventually(taken)
