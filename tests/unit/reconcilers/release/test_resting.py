"""A release at rest: looked at when its time has come or somebody asks; what is put right is told once and well."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from landlord.api.conditions import Reason
from landlord.api.failures import Forbidden
from landlord.api.names import deployer_username
from landlord.core.release.drift import Ignore
from landlord.core.release.facts import Closed
from landlord.core.release.ledger import Operation
from landlord.reconcilers.release.resting import SOON, ignored
from tests.unit.reconcilers.release.cases import THEN, case
from tests.unit.reconcilers.release.drift_stage import SETTINGS, WEB
from tests.unit.reconcilers.release.objects_cluster import NAMESPACE, manifest, release
from tests.unit.reconcilers.release.resting_stage import SICK, WELL, Room

WARN = {"drift": {"mode": "Warn"}}
CORRECT = {"drift": {"mode": "Correct"}}


async def test_between_two_looks_nothing_is_asked() -> None:
    room = Room(SETTINGS, **WARN)
    first = await room.look()
    room.cluster.requests.clear()
    assert await room.look(timedelta(minutes=8)) is first
    assert room.cluster.requests == []
    assert (await room.look(timedelta(minutes=1))).at == THEN + timedelta(minutes=9)


@pytest.mark.parametrize("what", ["revision", "request", "drift mode", "ignored fields"])
async def test_what_is_new_is_looked_at_at_once(what: str) -> None:
    room = Room(SETTINGS, **WARN)
    await room.look()
    room.case.body["metadata"]["annotations"] = {"landlord.dev/requested-at": "now"} if what == "request" else {}
    spec: dict[str, Any] = {
        "drift mode": CORRECT,
        "ignored fields": {"drift": {"mode": "Warn", "ignore": [{"pointers": ["/data/level"]}]}},
    }.get(what, {})
    await room.look(timedelta(seconds=1), 2 if what == "revision" else 1, **spec)
    assert room.sight.looks == 2


async def test_a_release_that_is_not_well_is_looked_at_soon() -> None:
    room = Room(SETTINGS, **WARN)
    room.sight.is_well = False
    assert not (await room.look()).is_well
    room.sight.is_well = True
    assert not (await room.look(SOON - timedelta(seconds=1))).is_well
    assert (await room.look(timedelta(seconds=1))).is_well


async def test_drift_is_told_with_the_fields_and_who_changed_them_and_left() -> None:
    room = Room(SETTINGS, WEB, **WARN)
    room.edit()
    found = await room.look()
    assert found.drift == ({"object": "ConfigMap settings", "fields": ["/data/level"], "manager": "hand"},)
    assert found.inventory == ("v1 ConfigMap settings", "apps/v1 Deployment web")
    assert (found.notes, found.troubles, room.corrected) == ((), (), [])
    assert ("apply", "ConfigMap/settings") not in room.cluster.requests


async def test_drift_that_is_ignored_is_not_looked_for() -> None:
    room = Room(SETTINGS, drift={"mode": "Ignore"})
    room.edit()
    found = await room.look()
    assert (found.drift, found.health) == ((), WELL)
    assert found.inventory == ("v1 ConfigMap settings",)
    assert room.cluster.requests == []


async def test_drift_that_is_put_right_is_counted_and_told_as_done() -> None:
    room = Room(SETTINGS, WEB, **CORRECT)
    room.edit()
    del room.cluster.objects["Deployment", "web"]
    found = await room.look()
    assert found.drift == ()
    assert sorted(room.corrected) == [("ConfigMap", "applied"), ("Deployment", "recreated")]
    assert len(found.notes) == 2
    assert all(note.endswith("It is as deployed again.") for note in found.notes)
    assert room.cluster.users == {deployer_username(NAMESPACE)}


async def test_where_all_is_to_be_left_alone_drift_is_told_and_left() -> None:
    room = Room(SETTINGS, WEB, **CORRECT)
    room.edit()
    room.case = replace(room.case, closed=Closed(Reason.ENVIRONMENT_SUSPENDED, "The Environment is suspended."))
    found = await room.look()
    assert found.drift
    assert (found.notes, room.corrected) == ((), [])


async def test_what_was_put_right_just_now_is_no_trouble_any_more() -> None:
    room = Room(SETTINGS, **CORRECT)
    del room.cluster.objects["ConfigMap", "settings"]
    found = await room.look()
    assert (found.health, found.is_well) == (WELL, True)


async def test_what_was_put_right_has_a_moment_before_its_health_counts() -> None:
    room = Room(SETTINGS, **CORRECT)
    room.edit()
    room.sight.is_well = False
    first = await room.look()
    assert (first.health, first.is_well, len(first.notes)) == (None, False, 1)
    assert (await room.look(SOON)).health == SICK
    room.edit()
    room.sight.is_well = True
    assert (await room.look(SOON)).health == WELL


async def test_what_cannot_be_put_right_stays_told_as_drift_with_its_reason() -> None:
    room = Room(SETTINGS, **CORRECT)
    room.edit()
    room.cluster.refused["apply", "ConfigMap"] = Forbidden("The policy says no.")
    found = await room.look()
    assert [each["object"] for each in found.drift] == ["ConfigMap settings"]
    assert room.corrected == []
    assert "The policy says no." in found.troubles[0]


async def test_a_release_that_helm_applied_on_the_client_side_is_told_and_not_touched() -> None:
    room = Room(SETTINGS, **CORRECT)
    room.sight.stored_as = release(apply_method="csa")
    room.edit()
    found = await room.look()
    assert len(found.drift) == 1
    assert "drift is told but not corrected" in found.troubles[0]


async def test_trouble_that_lasts_is_news_once_and_again_when_it_changes() -> None:
    room = Room(SETTINGS, **WARN)
    told = []
    for trouble in ("The policy refuses.", "The policy refuses.", "Another trouble.", "", "The policy refuses."):
        room.edit()
        room.cluster.refused = {("dry-run", "ConfigMap"): Forbidden(trouble)} if trouble else {}
        told.append((await room.look(timedelta(minutes=10))).troubles)
    assert told == [("The policy refuses.",), (), ("Another trouble.",), (), ("The policy refuses.",)]


async def test_a_revision_that_is_not_there_any_more_is_neither_well_nor_drifted() -> None:
    room = Room(SETTINGS, **CORRECT)
    room.sight.stored_as = None
    found = await room.look()
    assert (found.health, found.drift, found.inventory, found.is_well) == (None, (), (), False)


async def test_what_is_forgotten_is_looked_at_anew() -> None:
    room = Room(SETTINGS, **WARN)
    await room.look()
    room.resting.forget(room.case.ref)
    await room.look()
    assert room.sight.looks == 2


async def test_a_pod_that_blocks_an_ordered_set_is_deleted_after_a_rollback() -> None:
    spec = {"podManagementPolicy": "OrderedReady"}
    room = Room(manifest("StatefulSet", "db", spec=spec))
    owner = room.cluster.objects["StatefulSet", "db"]
    owner["metadata"]["generation"] = 2
    owner["status"] = {"updateRevision": "db-old", "observedGeneration": 2}
    marks = {"labels": {"controller-revision-hash": "db-bad"}}
    owners = [{"kind": "StatefulSet", "uid": owner["metadata"]["uid"], "controller": True}]
    room.cluster.put(manifest("Pod", "db-0"), ownerReferences=owners, namespace=NAMESPACE, **marks)
    assert await room.resting.free_stuck(replace(room.case, ref=replace(room.case.ref, namespace=NAMESPACE)), 1) == (
        "db-0",
    )
    room.sight.stored_as = None
    assert await room.resting.free_stuck(room.case, 1) == ()


def test_rules_of_what_is_left_to_others_are_read_from_the_spec() -> None:
    rules = [{"pointers": ["/spec/replicas"], "target": {"kind": "Deployment", "name": "web"}}, {"pointers": ["/data"]}]
    assert ignored(case(drift={"ignore": rules})) == (
        Ignore(("/spec/replicas",), "Deployment", "web"),
        Ignore(("/data",), "", ""),
    )
    assert ignored(replace(case(), release=None)) == ()


async def test_what_was_proven_just_now_is_not_looked_at_once_more() -> None:
    room = Room(SETTINGS, WEB, **WARN)
    room.resting.change(room.case, Operation.DEPLOY, THEN)
    await room.resting.begin(room.case, 1, WELL)
    room.cluster.requests.clear()
    found = await room.look(timedelta(seconds=2))
    assert (found.health, found.drift, found.inventory) == (
        WELL,
        (),
        ("v1 ConfigMap settings", "apps/v1 Deployment web"),
    )
    assert room.cluster.requests == []


async def test_what_was_asked_for_while_it_was_proven_is_done_all_the_same() -> None:
    room = Room(SETTINGS, WEB, **WARN)
    room.resting.change(room.case, Operation.DEPLOY, THEN)
    room.edit()
    room.case.body["metadata"]["annotations"] = {"landlord.dev/requested-at": "now"}
    await room.resting.begin(room.case, 1, WELL)
    assert (await room.look()).drift


async def test_drift_is_looked_for_an_interval_after_the_deploy_however_long_the_bake_was() -> None:
    room = Room(SETTINGS, WEB, **WARN)
    room.resting.change(room.case, Operation.DEPLOY, THEN)
    room.edit()
    await room.resting.begin(replace(room.case, now=THEN + timedelta(hours=1)), 1, WELL)
    assert (await room.look(timedelta(hours=1))).drift


@pytest.mark.parametrize("operation", [None, Operation.ROLLBACK, Operation.TEST])
async def test_what_this_process_has_not_deployed_is_looked_at_with_its_proof(operation: Operation | None) -> None:
    room = Room(SETTINGS, WEB, **WARN)
    if operation is not None:
        room.resting.change(room.case, operation, THEN)
    room.edit()
    await room.resting.begin(room.case, 1, WELL)
    assert (await room.look()).drift
