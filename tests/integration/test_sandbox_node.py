"""The real node: pods really run, crash, are killed and lack images; and nothing of it stays on the machine."""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import cgroups, network, node, parts, process
from sandbox import cluster as sandbox
from sandbox.api import Api
from sandbox.folder import Folder, read_record
from sandbox.images import PORT
from sandbox.registry import is_ready
from sandbox.waiting import wait_until
from tests.cluster import Admin, eventually, short_name
from tests.node import NODE, NodeCluster, why_not

ROOT = Path(__file__).parents[2]
Object = dict[str, Any]


def deployment(name: str, image: str, *, replicas: int = 1, **pod: Any) -> Object:
    """A Deployment as the strictest Pod Security level wants it, with both probes."""
    labels = {"app": name}
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": str(PORT)}
    container = {
        "name": "app",
        "image": image,
        "ports": [{"containerPort": PORT}],
        "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "48Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": PORT}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 1},
    }
    spec = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        **pod,
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec},
        },
    }


async def deploy(admin: Admin, namespace: str, image: str, **more: Any) -> str:
    """Create such a Deployment; its name."""
    name = short_name("d")
    await admin.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment(name, image, **more))
    return name


async def pods_of(admin: Admin, namespace: str, name: str) -> list[Object]:
    return await admin.list(f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"app={name}")


async def container_of(admin: Admin, namespace: str, name: str) -> Object:
    """The status of the container of the only pod."""
    (pod,) = await pods_of(admin, namespace, name)
    (status,) = pod["status"].get("containerStatuses", [None])
    assert status, json.dumps(pod["status"])
    shown: Object = status
    return shown


async def becomes_ready(admin: Admin, namespace: str, name: str, replicas: int = 1) -> None:
    async def ready() -> bool:
        found = await admin.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
        count: int = found["status"].get("readyReplicas", 0)
        return count == replicas

    await eventually(ready, describe=f"{replicas} ready pods of {name}")


async def waits_for(admin: Admin, namespace: str, name: str, *reasons: str) -> str:
    """The message of the container's waiting for one of these reasons."""

    async def waiting() -> str:
        state = (await container_of(admin, namespace, name))["state"]
        assert state.get("waiting", {}).get("reason") in reasons, json.dumps(state)
        message: str = state["waiting"]["message"]
        return message

    return await eventually(waiting, describe=f"a container that waits for {reasons}")


async def page(url: str) -> tuple[int, str]:
    def fetch() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    return await asyncio.to_thread(fetch)


async def test_probed_pods_become_ready_and_this_machine_reaches_them(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    began = time.monotonic()
    name = await deploy(node_admin, node_namespace, node_cluster.image("1"), replicas=2)
    await becomes_ready(node_admin, node_namespace, name, replicas=2)
    print(f"two probed pods ready after {time.monotonic() - began:.1f} s")
    for pod in await pods_of(node_admin, node_namespace, name):
        assert pod["spec"]["nodeName"] == NODE
        address = f"http://{pod['status']['podIP']}:{PORT}"
        assert await page(f"{address}/") == (200, "app 1\n")
        assert 'http_requests_total{code="200"} 1' in (await page(f"{address}/metrics"))[1]
        assert (await page(f"{address}/nowhere"))[0] == 404


async def test_logs_and_commands_reach_a_container_through_the_api_server(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name = await deploy(node_admin, node_namespace, node_cluster.image("2"))
    await becomes_ready(node_admin, node_namespace, name)
    said = await asyncio.to_thread(node_admin.kubectl, "-n", node_namespace, "logs", f"deploy/{name}")
    assert said.startswith("app 2, behaviour ok")
    listed = await asyncio.to_thread(
        node_admin.kubectl, "-n", node_namespace, "exec", f"deploy/{name}", "--", "ls", "/app"
    )
    assert listed.split() == ["answer.sh", "run.sh"]


async def test_a_service_is_served_without_a_gap_while_its_pods_are_replaced(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name = await deploy(node_admin, node_namespace, node_cluster.image("1"), replicas=2)
    service = {
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": PORT}]},
    }
    services = f"/api/v1/namespaces/{node_namespace}/services"
    await node_admin.create(services, service)
    await becomes_ready(node_admin, node_namespace, name, replicas=2)
    proxy = f"{node_admin.server}{services}/{name}:80/proxy/"
    path = f"/apis/apps/v1/namespaces/{node_namespace}/deployments/{name}"
    answers: list[tuple[int, str]] = []

    async def ask() -> bool:
        for _ in range(10):
            async with node_admin.session.get(proxy, ssl=node_admin.tls) as answer:
                answers.append((answer.status, await answer.text()))
        return set(answers[-10:]) == {(200, "app 2\n")}

    await eventually(lambda: _is_served(node_admin, proxy), describe="an answer through the service")
    image = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": node_cluster.image("2")}]
    await node_admin.patch(path, image)
    await eventually(ask, describe="answers of the new version")
    assert {status for status, _ in answers} == {200}
    assert answers[0] == (200, "app 1\n")
    print(f"{len(answers)} requests answered while the pods were replaced")


async def _is_served(admin: Admin, url: str) -> bool:
    async with admin.session.get(url, ssl=admin.tls) as answer:
        return answer.status == 200


async def test_a_crash_loop_restarts_quickly_and_was_never_ready(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name = await deploy(node_admin, node_namespace, node_cluster.image("crash"))

    async def restarted() -> bool:
        status = await container_of(node_admin, node_namespace, name)
        assert not status["ready"]
        assert status["restartCount"] >= 3, json.dumps(status)
        assert status["lastState"]["terminated"]["exitCode"] == 1
        return True

    await eventually(restarted, deadline=45)


async def test_a_container_over_its_memory_limit_is_killed_by_the_kernel(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name = await deploy(node_admin, node_namespace, node_cluster.image("oom"))

    async def killed() -> bool:
        status = await container_of(node_admin, node_namespace, name)
        ended = status["state"].get("terminated") or status["lastState"].get("terminated") or {}
        assert (ended.get("reason"), ended.get("exitCode")) == ("OOMKilled", 137), json.dumps(status)
        return True

    await eventually(killed)


async def test_a_container_whose_readiness_probe_fails_runs_and_is_not_ready(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name = await deploy(node_admin, node_namespace, node_cluster.image("unready"))
    events = f"/api/v1/namespaces/{node_namespace}/events"

    async def probed() -> bool:
        found = await node_admin.list(events, fieldSelector="reason=Unhealthy")
        return any("statuscode: 503" in event["message"] for event in found)

    await eventually(probed, describe="an event of a failed probe")
    status = await container_of(node_admin, node_namespace, name)
    assert "running" in status["state"]
    assert not status["ready"]


async def test_an_image_that_is_sick_after_a_while_is_restarted_by_its_liveness_probe(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name = await deploy(node_admin, node_namespace, node_cluster.image("sick"))
    await becomes_ready(node_admin, node_namespace, name)

    async def restarted() -> bool:
        restarts: int = (await container_of(node_admin, node_namespace, name))["restartCount"]
        return restarts >= 1

    await eventually(restarted, deadline=45)


async def test_an_image_comes_from_the_registry_and_a_missing_tag_is_not_found(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    always = {"containers": deployment("x", "x")["spec"]["template"]["spec"]["containers"]}
    always["containers"][0] |= {"image": node_cluster.image("3", pulled=True), "imagePullPolicy": "Always"}
    pulled = await deploy(node_admin, node_namespace, "x", **always)
    missing = await deploy(node_admin, node_namespace, node_cluster.image("99", pulled=True))
    await becomes_ready(node_admin, node_namespace, pulled)
    said = await waits_for(node_admin, node_namespace, missing, "ErrImagePull")
    assert "not found" in said
    await waits_for(node_admin, node_namespace, missing, "ImagePullBackOff")


@pytest.mark.xdist_group("stops the registry")
async def test_a_stopped_registry_is_a_refused_connection_until_it_is_started_again(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    node_cluster.stop("registry")
    try:
        name = await deploy(node_admin, node_namespace, node_cluster.image("4", pulled=True))
        said = await waits_for(node_admin, node_namespace, name, "ErrImagePull")
        assert "connection refused" in said
        status = sandbox.status(node_cluster.record.folder.path)
        assert [part.name for part in status.dead] == ["registry"]
    finally:
        node_cluster.start("registry")
    await eventually(lambda: is_ready(node_cluster.registry), describe="the registry's answer")
    assert not sandbox.status(node_cluster.record.folder.path).dead
    await waits_for(node_admin, node_namespace, name, "ErrImagePull", "ImagePullBackOff")


async def test_prometheus_knows_the_metrics_of_an_annotated_pod(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    await deploy(node_admin, node_namespace, node_cluster.image("faulty"))
    query = urllib.parse.quote(f'app_error_ratio{{namespace="{node_namespace}"}}')

    async def known() -> bool:
        _, said = await page(f"{node_cluster.prometheus}/api/v1/query?query={query}")
        values = [series["value"][1] for series in json.loads(said)["data"]["result"]]
        return values == ["0.5"]

    await eventually(known, describe="the pod's own gauge")


async def test_a_chart_is_pushed_and_rendered_from_the_registry(node_cluster: NodeCluster, tmp_path: Path) -> None:
    chart = tmp_path / "demo"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: demo\nversion: 1.2.3\n")
    (chart / "templates" / "map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-chart}\n")
    repository = node_cluster.push_chart(chart, version="1.2.4")
    command = [node_cluster.record.helm, "template", "x", f"{repository}/demo", "--version=1.2.4", "--plain-http"]
    done = subprocess.run(command, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "from-chart" in done.stdout


async def test_pods_that_tolerate_and_select_the_fake_node_are_played_by_kwok(
    node_admin: Admin, node_namespace: str
) -> None:
    fake = {
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"key": "sandbox.landlord.dev/fake", "operator": "Exists"}],
    }
    name = await deploy(node_admin, node_namespace, "nowhere.example/app:1", **fake)
    await becomes_ready(node_admin, node_namespace, name)
    (pod,) = await pods_of(node_admin, node_namespace, name)
    assert pod["spec"]["nodeName"] != NODE


@pytest.fixture
def folder(run_folder: Path) -> Iterator[Folder]:
    """A place for a sandbox with a real node of the test's own."""
    if why := why_not():
        pytest.skip(why)
    if os.geteuid() != 0:
        pytest.skip("only root can start a real node")
    place = Folder.at(run_folder / short_name("n"))
    yield place
    sandbox.down(place.path)


def machine() -> set[str]:
    """What of network, mounts and cgroups this machine has."""
    links = {f"link {entry.name}" for entry in Path("/sys/class/net").iterdir()}
    mounts = {f"mount {line}" for line in Path("/proc/self/mounts").read_text().splitlines()}
    groups = {f"cgroup {entry}" for entry in Path("/sys/fs/cgroup").glob("*/landlord-*")}
    tuned = {f"{name} {Path('/proc/sys', name).read_text()}" for name in ("vm/overcommit_memory", "kernel/panic")}
    return links | mounts | groups | tuned


def nothing_is_left_of(folder: Folder) -> None:
    assert process.processes_of(folder.path) == []
    assert not network.exists(folder.path)
    assert not cgroups.exists(node.cgroup_name(folder.path))
    assert not folder.path.exists()


def test_two_real_nodes_run_side_by_side_and_down_leaves_the_machine_as_it_was(
    node_cluster: NodeCluster, folder: Folder
) -> None:
    before = machine()
    began = time.monotonic()
    record = sandbox.up(folder.path, with_node=True)
    print(f"a second real node is usable after {time.monotonic() - began:.1f} s")
    assert record.host != node_cluster.record.host
    api = Api.as_admin(record.ports["kube-apiserver"], folder.pki, record.host)
    body = deployment("d", "localhost/app:1")
    assert api.create("/apis/apps/v1/namespaces/default/deployments", body)
    path = "/apis/apps/v1/namespaces/default/deployments/d"
    wait_until(
        lambda: ((api.get(path) or {}).get("status") or {}).get("readyReplicas") == 1, seconds=60, what="Readiness"
    )
    assert not sandbox.status(node_cluster.record.folder.path).dead
    sandbox.down(folder.path)
    nothing_is_left_of(folder)
    assert machine() == before


def test_reset_gives_an_empty_node_at_the_same_address(folder: Folder) -> None:
    before = sandbox.up(folder.path, with_node=True)
    api = Api.as_admin(before.ports["kube-apiserver"], folder.pki, before.host)
    assert api.create("/apis/apps/v1/namespaces/default/deployments", deployment("d", "localhost/app:1"))
    path = "/apis/apps/v1/namespaces/default/deployments/d"
    wait_until(
        lambda: ((api.get(path) or {}).get("status") or {}).get("readyReplicas") == 1, seconds=60, what="Readiness"
    )
    after = sandbox.reset(folder.path)
    assert (after.server, after.node) == (before.server, before.node)
    assert api.status(path) == 404
    assert api.create("/apis/apps/v1/namespaces/default/deployments", deployment("e", "localhost/app:1"))
    path = "/apis/apps/v1/namespaces/default/deployments/e"
    wait_until(
        lambda: ((api.get(path) or {}).get("status") or {}).get("readyReplicas") == 1, seconds=60, what="Readiness"
    )


MOMENTS = {"namespaces made": 1, "API server started": 3, "containerd started": 7, "kubelet started": 8}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_starter_killed_at_any_moment_leaves_nothing_that_down_cannot_clean(folder: Folder, moment: str) -> None:
    before = machine()
    command = [sys.executable, "-m", "sandbox", "up", "--node", "--dir", str(folder.path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as starter:
        wait_until(lambda: _started(folder) >= MOMENTS[moment], seconds=60, what=moment)
        starter.kill()
    assert process.processes_of(folder.path)
    sandbox.down(folder.path)
    nothing_is_left_of(folder)
    assert machine() == before


def test_containers_are_ended_even_if_kubelet_runtime_and_folder_are_gone(folder: Folder) -> None:
    record = sandbox.up(folder.path, with_node=True)
    api = Api.as_admin(record.ports["kube-apiserver"], folder.pki, record.host)
    assert api.create("/apis/apps/v1/namespaces/default/deployments", deployment("d", "localhost/app:1"))
    path = "/apis/apps/v1/namespaces/default/deployments/d"
    wait_until(
        lambda: ((api.get(path) or {}).get("status") or {}).get("readyReplicas") == 1, seconds=60, what="Readiness"
    )
    for part in ("kubelet", "containerd"):
        parts.stop(record, part)
    subprocess.run(["rm", "-rf", str(folder.path)], check=True)
    sandbox.down(folder.path)
    nothing_is_left_of(folder)


def _started(folder: Folder) -> int:
    record = read_record(folder) if folder.path.is_dir() else None
    return len(record.parts) if record else 0
