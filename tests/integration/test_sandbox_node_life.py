"""Sandboxes with a real node: side by side, killed at any moment, and nothing of them stays on the machine."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import cgroups, network, node, parts, process
from sandbox import cluster as sandbox
from sandbox.api import Api
from sandbox.folder import Folder, Record, read_record
from sandbox.packages import obstacle
from sandbox.waiting import wait_until
from tests.cluster import short_name
from tests.node import NodeCluster
from tests.real_pods import deployment

ROOT = Path(__file__).parents[2]
MOMENTS = {"namespaces made": 1, "API server started": 3, "containerd started": 7, "kubelet started": 8}


@pytest.fixture
def folder(run_folder: Path) -> Iterator[Folder]:
    """A place for a sandbox with a real node of the test's own."""
    if why := obstacle():
        pytest.skip(f"tests of the real node are skipped. {why}")
    place = Folder.at(run_folder / short_name("n"))
    yield place
    sandbox.down(place.path)


def machine() -> set[str]:
    """What this machine has of mounts, devices and settings, without the links of other sandboxes that come and go."""
    links = {f"link {entry.name}" for entry in Path("/sys/class/net").iterdir() if not entry.name.startswith("ll")}
    mounts = {f"mount {line}" for line in Path("/proc/self/mounts").read_text().splitlines()}
    tuned = {f"{name} {Path('/proc/sys', name).read_text()}" for name in ("vm/overcommit_memory", "kernel/panic")}
    return links | mounts | tuned


def nothing_is_left_of(folder: Folder) -> None:
    assert process.processes_of(folder.path) == []
    assert not network.exists(folder.path)
    assert not cgroups.exists(node.cgroup_name(folder.path))
    assert not folder.path.exists()


def api_of(record: Record) -> Api:
    return Api.as_admin(record.ports["kube-apiserver"], record.folder.pki, record.host)


def runs_a_pod(record: Record, name: str) -> None:
    api, path = api_of(record), "/apis/apps/v1/namespaces/default/deployments"

    def is_ready() -> bool:
        status = (api.get(f"{path}/{name}") or {}).get("status") or {}
        return bool(status.get("readyReplicas") == 1)

    assert api.create(path, deployment(name, "localhost/app:1"))
    wait_until(is_ready, seconds=60, what=f"A ready pod of {name}")


def parts_started(folder: Folder) -> int:
    record = read_record(folder) if folder.path.is_dir() else None
    return len(record.parts) if record else 0


def test_two_real_nodes_run_side_by_side_and_down_leaves_the_machine_as_it_was(
    node_cluster: NodeCluster, folder: Folder
) -> None:
    before = machine()
    began = time.monotonic()
    record = sandbox.up(folder.path, with_node=True)
    print(f"a second real node is usable after {time.monotonic() - began:.1f} s")
    assert record.host != node_cluster.record.host
    runs_a_pod(record, "d")
    assert not sandbox.status(node_cluster.record.folder.path).dead
    sandbox.down(folder.path)
    nothing_is_left_of(folder)
    assert machine() == before


def test_reset_gives_an_empty_node_at_the_same_address(folder: Folder) -> None:
    before = sandbox.up(folder.path, with_node=True)
    runs_a_pod(before, "before")
    after = sandbox.reset(folder.path)
    assert (after.server, after.node) == (before.server, before.node)
    assert api_of(after).status("/apis/apps/v1/namespaces/default/deployments/before") == 404
    runs_a_pod(after, "after")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_starter_killed_at_any_moment_leaves_nothing_that_down_cannot_clean(folder: Folder, moment: str) -> None:
    before = machine()
    command = [sys.executable, "-m", "sandbox", "up", "--node", "--dir", str(folder.path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as starter:
        wait_until(lambda: parts_started(folder) >= MOMENTS[moment], seconds=60, what=moment)
        starter.kill()
    assert process.processes_of(folder.path)
    sandbox.down(folder.path)
    nothing_is_left_of(folder)
    assert machine() == before


def test_containers_are_ended_even_if_kubelet_runtime_and_folder_are_gone(folder: Folder) -> None:
    record = sandbox.up(folder.path, with_node=True)
    runs_a_pod(record, "d")
    for part in ("kubelet", "containerd"):
        parts.stop(record, part)
    shutil.rmtree(folder.path)
    assert cgroups.exists(node.cgroup_name(folder.path))
    sandbox.down(folder.path)
    nothing_is_left_of(folder)
