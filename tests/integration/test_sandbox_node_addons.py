"""Services, names and volumes of the real node, as applications use them."""

import asyncio
from typing import Any

from tests.cluster import Admin, eventually, short_name
from tests.node import NodeCluster
from tests.real_pods import PORT, becomes_ready, deploy, deployment, page


async def test_pods_reach_a_service_by_its_name_and_this_machine_by_its_address(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name = await deploy(node_admin, node_namespace, node_cluster.image("2"), replicas=2)
    await node_admin.create(f"/api/v1/namespaces/{node_namespace}/services", service(name, name))
    await becomes_ready(node_admin, node_namespace, name, replicas=2)
    job = {
        "metadata": {"name": "asks"},
        "spec": {
            "backoffLimit": 20,
            "template": {
                "spec": {"restartPolicy": "Never", "containers": [asking(node_cluster, name, node_namespace)]}
            },
        },
    }
    jobs = f"/apis/batch/v1/namespaces/{node_namespace}/jobs"
    await node_admin.create(jobs, job)
    found = await node_admin.get(f"/api/v1/namespaces/{node_namespace}/services/{name}")

    async def came_true() -> bool:
        status = (await node_admin.get(f"{jobs}/asks"))["status"]
        return bool(status.get("succeeded"))

    await eventually(came_true, deadline=90, describe="a job that has asked the service by two names")
    assert await page(f"http://{found['spec']['clusterIP']}/") == (200, "app 2\n")


async def test_a_stateful_set_keeps_its_volume_and_its_name_when_its_pod_is_replaced(
    node_admin: Admin, node_cluster: NodeCluster, node_namespace: str
) -> None:
    name, root = short_name("s"), f"/api/v1/namespaces/{node_namespace}"
    await node_admin.create(f"{root}/services", service(name, name, clusterIP="None"))
    await node_admin.create(
        f"/apis/apps/v1/namespaces/{node_namespace}/statefulsets", stateful(name, node_cluster.image("1"))
    )
    pod = f"{root}/pods/{name}-0"
    first = await eventually(lambda: ready_pod(node_admin, pod), deadline=60, describe="the first pod")
    await run(node_admin, node_namespace, f"{name}-0", "echo kept > /data/x")

    async def known_by_name() -> bool:
        asked = f"wget -qO- {name}-0.{name}:{PORT} || true"
        return await run(node_admin, node_namespace, f"{name}-0", asked) == "app 1\n"

    await eventually(known_by_name, describe="the pod's own name")
    await node_admin.delete(pod)

    async def replaced() -> bool:
        found = await ready_pod(node_admin, pod)
        return bool(found) and found["metadata"]["uid"] != first["metadata"]["uid"]

    await eventually(replaced, deadline=60, describe="the second pod")
    assert await run(node_admin, node_namespace, f"{name}-0", "cat /data/x") == "kept\n"
    await node_admin.delete(f"/apis/apps/v1/namespaces/{node_namespace}/statefulsets/{name}")
    claim = await node_admin.get(f"{root}/persistentvolumeclaims/data-{name}-0")
    await node_admin.delete(f"{root}/persistentvolumeclaims/data-{name}-0")

    async def gone() -> bool:
        return await node_admin.find(f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}") is None

    await eventually(gone, deadline=60, describe="the volume's end")


async def ready_pod(admin: Admin, path: str) -> dict[str, Any]:
    found = await admin.get(path)
    conditions = found["status"].get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return found if ready and "deletionTimestamp" not in found["metadata"] else {}


async def run(admin: Admin, namespace: str, pod: str, script: str) -> str:
    return await asyncio.to_thread(admin.kubectl, "-n", namespace, "exec", pod, "--", "sh", "-c", script)


def service(name: str, app: str, **more: Any) -> dict[str, Any]:
    ports = [{"port": PORT if more else 80, "targetPort": PORT}]
    return {"metadata": {"name": name}, "spec": {"selector": {"app": app}, "ports": ports, **more}}


def asking(cluster: NodeCluster, name: str, namespace: str) -> dict[str, Any]:
    script = f"wget -qO- http://{name}/ && wget -qO- http://{name}.{namespace}.svc.cluster.local/"
    return {"name": "asks", "image": cluster.image("1"), "command": ["sh", "-ec", script]}


def stateful(name: str, image: str) -> dict[str, Any]:
    body = deployment(name, image)
    spec = body["spec"] | {"serviceName": name}
    spec["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return body | {"spec": spec | {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}]}}
