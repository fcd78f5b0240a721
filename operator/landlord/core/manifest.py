"""Kubernetes objects as we want them, and the digest by which wanted and found are compared.

``content`` is the part of an object that is ours to say, written one way only. It is computed alike from a manifest
of ours and from what the API server returns, so equal digests mean: in the cluster it is as we want it. Caches can
therefore hold digests instead of objects, and a restart verifies everything without a single write.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from landlord.api import names
from landlord.api.refs import Ref, Resource
from landlord.core.quantity import QuantityError, canonical

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desired:
    """One object of a plan: where it goes, its full manifest and the digest of its content."""

    resource: Resource
    manifest: Object
    digest: str

    @property
    def ref(self) -> Ref:
        """The object's key."""
        meta = self.manifest["metadata"]
        return Ref(self.resource.kind, meta.get("namespace"), meta["name"])


def desired(
    resource: Resource,
    name: str,
    namespace: str | None = None,
    *,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    **fields: Any,
) -> Desired:
    """A manifest with its head and digest; ``fields`` are its top-level fields beside metadata."""
    metadata: Object = {"name": name, "labels": dict(labels)}
    if namespace:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = dict(annotations)
    payload = {key: copied(value) for key, value in fields.items()}
    manifest: Object = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **payload}
    return Desired(resource, manifest, digest(content(resource.kind, manifest)))


def copied(value: Any) -> Any:
    """``value`` as a tree of its own: no part is shared, neither with another tree nor within it."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def digest(value: object) -> str:
    """16 hex digits over the canonical JSON of ``value``."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def content(kind: str, manifest: Mapping[str, Any]) -> Object:
    """What is ours to say in an object of ``kind``: our labels, our annotations and its payload, in canonical form."""
    meta = manifest.get("metadata") or {}
    head = {
        "labels": _ours(meta.get("labels"), _OUR_LABELS if kind == "Namespace" else _MARKS),
        "annotations": _ours(meta.get("annotations"), (f"{names.GROUP}/",)),
    }
    return {"metadata": head, **_PAYLOADS[kind](manifest)}


def surplus(wanted: Object, found: Object) -> Object:
    """A merge patch that removes the map keys ``found`` has beyond ``wanted``, empty when there are none.

    Server-side apply leaves keys of other owners in place, such as a further entry in ``spec.hard``; they are part of
    our content all the same.
    """
    patch: Object = {}
    for key, value in found.items():
        if key not in wanted:
            patch[key] = None
        elif isinstance(value, dict) and isinstance(wanted[key], dict) and (inner := surplus(wanted[key], value)):
            patch[key] = inner
    return patch


def differing_paths(wanted: object, found: object, path: str = "") -> list[str]:
    """The JSON pointers at which two contents differ, such as ``/spec/hard/pods``; lists are compared as a whole."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            step
            for key in sorted(wanted.keys() | found.keys())
            for step in differing_paths(wanted.get(key), found.get(key), f"{path}/{_escaped(key)}")
        ]
    return [] if wanted == found else [path]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


_MARKS = (names.LABEL_MANAGED_BY, f"{names.GROUP}/")
_OUR_LABELS = (*_MARKS, names.POD_SECURITY_PREFIX)


def _ours(entries: Mapping[str, str] | None, prefixes: tuple[str, ...]) -> dict[str, str]:
    return {key: value for key, value in (entries or {}).items() if key.startswith(prefixes)}


def _quantities(value: Any) -> Any:
    """``value`` with every leaf of a resource list in canonical form; what is no quantity stays as it is."""
    if isinstance(value, dict):
        return {key: _quantities(inner) for key, inner in value.items()}
    try:
        return canonical(value)
    except (QuantityError, TypeError):
        return value


def _quota(manifest: Mapping[str, Any]) -> Object:
    spec = manifest.get("spec") or {}
    return {"spec": {**spec, "hard": _quantities(spec.get("hard") or {})}}


def _limits(manifest: Mapping[str, Any]) -> Object:
    items = (manifest.get("spec") or {}).get("limits") or []
    clean = [{key: value if key == "type" else _quantities(value) for key, value in item.items()} for item in items]
    return {"spec": {"limits": sorted(clean, key=lambda item: str(item.get("type")))}}


_PAYLOADS: Mapping[str, Callable[[Mapping[str, Any]], Object]] = {
    "Namespace": lambda _: {},
    "ResourceQuota": _quota,
    "LimitRange": _limits,
    "NetworkPolicy": lambda manifest: {"spec": manifest.get("spec") or {}},
    "ServiceAccount": lambda manifest: {"automountServiceAccountToken": manifest.get("automountServiceAccountToken")},
    "RoleBinding": lambda manifest: {
        "roleRef": manifest.get("roleRef") or {},
        "subjects": manifest.get("subjects") or [],
    },
}
