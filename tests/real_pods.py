"""Pods that really run: a Deployment of the sandbox's own application, and looks at what becomes of it."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

from sandbox.images import PORT
from tests.cluster import Admin, Object, eventually, short_name

__all__ = ["PORT", "becomes_ready", "container_of", "deploy", "deployment", "page", "pods_of", "waits_for"]


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
    """Its pods."""
    return await admin.list(f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"app={name}")


async def container_of(admin: Admin, namespace: str, name: str) -> Object:
    """The status of the container of the only pod."""
    pods = await pods_of(admin, namespace, name)
    assert len(pods) == 1, f"{name} has {len(pods)} pods"
    statuses: list[Object] = pods[0]["status"].get("containerStatuses", [])
    assert statuses, json.dumps(pods[0]["status"])
    return statuses[0]


async def becomes_ready(admin: Admin, namespace: str, name: str, replicas: int = 1) -> None:
    """Return once so many of its pods are ready."""

    async def ready() -> bool:
        found = await admin.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
        count: int = found["status"].get("readyReplicas", 0)
        return count == replicas

    await eventually(ready, deadline=60, describe=f"{replicas} ready pods of {name}")


async def waits_for(admin: Admin, namespace: str, name: str, *reasons: str) -> str:
    """The message of the container's waiting for one of these reasons."""

    async def waiting() -> str:
        state = (await container_of(admin, namespace, name))["state"]
        assert state.get("waiting", {}).get("reason") in reasons, json.dumps(state)
        message: str = state["waiting"]["message"]
        return message

    return await eventually(waiting, deadline=60, describe=f"a container that waits for {reasons}")


async def page(url: str) -> tuple[int, str]:
    """Status and body of a GET."""

    def fetch() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    return await asyncio.to_thread(fetch)
