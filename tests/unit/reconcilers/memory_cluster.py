"""A cluster in memory: as much of the API server as passes see, and failures on demand.

It knows names, UIDs, versions, field ownership of maps by server-side apply, UID preconditions and finalizers of our
own kinds. It validates nothing and changes nothing by itself; the real API server is for the integration tests.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypeVar

from landlord.api.failures import Conflict, LandlordFailure, Missing
from landlord.api.names import FIELD_MANAGER
from landlord.api.refs import BY_KIND, CRDS, NAMESPACES, Ref, Resource

Object = dict[str, Any]
Failing = Callable[[str, str], LandlordFailure | None]
"""Asked before each request with verb and reference; what it answers is raised and nothing is done."""
WRITES = ("create", "apply", "patch", "patch status", "delete")

Answer = TypeVar("Answer")

CRD = {"metadata": {"name": "tenants.landlord.dev", "uid": "crd"}}


@dataclass
class MemoryCluster:
    """The part of ``Cluster`` that reconcilers use."""

    objects: dict[Ref, Object] = field(default_factory=lambda: {Ref(CRDS.kind, None, CRD["metadata"]["name"]): CRD})
    failing: Failing = lambda verb, name: None
    losing: Failing = lambda verb, name: None
    """Asked after each write: what it answers is raised although the write was done."""
    warnings: tuple[str, ...] = ()
    requests: list[tuple[str, str]] = field(default_factory=list)
    running: int = 0
    _applied: dict[Ref, Object] = field(default_factory=dict)
    _version: int = 0

    @property
    def writes(self) -> Counter[str]:
        """How many requests of each verb could have changed something."""
        return Counter(verb for verb, _ in self.requests if verb in WRITES)

    def store(self, kind: str, manifest: Mapping[str, Any]) -> Object:
        """An object as somebody else would write it."""
        meta = manifest["metadata"]
        ref = Ref(kind, meta.get("namespace"), meta["name"])
        self._version += 1
        before = self.objects.get(ref)
        identity = {"uid": before["metadata"]["uid"] if before else f"uid-{self._version}"}
        stored = deepcopy(dict(manifest))
        stored["metadata"] = {**stored["metadata"], **identity, "resourceVersion": str(self._version)}
        self.objects[ref] = stored
        if (
            "deletionTimestamp" in stored["metadata"]
            and not stored["metadata"].get("finalizers")
            and kind != "Namespace"
        ):
            del self.objects[ref]
        return deepcopy(stored)

    def destroy(self, ref: Ref) -> None:
        """The object is gone, a namespace with all that is in it."""
        for each in [
            one for one in self.objects if one == ref or (ref.kind == "Namespace" and one.namespace == ref.name)
        ]:
            del self.objects[each]
            self._applied.pop(each, None)

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        ref = Ref(resource.kind, namespace, name)
        await self._ask("get", ref)
        return deepcopy(self.objects.get(ref))

    async def list_all(
        self, resource: Resource, namespace: str | None = None, *, selector: str = ""
    ) -> tuple[Object, ...]:
        await self._ask("list", Ref(resource.kind, namespace, selector))
        label, _, value = selector.partition("=")
        return tuple(
            deepcopy(each)
            for ref, each in self.objects.items()
            if ref.kind == resource.kind
            and namespace in (None, ref.namespace)
            and (not label or (each["metadata"].get("labels") or {}).get(label) == value)
        )

    async def create(self, resource: Resource, manifest: Object) -> Object:
        ref = self._ref(resource, manifest)
        await self._ask("create", ref)
        if ref in self.objects:
            raise Conflict(f"{ref} exists already.")
        self._applied[ref] = manifest
        return self._answer("create", ref, self.store(resource.kind, _signed(manifest, manifest)))

    async def apply(self, resource: Resource, manifest: Object) -> Object:
        ref = self._ref(resource, manifest)
        await self._ask("apply", ref)
        live = self.objects.get(ref)
        self._match_uid(ref, live, manifest)
        if resource.namespaced and Ref(NAMESPACES.kind, None, str(ref.namespace)) not in self.objects:
            raise Missing(f'namespaces "{ref.namespace}" not found')
        merged = _signed(_merged(live or {}, _without_uid(manifest), self._applied.get(ref, {})), manifest)
        self._applied[ref] = _without_uid(manifest)
        is_same = live is not None and merged == live
        return self._answer("apply", ref, deepcopy(merged) if is_same else self.store(resource.kind, merged))

    async def merge(
        self, resource: Resource, name: str, patch: Object, namespace: str | None = None, *, subresource: str = ""
    ) -> Object:
        ref = Ref(resource.kind, namespace, name)
        verb = f"patch {subresource}".strip()
        await self._ask(verb, ref)
        live = self.objects.get(ref)
        if live is None:
            raise Missing(f"{ref} not found")
        self._match_uid(ref, live, patch)
        patched = _patched(live, patch)
        return self._answer(verb, ref, deepcopy(live) if patched == live else self.store(resource.kind, patched))

    async def warnings_of_merge(self, resource: Resource, name: str, patch: Object) -> tuple[str, ...]:
        await self._ask("warnings", Ref(resource.kind, None, name))
        return self.warnings

    async def delete(self, resource: Resource, name: str, namespace: str | None = None, *, uid: str) -> bool:
        ref = Ref(resource.kind, namespace, name)
        await self._ask("delete", ref)
        live = self.objects.get(ref)
        if live is None:
            return False
        self._match_uid(ref, live, {"metadata": {"uid": uid}})
        if resource is NAMESPACES or live["metadata"].get("finalizers"):
            self.store(resource.kind, _patched(live, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}))
        else:
            self.destroy(ref)
        return self._answer("delete", ref, True)

    async def _ask(self, verb: str, ref: Ref) -> None:
        """Count the request, let others run, and fail on demand."""
        self.requests.append((verb, str(ref)))
        self.running += 1
        await asyncio.sleep(0)
        self.running -= 1
        failure = self.failing(verb, str(ref))
        if failure is not None:
            raise failure

    def _answer(self, verb: str, ref: Ref, answer: Answer) -> Answer:
        failure = self.losing(verb, str(ref))
        if failure is not None:
            raise failure
        return answer

    @staticmethod
    def _ref(resource: Resource, manifest: Object) -> Ref:
        return Ref(resource.kind, manifest["metadata"].get("namespace"), manifest["metadata"]["name"])

    @staticmethod
    def _match_uid(ref: Ref, live: Object | None, wanted: Object) -> None:
        uid = wanted["metadata"].get("uid") if "metadata" in wanted else None
        if uid and (live is None or live["metadata"]["uid"] != uid):
            raise Conflict(f"{ref} is another object.")


def kinds(objects: Iterable[Ref]) -> Counter[str]:
    """How many objects there are of each kind that a tenant consists of."""
    return Counter(ref.kind for ref in objects if ref.kind in BY_KIND and ref.kind not in ("Tenant", "Environment"))


def _signed(stored: Object, manifest: Object) -> Object:
    """With our name under every field of the manifest, as in ``managedFields``."""
    entry = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": _fields(_without_uid(manifest))}
    return {**stored, "metadata": {**stored["metadata"], "managedFields": [entry]}}


def _fields(value: Any) -> Object:
    return {f"f:{key}": _fields(inner) for key, inner in value.items()} if isinstance(value, dict) else {}


def _without_uid(manifest: Object) -> Object:
    meta = {key: value for key, value in manifest["metadata"].items() if key != "uid"}
    return {**manifest, "metadata": meta}


def _merged(live: Any, wanted: Any, owned: Any) -> Any:
    """Server-side apply on maps: what we had and do not want any more goes, what others have stays; lists replace."""
    if not isinstance(wanted, dict):
        return deepcopy(wanted)
    kept = {
        key: deepcopy(value)
        for key, value in (live.items() if isinstance(live, dict) else ())
        if key in wanted or not (isinstance(owned, dict) and key in owned)
    }
    below = owned if isinstance(owned, dict) else {}
    return kept | {key: _merged(kept.get(key), value, below.get(key)) for key, value in wanted.items()}


def _patched(live: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = deepcopy(live) if isinstance(live, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _patched(result.get(key), value)
    return result
