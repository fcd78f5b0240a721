"""The real node: pods really run, crash, are killed and lack images."""

import asyncio
import json
import subprocess
import time
import urllib.parse
from pathlib import Path

import pytest

from sandbox import cluster as sandbox
from sandbox.registry import PASSWORD, USER, is_ready
from tests.cluster import Admin, eventually
from tests.node import NODE, NodeCluster
from tests.real_pods import PORT, becomes_ready, container_of, deploy, deployment, page, pods_of, waits_for


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
    await eventually(ask, deadline=90, describe="answers of the new version")
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

    await eventually(restarted, deadline=90)


async def test_a_container_over_its_memory_limit_is_killed_by_the_kernel(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name = await deploy(node_admin, node_namespace, node_cluster.image("oom"))

    async def killed() -> bool:
        status = await container_of(node_admin, node_namespace, name)
        ended = status["state"].get("terminated") or status["lastState"].get("terminated") or {}
        assert (ended.get("reason"), ended.get("exitCode")) == ("OOMKilled", 137), json.dumps(status)
        return True

    await eventually(killed, deadline=60)


async def test_a_container_whose_readiness_probe_fails_runs_and_is_not_ready(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name = await deploy(node_admin, node_namespace, node_cluster.image("unready"))
    events = f"/api/v1/namespaces/{node_namespace}/events"

    async def probed() -> bool:
        found = await node_admin.list(events, fieldSelector="reason=Unhealthy")
        return any("statuscode: 503" in event["message"] for event in found)

    async def runs_unready() -> bool:
        """The Event may come before the status that the node sends at its own pace."""
        status = await container_of(node_admin, node_namespace, name)
        return "running" in status["state"] and not status["ready"]

    await eventually(probed, deadline=60, describe="an event of a failed probe")
    await eventually(runs_unready, describe="a container that runs and is not ready")


async def test_an_image_that_is_sick_after_a_while_is_restarted_by_its_liveness_probe(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name = await deploy(node_admin, node_namespace, node_cluster.image("sick"))
    await becomes_ready(node_admin, node_namespace, name)

    async def restarted() -> bool:
        restarts: int = (await container_of(node_admin, node_namespace, name))["restartCount"]
        return restarts >= 1

    await eventually(restarted, deadline=90)


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

    await eventually(known, deadline=60, describe="the pod's own gauge")


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


async def test_a_chart_in_the_private_registry_wants_the_password(node_cluster: NodeCluster, tmp_path: Path) -> None:
    chart = tmp_path / "secret"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: secret\nversion: 1.0.0\n")
    repository = node_cluster.push_chart(chart, private=True)
    command = [node_cluster.record.helm, "template", "x", f"{repository}/secret", "--version=1.0.0", "--plain-http"]
    for login, code in (([], 1), (["--password=wrong"], 1), ([f"--password={PASSWORD}"], 0)):
        user = [f"--username={USER}"] * bool(login)
        done = subprocess.run([*command, *user, *login], env={"HOME": str(tmp_path)}, capture_output=True, check=False)
        assert done.returncode == code, done.stderr
