"""The fake node and the lives of its pods: what kwok is configured with."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.components import KUBERNETES_VERSION

NODE: Final = "kwok-node-0"
TAINT: Final = "sandbox.landlord.dev/fake"
FAIL_ANNOTATION: Final = "sandbox.landlord.dev/fail"
FAILURES: Final = ("crash-loop", "image-pull", "never-ready", "oom")
_STAGES: Final = Path(__file__).parent / "stages.yaml"
_NODE_INFO: Final = {
    "architecture": "amd64",
    "bootID": "",
    "containerRuntimeVersion": "kwok://0.8.0",
    "kernelVersion": "kwok",
    "kubeProxyVersion": "",
    "kubeletVersion": KUBERNETES_VERSION,
    "machineID": "",
    "operatingSystem": "linux",
    "osImage": "kwok",
    "systemUUID": "",
}
_CAPACITY: Final = {"cpu": "10k", "memory": "32Ti", "ephemeral-storage": "32Ti", "pods": "100k"}


def node(name: str = NODE, *, shunned: bool = False) -> dict[str, Any]:
    """The manifest of a fake node with room for everything; a shunned one takes only pods that tolerate it."""
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "type": "kwok",
            },
        },
        "status": {"allocatable": _CAPACITY, "capacity": _CAPACITY, "nodeInfo": _NODE_INFO},
    }
    if shunned:
        manifest["spec"] = {"taints": [{"key": TAINT, "value": "true", "effect": "NoSchedule"}]}
    return manifest


def is_ready(manifest: dict[str, Any] | None) -> bool:
    """Whether a node reports Ready."""
    conditions = (manifest or {}).get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def stages() -> list[dict[str, Any]]:
    """The Stage documents kwok plays by, made of `stages.yaml`.

    The file holds what a person reads: named conditions, named template pieces and the stages that use both.
    """
    source = yaml.safe_load(_STAGES.read_text())
    return [_stage(name, stage, source) for name, stage in source["stages"].items()]


def configuration() -> str:
    """The file for kwok's `--config`: one document per stage. JSON is YAML too."""
    return "\n---\n".join(json.dumps(stage, indent=1) for stage in stages()) + "\n"


def _stage(name: str, stage: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "resourceRef": {"apiGroup": "v1", "kind": stage["kind"]},
        "selector": {"matchExpressions": [source["when"][condition] for condition in stage["when"]]},
        "next": dict(stage["next"]),
    }
    if stage["kind"] == "Pod" and "statusTemplate" in spec["next"]:
        spec["next"]["statusTemplate"] = source["pod-pieces"] + spec["next"]["statusTemplate"]
    if "delay" in stage:
        spec["delay"] = stage["delay"]
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}
