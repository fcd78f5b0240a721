"""The sandbox on the real thing: it starts, it can be killed at any moment, and it leaves nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import cluster as sandbox
from sandbox import kwok, process
from sandbox.api import Api
from sandbox.folder import Folder, Record, read_record
from sandbox.waiting import wait_until
from tests import cluster as clusters
from tests.cluster import Admin, Cluster, eventually, short_name

ROOT = Path(__file__).parents[2]
STARTED_PARTS = {
    "folder made": 0,
    "etcd started": 1,
    "API server started": 2,
    "controllers started": 4,
    "all started": 5,
}


@pytest.fixture
def folder(run_folder: Path) -> Iterator[Folder]:
    """A place for a sandbox of the test's own."""
    place = Folder.at(run_folder / short_name("s"))
    yield place
    sandbox.down(place.path)


@pytest.fixture(scope="module")
def own(run_folder: Path) -> Iterator[Folder]:
    """A running sandbox that the tests of this module share and may break."""
    place = Folder.at(run_folder / short_name("own"))
    sandbox.up(place.path)
    yield place
    sandbox.down(place.path)


def start(folder: Folder) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sandbox", "up", "--dir", str(folder.path)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)


def parts_of(folder: Folder) -> int:
    record = read_record(folder) if folder.path.is_dir() else None
    return len(record.parts) if record else 0


def api_of(folder: Folder) -> Api:
    record = read_record(folder)
    assert record
    return Api.as_admin(record.ports["kube-apiserver"], folder.pki, record.host)


def nothing_is_left_of(folder: Folder) -> None:
    assert process.processes_of(folder.path) == []
    assert not folder.path.exists()
    assert str(folder.path) not in Path("/proc/mounts").read_text()


@pytest.mark.parametrize("moment", STARTED_PARTS)
def test_a_starter_killed_at_any_moment_leaves_nothing_that_down_cannot_clean(folder: Folder, moment: str) -> None:
    wanted = STARTED_PARTS[moment]
    with start(folder) as starter:
        wait_until(lambda: folder.presence.exists() and parts_of(folder) >= wanted, seconds=60, what=moment)
        starter.kill()
    assert len(process.processes_of(folder.path)) >= wanted
    sandbox.down(folder.path)
    nothing_is_left_of(folder)


def test_a_starter_killed_while_etcd_is_frozen_leaves_nothing_that_down_cannot_clean(folder: Folder) -> None:
    with start(folder) as starter:
        wait_until(lambda: parts_of(folder) >= 1, seconds=60, what="etcd's start")
        starter.kill()
    record = read_record(folder)
    assert record
    assert process.freeze(record.parts["etcd"], folder.path)
    sandbox.down(folder.path)
    nothing_is_left_of(folder)


def test_an_interrupted_start_cleans_up_after_itself_and_keeps_the_logs(folder: Folder) -> None:
    with start(folder) as starter:
        wait_until(lambda: parts_of(folder) >= 2, seconds=60, what="the API server's start")
        starter.terminate()
        said, _ = starter.communicate()
    assert starter.returncode == 130, said
    assert process.processes_of(folder.path) == []
    assert folder.log("etcd").exists()


def test_what_a_killed_starter_has_left_does_not_hinder_the_next_start(folder: Folder) -> None:
    with start(folder) as starter:
        wait_until(lambda: parts_of(folder) >= 2, seconds=60, what="the API server's start")
        starter.kill()
    left = set(process.processes_of(folder.path))
    record = sandbox.up(folder.path)
    now = set(process.processes_of(folder.path))
    assert now == {running.pid for running in record.parts.values()}
    assert not left & now


def test_a_part_that_dies_while_starting_is_told_with_the_end_of_its_log(folder: Folder) -> None:
    with start(folder) as starter:
        wait_until(lambda: parts_of(folder) >= 2, seconds=60, what="the API server's start")
        record = read_record(folder)
        assert record
        os.kill(record.parts["etcd"].pid, signal.SIGKILL)
        said, _ = starter.communicate()
    assert starter.returncode == 1
    assert f"etcd has died while starting. The end of {folder.log('etcd')}" in said
    assert process.processes_of(folder.path) == []


def test_processes_are_found_even_if_somebody_has_removed_their_folder(folder: Folder) -> None:
    sandbox.up(folder.path)
    shutil.rmtree(folder.path)
    assert sandbox.down(folder.path) == 5
    nothing_is_left_of(folder)


def test_two_sandboxes_run_side_by_side_and_down_ends_only_its_own(own: Folder, folder: Folder) -> None:
    other = sandbox.up(folder.path)
    mine = read_record(own)
    assert mine
    assert not set(mine.ports.values()) & set(other.ports.values())
    assert api_of(own).create("/api/v1/namespaces", {"metadata": {"name": "only-here"}})
    assert api_of(folder).status("/api/v1/namespaces/only-here") == 404
    sandbox.down(folder.path)
    nothing_is_left_of(folder)
    assert not sandbox.status(own.path).dead


def test_up_on_a_running_sandbox_changes_nothing(own: Folder) -> None:
    before = read_record(own)
    assert sandbox.up(own.path) == before


def test_reset_gives_an_empty_working_cluster_at_the_same_address(own: Folder) -> None:
    before = read_record(own)
    assert before
    api = api_of(own)
    assert api.create("/api/v1/namespaces", {"metadata": {"name": "to-be-forgotten"}})
    done = run("reset", "--dir", str(own.path))
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    after = read_record(own)
    assert after
    assert after.server == before.server
    assert api.status("/api/v1/namespaces/to-be-forgotten") == 404
    pod = {"metadata": {"name": "alive"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    assert api.create("/api/v1/namespaces/default/pods", pod)
    path = "/api/v1/namespaces/default/pods/alive"
    wait_until(lambda: kwok.is_ready(api.get(path)), seconds=30, what="A pod's being ready after the reset")


def test_a_dead_part_is_reported_with_its_log_and_reset_repairs_it(own: Folder) -> None:
    record = read_record(own)
    assert record
    os.kill(record.parts["kwok"].pid, signal.SIGKILL)
    wait_until(lambda: not process.is_alive(record.parts["kwok"]), seconds=10, what="kwok's end")
    said = run("status", "--dir", str(own.path))
    assert said.returncode == 1
    assert "died" in next(line for line in said.stdout.splitlines() if line.startswith("kwok "))
    assert f"kwok does not run. The end of {own.log('kwok')}" in said.stdout
    refused = run("up", "--dir", str(own.path))
    assert refused.returncode == 1
    assert "`reset` starts it anew" in refused.stderr
    assert run("reset", "--dir", str(own.path)).returncode == 0
    assert not sandbox.status(own.path).dead


def test_starting_takes_as_long_as_is_printed_here_and_down_leaves_nothing(folder: Folder) -> None:
    done = run("up", "--dir", str(folder.path))
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert "usable after" in done.stdout
    assert run("status", "--dir", str(folder.path)).returncode == 0
    kept = run("down", "--dir", str(folder.path), "--keep")
    assert "5 processes ended" in kept.stdout
    assert folder.log("kube-apiserver").exists()
    assert run("down", "--dir", str(folder.path)).returncode == 0
    nothing_is_left_of(folder)


def test_a_test_run_that_was_killed_is_cleaned_up_by_the_next() -> None:
    environment = {name: value for name, value in os.environ.items() if "KUBECONFIG" not in name}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/integration/test_cluster_fixtures.py",
    ]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as tests:
        run_of_it = clusters.run_folder(tests.pid)
        box = Folder.at(run_of_it / "cluster")
        wait_until(lambda: box.path.is_dir() and parts_of(box) >= 2, seconds=60, what="the test run's sandbox")
        tests.kill()
    assert process.processes_of(box.path)
    assert run_of_it in clusters.sweep()
    nothing_is_left_of(box)
    assert not run_of_it.exists()


def containers_of(pod: dict[str, Any]) -> list[dict[str, Any]]:
    statuses: list[dict[str, Any]] = pod.get("status", {}).get("containerStatuses", [])
    return statuses


def crashes(reason: str, code: int) -> Callable[[dict[str, Any]], bool]:
    def shows(status: dict[str, Any]) -> bool:
        waits: str = status["state"].get("waiting", {}).get("reason", "")
        restarts: int = status["restartCount"]
        ended = status["lastState"].get("terminated", {})
        died = (ended.get("reason"), ended.get("exitCode")) == (reason, code)
        return waits == "CrashLoopBackOff" and restarts >= 3 and died

    return shows


def pull_backs_off(status: dict[str, Any]) -> bool:
    reason: str = status["state"].get("waiting", {}).get("reason", "")
    return reason == "ImagePullBackOff"


def runs_unready(status: dict[str, Any]) -> bool:
    ready: bool = status["ready"]
    return "running" in status["state"] and not ready


SIGNS = {
    "crash-loop": crashes("Error", 1),
    "image-pull": pull_backs_off,
    "never-ready": runs_unready,
    "oom": crashes("OOMKilled", 137),
}


def deployment(name: str, *, image: str, annotations: dict[str, str]) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "progressDeadlineSeconds": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": {"containers": [{"name": "app", "image": image}, {"name": "sidecar", "image": "proxy:1"}]},
            },
        },
    }


@pytest.fixture
def fake_node(cluster: Cluster) -> Record:
    """The sandbox's record; other clusters have no pods that fail by annotation."""
    if cluster.record is None:
        pytest.skip("pods fail on purpose only on the fake node of the sandbox; unset KUBECONFIG to run this")
    return cluster.record


@pytest.mark.usefixtures("fake_node")
@pytest.mark.parametrize("by", ["annotation", "tag"])
@pytest.mark.parametrize("failure", kwok.FAILURES)
async def test_a_deployment_that_fails_on_purpose_misses_its_deadline(
    admin: Admin, namespace: str, failure: str, by: str
) -> None:
    annotated = by == "annotation"
    manifest = deployment(
        "app",
        image="registry.example:5000/team/app:1" if annotated else f"registry.example:5000/team/app:{failure}",
        annotations={kwok.FAIL_ANNOTATION: failure} if annotated else {},
    )
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await admin.create(path, manifest)

    async def missed() -> bool:
        found = await admin.get(f"{path}/app")
        reasons = {condition["reason"] for condition in found.get("status", {}).get("conditions", [])}
        return "ProgressDeadlineExceeded" in reasons

    async def shown() -> bool:
        (pod,) = await admin.list(f"/api/v1/namespaces/{namespace}/pods")
        app, sidecar = containers_of(pod)
        assert SIGNS[failure](app), json.dumps(app)
        assert sidecar["ready"] is not annotated
        assert not kwok.is_ready(pod)
        return True

    await eventually(missed, describe="ProgressDeadlineExceeded by the real controller manager")
    await eventually(shown, describe=f"the signs of {failure} in the pod's status")


@pytest.mark.usefixtures("fake_node")
async def test_healthy_pods_become_ready_jobs_end_and_deleted_pods_go_away(admin: Admin, namespace: str) -> None:
    await admin.create(
        f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment("app", image="a:1", annotations={})
    )
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}
    bad = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b:crash-loop"}]}}
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    await admin.create(jobs, {"metadata": {"name": "good"}, "spec": {"template": template}})
    await admin.create(jobs, {"metadata": {"name": "bad"}, "spec": {"template": bad, "backoffLimit": 0}})

    async def all_came_true() -> bool:
        app = await admin.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/app")
        good, failed = await admin.get(f"{jobs}/good"), await admin.get(f"{jobs}/bad")
        assert app["status"].get("readyReplicas") == 1
        assert good["status"].get("succeeded") == 1
        failures: int = failed["status"].get("failed", 0)
        return failures == 1

    await eventually(all_came_true)
    await admin.delete(f"/apis/apps/v1/namespaces/{namespace}/deployments/app", propagationPolicy="Foreground")
    for name in ("good", "bad"):
        await admin.delete(f"{jobs}/{name}", propagationPolicy="Foreground")

    async def all_gone() -> bool:
        return not await admin.list(f"/api/v1/namespaces/{namespace}/pods")

    await eventually(all_gone, describe="no pod is left")
