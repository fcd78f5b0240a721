"""What is there at the end of a plan, written so that plans with other names and at other times can be compared."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from landlord.api import names
from landlord.api.refs import CHILDREN, ENVIRONMENTS, NAMESPACES, TENANTS
from landlord.clients.cluster import Cluster
from tests.fault_scenarios import Stage

Object = dict[str, Any]

_TIMES = ("lastTransitionTime", f"{names.GROUP}/orphaned-at")
_OWN = (TENANTS.kind, ENVIRONMENTS.kind)


@dataclass(frozen=True, slots=True)
class Photograph:
    """All objects of one stage, labelled or not, by kind and masked name; and the UID each has."""

    objects: dict[str, Object]
    uids: dict[str, str]


async def photograph(cluster: Cluster, stage: Stage) -> Photograph:
    """The Tenant, its Environments, its namespaces and all that Landlord could have put there."""
    objects: dict[str, Object] = {}
    uids: dict[str, str] = {}
    found = [(kind, body) async for kind, body in _everything(cluster, stage)]
    spaces = {body["metadata"]["uid"]: body["metadata"]["name"] for kind, body in found if kind == NAMESPACES.kind}
    for kind, body in found:
        meta = body["metadata"]
        key = masked(f"{kind} {meta.get('namespace', '')}/{meta['name']}", stage.name)
        objects[key] = json.loads(masked(json.dumps(_plain(kind, body, spaces)), stage.name))
        uids[key] = meta["uid"]
    return Photograph(objects, uids)


def masked(text: str, name: str) -> str:
    """The text with the tenant's name put in general terms."""
    return text.replace(name, "TENANT")


def kept(before: Collection[str], after: Photograph) -> set[str]:
    """What is the very same object, by its UID, as one of those before."""
    return {key for key, uid in after.uids.items() if uid in before}


def differences(expected: Photograph, found: Photograph) -> list[str]:
    """What is missing, too much or otherwise; empty when the two show the same."""
    lines = [f"missing: {key}" for key in sorted(expected.objects.keys() - found.objects.keys())]
    lines += [f"too much: {key}" for key in sorted(found.objects.keys() - expected.objects.keys())]
    for key in sorted(expected.objects.keys() & found.objects.keys()):
        lines += [f"{key}{where}" for where in _unlike(expected.objects[key], found.objects[key])]
    return lines


def _unlike(expected: Any, found: Any, path: str = "") -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted(expected.keys() | found.keys()):
            yield from _unlike(expected.get(name), found.get(name), f"{path}.{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from _unlike(one, other, f"{path}[{number}]")
    elif expected != found:
        yield f"{path}: expected {json.dumps(expected)}, found {json.dumps(found)}"


async def _everything(cluster: Cluster, stage: Stage) -> Any:
    own = [(TENANTS, stage.name), *((ENVIRONMENTS, each) for each in stage.environments)]
    for resource, name in (*own, *((NAMESPACES, each) for each in stage.namespaces)):
        body = await cluster.get(resource, name)
        if body is not None:
            yield resource.kind, body
    for namespace in stage.namespaces:
        for resource in CHILDREN[1:]:
            for body in await cluster.list_all(resource, namespace):
                if body["metadata"]["name"] != "default":  # Kubernetes' own account, which comes when it likes
                    yield resource.kind, body


def _plain(kind: str, body: Object, spaces: dict[str, str]) -> Object:
    """What people and Landlord said, and of our own kinds what Landlord says of them."""
    meta = body["metadata"]
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key not in _TIMES}
    head = {
        "labels": meta.get("labels") or {},
        "annotations": annotations,
        "finalizers": meta.get("finalizers") or [],
        "deleting": "deletionTimestamp" in meta,
        "owners": len(meta.get("ownerReferences") or ()),
    }
    skipped = {"metadata", "apiVersion", "kind"} | ({"status"} if kind not in _OWN else set())
    rest = {key: value for key, value in body.items() if key not in skipped}
    return {"metadata": head, **_timeless(rest, spaces)}


def _timeless(value: Any, spaces: dict[str, str]) -> Any:
    if isinstance(value, dict):
        said = {key: _timeless(inner, spaces) for key, inner in value.items() if key not in _TIMES}
        return said | ({"digest": bool(said["digest"])} if "digest" in said else {})
    if isinstance(value, list):
        return [_timeless(inner, spaces) for inner in value]
    return f"the UID of {spaces[value]}" if isinstance(value, str) and value in spaces else value
