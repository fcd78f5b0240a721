"""What is there at the end of a release's plan, written so that plans in other namespaces and times can be compared."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from landlord.api.refs import APPRELEASES, CONFIG_MAPS, JOBS, Resource
from landlord.api.releases import LOCKED, RevisionMeta
from landlord.clients.cluster import Cluster
from landlord.clients.helm.storage import Revisions
from landlord.core.release.history import MARK
from landlord.core.release.ledger import BINDING, Ledger
from landlord.reconcilers.release.ledgers import Ledgers
from tests.release_scenarios import NAME, Home

Object = dict[str, Any]

DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
_KINDS: Final = (DEPLOYMENTS, CONFIG_MAPS, JOBS)
_NOT_OURS: Final = frozenset({"kube-root-ca.crt"})
_REVISION: Final = re.compile(r"\.v\d+\b")
_TOLD: Final = frozenset({"Ready", "Stalled", "Reconciling", "Proven", "Held", "RolledBack", "Healthy", "Drifted"})


@dataclass(frozen=True, slots=True)
class Photograph:
    """The release, what it deployed, its ledger and Helm's records."""

    facts: dict[str, Any]
    """What must be the same at the end of every plan."""
    uids: dict[str, str]
    history: tuple[RevisionMeta, ...]
    ledger: Ledger


async def photograph(operator: Cluster, admin: Cluster, home: Home) -> Photograph:
    """The state of the release now. ``admin`` may read everything."""
    ledgers = Ledgers(operator, "landlord-system")
    await ledgers.load()
    ledger = ledgers.of(home.around.ref)
    history = await Revisions(admin).list(home.namespace, NAME)
    release = await admin.get(APPRELEASES, NAME, home.namespace)
    facts: dict[str, Any] = {"ledger": _verdicts(ledger), "status": _status(release)}
    uids: dict[str, str] = {}
    for kind in _KINDS:
        for found in await admin.list_all(kind, home.namespace):
            name = found["metadata"]["name"]
            if name not in _NOT_OURS:
                facts[f"{kind.kind} {name}"] = _content(found)
                uids[f"{kind.kind} {name}"] = str(found["metadata"]["uid"])
    return Photograph(facts, uids, history, ledger)


def masked(text: str, home: Home) -> str:
    """The text with namespace and revision numbers put in general terms."""
    return _REVISION.sub(".vN", text.replace(home.namespace, "HOME"))


def wrong(photo: Photograph) -> list[str]:
    """What must not be at any end: locks, no or two deployed revisions, one that is not the newest or not good."""
    found = [f"revision {each.number} is {each.status}" for each in photo.history if each.status in LOCKED]
    deployed = [each.number for each in photo.history if each.status == "deployed"]
    ledger, running = photo.ledger, photo.ledger.running
    if ledger.attempt or ledger.intent or ledger.recovering:
        found.append(f"not at rest: {ledger.attempt} {ledger.intent} {ledger.recovering}")
    if running is None:
        return [*found, f"revisions left: {photo.history}"] if photo.history else found
    newest = max((each.number for each in photo.history), default=0)
    if deployed != [running.revision] or newest != running.revision:
        found.append(f"deployed: {deployed}, newest: {newest}, running by the ledger: {running.revision}")
    if ledger.proven is None or ledger.proven.desired.digest != running.desired.digest:
        found.append("what runs is not what is proven")
    elif ledger.proven.revision not in {each.number for each in photo.history}:
        found.append(f"the proven revision {ledger.proven.revision} was pruned")
    return found


def marked(history: Sequence[RevisionMeta]) -> list[str]:
    """Marks of the revisions that upgrades made; others inherited theirs, and are not counted."""
    marks = [(str(each.number), each.labels.get(MARK, "")) for each in history]
    return [mark for number, mark in marks if mark.partition("-")[0] == number]


def _verdicts(ledger: Ledger) -> Object:
    binding = [(each.desired.key, each.verdict.value, each.reason) for each in ledger.verdicts]
    held = ledger.held
    return {
        "running": ledger.running.desired.key if ledger.running else None,
        "proven": ledger.proven.desired.key if ledger.proven else None,
        "held": held and (held.desired.key, held.failure.reason, held.rolled_back_to > 0, held.blocked is None),
        "verdicts": [each for each in binding if each[1] in {verdict.value for verdict in BINDING}],
    }


def _status(release: Object | None) -> Object | None:
    if release is None:
        return None
    status = release.get("status") or {}
    told = {each["type"]: (each["status"], each["reason"]) for each in status.get("conditions") or ()}
    return {
        "conditions": {kind: said for kind, said in told.items() if kind in _TOLD},
        "is current": status.get("observedGeneration") == release["metadata"]["generation"],
        "attempt": bool((status.get("attempt") or {}).get("stage")),
    }


def _content(found: Object) -> Object:
    spec = found.get("spec") or {}
    template = spec.get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or ()
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    labels = {key: value for key, value in (found["metadata"].get("labels") or {}).items() if "helm" in key}
    return {
        "data": found.get("data"),
        "images": [each["image"] for each in containers],
        "message": annotations.get("message"),
        "replicas": spec.get("replicas"),
        "labels": labels,
    }
