"""Who waits for whom: only what stands proven, in the ledger too, and stays, lets others begin."""

from typing import Any

import pytest

from landlord.api.refs import APPRELEASES, Ref
from landlord.core.release.ledger import Ledger, Proven
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.release.dependents import dependencies
from tests.unit.reconcilers.release.cases import THEN, WANTED, case

DATABASE = Ref(APPRELEASES.kind, "shop-dev", "database")


class Book:
    """Ledgers of others."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def readable(self, ref: Ref) -> Ledger:
        return self._ledger if ref == DATABASE else Ledger()


@pytest.mark.parametrize(
    ("head", "status", "is_noted", "waits"),
    [
        ({}, {}, True, False),
        ({}, {"observedGeneration": 1}, True, True),
        ({}, {"conditions": []}, True, True),
        ({}, {}, False, True),
        ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, {}, True, True),
    ],
    ids=["proven", "out of date", "not proven", "forged", "going away"],
)
def test_a_release_waits_until_what_it_depends_on_is_proven_and_stays(
    head: dict[str, Any], status: dict[str, Any], is_noted: bool, waits: bool
) -> None:
    bodies, one = Bodies(), case(dependsOn=[{"name": "database"}])
    meta = {"name": "database", "namespace": "shop-dev", "uid": "d", "generation": 2, "resourceVersion": "5", **head}
    whole = {"observedGeneration": 2, "conditions": [{"type": "Proven", "status": "True"}], **status}
    bodies.put({"metadata": meta, "spec": {}, "status": whole})
    bodies.put(dict(one.body))
    ledger = Ledger(proven=Proven(1, WANTED, THEN)) if is_noted else Ledger()
    closed = dependencies(one, bodies, Book(ledger))  # type: ignore[arg-type] # the part that is read
    assert (closed is not None) is waits
