"""The real operator ended in the midst of a Helm run: its Helm dies with it, and the next one sets all right."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from landlord.api.refs import JOBS
from tests.admin import Admin
from tests.operator_process import OperatorProcess, running_operator
from tests.polling import eventually
from tests.releases import Home, move_in, shop
from tests.shop import MODEST, SETTINGS, VALUES, WEB, Shop

__all__ = ["shop"]

VERSION = "3.0.0"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/landlord-system/leases/landlord"
JOB = (
    """
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations: {helm.sh/hook: "pre-install,pre-upgrade"}
spec:
  backoffLimit: 0
  suspend: {{ .Values.slow }}
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: registry.example.org/migrate:1
"""
    + MODEST
)


@dataclass(frozen=True)
class Caught:
    """A Helm run that goes on until somebody ends it."""

    job: str
    """The UID of the hook's Job."""
    helm: psutil.Process


class Desk:
    """Where operators are started, one after another."""

    def __init__(self, kubeconfig: Path, folder: Path, shop: Shop) -> None:
        self._kubeconfig = kubeconfig
        self._folder = folder
        self._flags = (*shop.flags, "--drain", "1s")

    @contextmanager
    def operator(self) -> Iterator[OperatorProcess]:
        """A new operator process, which gives its Lease back at the end unless it was killed."""
        with running_operator(self._kubeconfig, self._folder, *self._flags) as process:
            yield process
            process.signal(signal.SIGTERM)
            process.process.wait(30)


@pytest.fixture
def desk(operator_kubeconfig: Path, tmp_path: Path, shop: Shop) -> Desk:
    """A desk, and a chart with a hook that ends only when somebody lets it, if its values say so."""
    files = {"templates/web.yaml": WEB, "templates/settings.yaml": SETTINGS, "templates/migrate.yaml": JOB}
    shop.offer("web", VERSION, files, {**VALUES, "slow": False})
    return Desk(operator_kubeconfig, tmp_path, shop)


async def helm_of(operator: OperatorProcess, verb: str) -> psutil.Process:
    """The Helm that this operator runs, once it does."""

    def found() -> psutil.Process | None:
        for child in psutil.Process(operator.pid).children(recursive=True):
            words = child.cmdline() if child.is_running() else []
            if words and words[0].endswith("helm") and verb in words[:2]:
                return child
        return None

    return await eventually(found, describe=f"a helm {verb}")


async def bury(operator: OperatorProcess, admin: Admin) -> None:
    """Kill it and take its Lease away: how long a dead one's is respected is tested elsewhere."""
    operator.kill()
    await admin.delete(LEASE)


async def until_dead(process: psutil.Process) -> None:
    """Return once this very process is no more."""
    await eventually(lambda: not process.is_running(), describe=f"the end of Helm {process.pid}")


async def until_hooked(home: Home, but: str = "") -> str:
    """The UID of the hook's Job, once Helm waits for another one than ``but``."""
    path = JOBS.path(home.namespace, "web-migrate")

    async def uid() -> str:
        found = await home.admin.find(path)
        return str(found["metadata"]["uid"]) if found and found["metadata"]["uid"] != but else ""

    return await eventually(uid, deadline=60, describe="a Job of the hook")


async def let_go(home: Home) -> None:
    """Let the hook's Job end."""
    await home.admin.patch(JOBS.path(home.namespace, "web-migrate"), {"spec": {"suspend": False}})


async def ends_well(home: Home, but: str) -> int:
    """Let the Job after ``but`` end, and see the release proven; the revision that is deployed then."""
    await until_hooked(home, but=but)
    await let_go(home)
    return int((await home.proven())["status"]["deployed"]["revision"])


async def caught_in_the_act(operator: OperatorProcess, home: Home, but: str = "", **values: str) -> Caught:
    """Push a hook that nobody lets end; the Job it is, after ``but``, and the Helm that waits for it."""
    await home.push(chart=home.shop.pin(version=VERSION), values={"slow": True, **values})
    return Caught(await until_hooked(home, but=but), await helm_of(operator, "upgrade"))


async def arrived(operator: OperatorProcess, admin: Admin, name: str, shop: Shop) -> Home:
    """A fresh tenant of this operator, once that serves."""
    await operator.until_serving()
    return await move_in(admin, name, shop)


async def test_an_operator_killed_during_an_install_and_an_upgrade_leaves_no_lock_and_no_helm(
    admin: Admin, tenant_name: str, shop: Shop, desk: Desk
) -> None:
    with desk.operator() as first:
        home = await arrived(first, admin, tenant_name, shop)
        caught = await caught_in_the_act(first, home)
        await bury(first, admin)
        await until_dead(caught.helm)
    assert await home.revisions() == [(1, "pending-install")]
    with desk.operator() as second:
        assert await ends_well(home, but=caught.job) == 2
        job = await until_hooked(home)
        caught = await caught_in_the_act(second, home, but=job, message="two")
        await bury(second, admin)
        await until_dead(caught.helm)
    assert (await home.revisions())[-2:] == [(2, "deployed"), (3, "pending-upgrade")]
    with desk.operator() as third:
        assert await ends_well(home, but=caught.job) == 4
        assert third.complaints() == []
    assert [status for _, status in await home.revisions()].count("deployed") == 1
    assert (await home.revisions())[2:] == [(3, "failed"), (4, "deployed")]
    assert await home.data() == {"message": "two"}


async def test_an_operator_asked_to_stop_during_an_upgrade_ends_its_helm_cleanly(
    admin: Admin, tenant_name: str, shop: Shop, desk: Desk
) -> None:
    with desk.operator() as first:
        home = await arrived(first, admin, tenant_name, shop)
        await home.push(chart=shop.pin(version=VERSION))
        await home.proven()
        caught = await caught_in_the_act(first, home, but=await until_hooked(home), message="two")
        assert await first.stop() == 0
        await until_dead(caught.helm)
    assert await home.revisions() == [(1, "deployed"), (2, "failed")]
    with desk.operator():
        assert await ends_well(home, but=caught.job) == 3
    assert await home.data() == {"message": "two"}


async def test_a_helm_that_is_killed_under_a_living_operator_is_run_once_more(
    admin: Admin, tenant_name: str, shop: Shop, desk: Desk
) -> None:
    with desk.operator() as operator:
        home = await arrived(operator, admin, tenant_name, shop)
        caught = await caught_in_the_act(operator, home)
        await asyncio.to_thread(caught.helm.kill)
        assert await ends_well(home, but=caught.job) == 2
        assert operator.complaints() == []


async def test_a_lock_outlives_its_record_only_until_its_helm_is_surely_gone(
    admin: Admin, tenant_name: str, shop: Shop, desk: Desk
) -> None:
    """The ledger is lost with the operator: the revision itself tells who made it and until when that could live."""
    with desk.operator() as first:
        home = await arrived(first, admin, tenant_name, shop)
        caught = await caught_in_the_act(first, home)
        await bury(first, admin)
        await until_dead(caught.helm)
    await admin.delete(f"/api/v1/namespaces/landlord-system/configmaps/{home.namespace}.web")
    with desk.operator():
        told = f"helm uninstall web --namespace {home.namespace}."
        await home.until(reason="ReleaseLocked", status="False", words=told)
        assert await home.revisions() == [(1, "pending-install")]
        secret = f"/api/v1/namespaces/{home.namespace}/secrets/sh.helm.release.v1.web.v1"
        await home.breaker.patch(secret, {"metadata": {"labels": {"landlord.dev/until": "1"}}})
        assert await ends_well(home, but=caught.job) == 2
