"""Who waits for whom among the releases of a namespace."""

from landlord.api.conditions import ConditionType
from landlord.api.refs import Ref
from landlord.core.conditions import is_true
from landlord.core.release.dependencies import Dependency, closed_by
from landlord.core.release.facts import Closed
from landlord.reconcilers import objects
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.ledgers import Ledgers


def dependencies(case: Case, bodies: Bodies, ledgers: Ledgers) -> Closed | None:
    """Why the release must wait for others, None when it need not."""
    if case.release is None or not case.release.spec.depends_on:
        return None
    graph = {ref.name: _dependency(ref, bodies, ledgers) for ref in bodies.within(case.namespace)}
    return closed_by(case.ref.name, graph)


def _dependency(ref: Ref, bodies: Bodies, ledgers: Ledgers) -> Dependency:
    """A status can be forged or out of date, so the ledger must agree with it."""
    body = bodies.get(ref) or {}
    status = body.get("status") or {}
    needs = tuple(str(each.get("name")) for each in (body.get("spec") or {}).get("dependsOn") or ())
    is_staying = bool(body) and "deletionTimestamp" not in body["metadata"]
    is_current = is_staying and status.get("observedGeneration") == objects.generation(body)
    is_proven = is_true(status.get("conditions"), ConditionType.PROVEN) and ledgers.readable(ref).proven is not None
    return Dependency(needs, is_proven=is_current and is_proven)
