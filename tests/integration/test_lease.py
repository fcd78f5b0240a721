"""Two leaders as real processes against a real API server: killed, stopped past the Lease, resumed, asked to leave.

The order of the ConfigMaps' resourceVersions is the order in which the API server stored them, so it tells who wrote
when without trusting anybody's clock.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import pytest

from landlord.runtime import exits
from tests import lease_holder
from tests.admin import Admin
from tests.polling import eventually

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start(admin: Admin, namespace: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a lease holder by name; all are ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.lease_holder", admin.kubeconfig, namespace, name]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'operator'}{os.pathsep}{ROOT}"}
        with (tmp_path / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


async def writes(admin: Admin, namespace: str) -> list[str]:
    """Who wrote, in the order in which the API server stored it."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    found = await admin.list(path, labelSelector=lease_holder.LABEL)
    found.sort(key=lambda one: int(one["metadata"]["resourceVersion"]))
    return [one["metadata"]["labels"][lease_holder.LABEL] for one in found]


async def reigns(admin: Admin, namespace: str) -> list[str]:
    """Who wrote, each uninterrupted reign once; two leaders at once would make it alternate."""
    return [name for name, _ in groupby(await writes(admin, namespace))]


async def until_writing(admin: Admin, namespace: str, name: str) -> None:
    async def is_writing() -> bool:
        return name in await writes(admin, namespace)

    await eventually(is_writing, describe=f"{name} leads and writes")


async def until_exited(process: subprocess.Popen[bytes]) -> int:
    await eventually(lambda: process.poll() is not None, describe="the process ends")
    return process.returncode


async def test_a_killed_leader_is_followed_and_never_interleaved(admin: Admin, namespace: str, start: Start) -> None:
    one = start("one")
    await until_writing(admin, namespace, "one")
    start("two")
    one.kill()
    await until_writing(admin, namespace, "two")
    assert await reigns(admin, namespace) == ["one", "two"]


@pytest.mark.parametrize("round_", range(2))
async def test_a_leader_stopped_past_the_lease_writes_nothing_when_it_wakes(
    admin: Admin, namespace: str, start: Start, round_: int
) -> None:
    one = start("one")
    await until_writing(admin, namespace, "one")
    start("two")
    one.send_signal(signal.SIGSTOP)
    await until_writing(admin, namespace, "two")
    one.send_signal(signal.SIGCONT)
    assert await until_exited(one) == exits.LEASE_LOST
    assert await reigns(admin, namespace) == ["one", "two"]


async def test_a_leader_stopped_for_less_than_the_deadline_goes_on(admin: Admin, namespace: str, start: Start) -> None:
    one = start("one")
    await until_writing(admin, namespace, "one")
    start("two")
    one.send_signal(signal.SIGSTOP)
    await asyncio.sleep(lease_holder.DEADLINE.total_seconds() / 4)  # the length of the stop is what is tested
    one.send_signal(signal.SIGCONT)
    before = len(await writes(admin, namespace))

    async def goes_on() -> bool:
        return len(await writes(admin, namespace)) > before + 20

    await eventually(goes_on)
    assert one.poll() is None
    assert await reigns(admin, namespace) == ["one"]


async def test_a_leader_asked_to_stop_hands_over_at_once(
    admin: Admin, namespace: str, start: Start, tmp_path: Path
) -> None:
    one = start("one")
    await until_writing(admin, namespace, "one")
    start("two")
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{lease_holder.LEASE_NAME}"
    await eventually(lambda: "held by one" in (tmp_path / "two.log").read_text(), describe="the second stands by")
    one.terminate()
    assert await until_exited(one) == exits.CLEAN
    gone = time.monotonic()
    await until_writing(admin, namespace, "two")
    assert time.monotonic() - gone < lease_holder.DURATION.total_seconds()
    assert await reigns(admin, namespace) == ["one", "two"]
    assert (await admin.get(lease))["spec"]["leaseTransitions"] == 1


async def test_many_kills_and_stops_in_a_row_never_interleave(admin: Admin, namespace: str, start: Start) -> None:
    reigning = start("a")
    await until_writing(admin, namespace, "a")
    names = iter("bcdef")
    for trouble in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
        name = next(names)
        following = start(name)
        reigning.send_signal(trouble)
        await until_writing(admin, namespace, name)
        reigning.send_signal(signal.SIGCONT)
        await until_exited(reigning)
        reigning = following
    assert await reigns(admin, namespace) == ["a", "b", "c", "d", "e"]
