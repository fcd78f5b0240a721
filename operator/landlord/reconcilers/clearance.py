"""AppReleases go before their namespace: only while its deployer has rights can Helm uninstall, hooks and all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from landlord.api.conditions import ConditionType, Reason
from landlord.api.failures import LandlordFailure, Missing, raise_worst
from landlord.api.refs import APPRELEASES
from landlord.clients.cluster import Cluster
from landlord.core.conditions import find
from landlord.reconcilers import objects
from landlord.reconcilers.objects import Body

MOST_NAMED: Final = 10
LONGEST: Final = 500
"""Characters of one release's trouble that are told again; all of it stands in its own conditions."""


@dataclass(frozen=True, slots=True)
class Clearance:
    """How far a namespace is cleared. ``waiting`` is a sentence, empty when no AppRelease is left."""

    waiting: str = ""
    asked: tuple[str, ...] = ()
    """Names of those that were asked to go in this step."""


async def clear(cluster: Cluster, namespace: str, *, is_cordoned: bool = False) -> Clearance:
    """Delete each AppRelease of the namespace, exactly as seen; call again until nothing is waited for.

    Under a cordon Helm may write nothing, not even to uninstall: only a person can say which of the two orders holds.
    """
    try:
        left = await cluster.list_all(APPRELEASES, namespace)
    except Missing:  # no such kind any more, so none of them either
        return Clearance()
    staying = [body for body in left if "deletionTimestamp" not in body["metadata"]]
    failures: list[LandlordFailure] = []
    for body in staying:
        meta = body["metadata"]
        try:
            await cluster.delete(APPRELEASES, meta["name"], namespace, uid=meta["uid"])
        except LandlordFailure as failure:
            failures.append(failure)
    raise_worst(failures)
    return Clearance(
        _told(namespace, left, is_cordoned=is_cordoned), tuple(body["metadata"]["name"] for body in staying)
    )


def _told(namespace: str, left: Sequence[Body], *, is_cordoned: bool) -> str:
    """Who is waited for; and of each that cannot go by itself why, and what to do."""
    if not left:
        return ""
    names = [body["metadata"]["name"] for body in left]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    told = [f"Namespace {namespace} waits until its AppReleases are gone: {', '.join(names[:MOST_NAMED])}{more}."]
    troubles = [each for body in left if (each := _trouble(body, is_cordoned=is_cordoned))]
    return " ".join([*told, *troubles[:MOST_NAMED]])


def _trouble(body: Body, *, is_cordoned: bool) -> str:
    meta, status = body["metadata"], body.get("status") or {}
    if "deletionTimestamp" not in meta:
        return ""  # it is asked only now
    if not objects.is_held(body):
        return f"AppRelease {meta['name']} is held by the finalizers {', '.join(meta.get('finalizers') or ())}."
    ready = find(status.get("conditions"), ConditionType.READY)
    is_current = status.get("observedGeneration") == objects.generation(body)
    if not is_current or ready.get("reason") in _AT_WORK:
        return ""
    why = str(ready.get("message", ""))[:LONGEST]
    todo = "Set spec.cordoned of the Tenant to false, so that Helm may write again" if is_cordoned else "Mend that"
    return (
        f"AppRelease {meta['name']} cannot be uninstalled ({ready.get('reason')}): {why} {todo}; or set its "
        "spec.deletionPolicy to Orphan, and it goes without Helm, and what it left goes with the namespace."
    )


_AT_WORK: Final = frozenset(
    {
        Reason.UNINSTALLING,
        Reason.PROGRESSING,
        Reason.DEPLOYING,
        Reason.ROLLING_BACK,
        Reason.TESTING,
        Reason.INTERRUPTED,
        Reason.API_TROUBLE,
    }
)
"""Reasons of an AppRelease that goes on by itself: Helm runs, or another look comes."""
