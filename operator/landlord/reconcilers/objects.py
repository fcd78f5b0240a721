"""What every kind of ours has alike: suspension, requests by annotation, our finalizer, its status."""

from typing import Any, Final

from landlord.api import names
from landlord.api.failures import Conflict
from landlord.api.refs import Resource
from landlord.clients.cluster import Cluster

Body = dict[str, Any]

_NO: Final = frozenset({"", "false", "no", "off", "0"})


def generation(body: Body) -> int:
    """The generation of the spec this body carries."""
    return int(body["metadata"].get("generation", 0))


def age_key(body: Body) -> tuple[str, str]:
    """Older objects sort first; equal ages by name."""
    return str(body["metadata"].get("creationTimestamp", "")), str(body["metadata"]["name"])


def is_suspended(body: Body) -> bool:
    """By ``spec.suspend``, or by the annotation for people in a hurry: whatever it says that is not a clear no."""
    annotations = body["metadata"].get("annotations") or {}
    in_a_hurry = str(annotations.get(names.ANNOTATION_SUSPEND, "")).strip().lower() not in _NO
    return bool((body.get("spec") or {}).get("suspend")) or in_a_hurry


def is_held(body: Body) -> bool:
    """Whether our finalizer is on it."""
    return names.FINALIZER in (body["metadata"].get("finalizers") or ())


def asked_at(body: Body) -> str | None:
    """The latest request for a pass by annotation, ours or Flux's; None when there is none."""
    annotations = body["metadata"].get("annotations") or {}
    asked = annotations.get(names.ANNOTATION_REQUESTED_AT) or annotations.get(names.ANNOTATION_FLUX_REQUESTED_AT)
    return str(asked)[:253] if asked else None


def wishes(body: Body) -> tuple[Any, ...]:
    """All that people ask for by this body; when it changes, a pass must come."""
    meta = body["metadata"]
    annotations = meta.get("annotations") or {}
    asked = (annotations.get(key) for key in _ASKING)
    return meta.get("uid"), meta.get("generation"), "deletionTimestamp" in meta, *asked


_ASKING = (
    names.ANNOTATION_SUSPEND,
    names.ANNOTATION_REQUESTED_AT,
    names.ANNOTATION_FLUX_REQUESTED_AT,
    names.ANNOTATION_RETRY_AT,
)


async def hold(cluster: Cluster, resource: Resource, body: Body) -> Body:
    """The object with our finalizer; the very same body when it has it already."""
    meta = body["metadata"]
    if names.FINALIZER in (meta.get("finalizers") or ()):
        return body
    try:
        return await _set_finalizers(cluster, resource, body, [*(meta.get("finalizers") or ()), names.FINALIZER])
    except Conflict:
        live = await cluster.get(resource, meta["name"], meta.get("namespace"))
        if live is None or wishes(live) != wishes(body):
            raise
        others = [each for each in live["metadata"].get("finalizers") or () if each != names.FINALIZER]
        return await _set_finalizers(cluster, resource, live, [*others, names.FINALIZER])


async def release(cluster: Cluster, resource: Resource, body: Body) -> None:
    """Take our finalizer off, whatever else changed meanwhile; nothing to do when the object is gone."""
    meta = body["metadata"]
    live = await cluster.get(resource, meta["name"], meta.get("namespace"))
    if live is None or live["metadata"]["uid"] != meta["uid"]:
        return
    finalizers = live["metadata"].get("finalizers") or []
    if names.FINALIZER in finalizers:
        await _set_finalizers(cluster, resource, live, [each for each in finalizers if each != names.FINALIZER])


async def patch_status(cluster: Cluster, resource: Resource, body: Body, status: Body) -> Body:
    """Write the status of exactly this object; the object as stored."""
    meta = body["metadata"]
    patch = {"metadata": {"uid": meta["uid"]}, "status": status}
    return await cluster.merge(resource, meta["name"], patch, meta.get("namespace"), subresource="status")


async def _set_finalizers(cluster: Cluster, resource: Resource, body: Body, finalizers: list[str]) -> Body:
    meta = body["metadata"]
    change = {"resourceVersion": meta["resourceVersion"], "uid": meta["uid"], "finalizers": finalizers}
    return await cluster.merge(resource, meta["name"], {"metadata": change}, meta.get("namespace"))
