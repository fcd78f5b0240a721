"""When objects are compared, what is remembered, and what a correction writes."""

from collections.abc import Sequence
from typing import Any

import pytest

from landlord.api.failures import Forbidden, NotOurs, Refused, Transient
from landlord.api.names import deployer_username
from landlord.api.refs import Ref
from landlord.core.release.drift import Drift, Ignore
from landlord.reconcilers.release.drifting import (
    MOST_ROUNDS,
    PATIENCE,
    TRUSTED_LOOKS,
    Correction,
    Drifting,
    Findings,
    as_applied,
    is_correctable,
)
from landlord.reconcilers.release.inventory import Eyes, Inventory, Item
from tests.unit.reconcilers.release.objects_cluster import (
    NAMESPACE,
    ObjectsCluster,
    inventory,
    item,
    manifest,
    release,
)

Object = dict[str, Any]
SHOP = Ref("AppRelease", NAMESPACE, "web")
SETTINGS = manifest("ConfigMap", "settings", data={"level": "info"})
WEB = manifest("Deployment", "web", spec={"replicas": 1, "paused": False})
MARKS = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": NAMESPACE}


class Unwatched:
    def objects(self, namespace: str, resource: object) -> None:
        return None


class Stage:
    """One release whose objects were applied by Helm."""

    def __init__(self, *objects: Object) -> None:
        self.cluster = ObjectsCluster()
        self.inventory = inventory(*objects)
        self.drifting = Drifting(self.cluster, Eyes(self.cluster, Unwatched()))
        for each in self.inventory.items:
            self.cluster.put(as_applied(each, release()))

    async def look(self, *ignore: Ignore, number: int = 1) -> Findings:
        self.cluster.requests.clear()
        return await self.drifting.look(SHOP, release(number), self.inventory, ignore)

    async def correct(self, drifts: Sequence[Drift], *ignore: Ignore) -> tuple[Correction, ...]:
        self.cluster.requests.clear()
        return await self.drifting.correct(SHOP, release(), self.inventory, drifts, ignore)

    def asked(self, verb: str) -> list[str]:
        return [what for each, what in self.cluster.requests if each == verb]


def pointers(found: Findings) -> set[str]:
    return {change.pointer for drift in found.drifts for change in drift.changes}


async def test_the_first_look_compares_and_later_ones_only_list_metadata() -> None:
    stage = Stage(SETTINGS, WEB)
    first = await stage.look()
    assert (first.drifts, first.unseen, first.compared) == ((), {}, 2)
    second = await stage.look()
    assert (second.drifts, second.compared) == ((), 0)
    assert sorted(stage.cluster.requests) == [("list", "ConfigMap"), ("list", "Deployment")]
    assert stage.cluster.users == {deployer_username(NAMESPACE)}


async def test_what_a_hand_changed_is_compared_and_told_at_every_look() -> None:
    stage = Stage(SETTINGS, WEB)
    await stage.look()
    stage.cluster.edit("ConfigMap", "settings", data={"level": "debug"})
    for _ in range(2):
        found = await stage.look()
        assert pointers(found) == {"/data/level"}
        assert found.compared == 1
        assert stage.asked("apply") == []


async def test_what_was_changed_back_is_no_drift_any_more() -> None:
    stage = Stage(SETTINGS)
    stage.cluster.edit("ConfigMap", "settings", data={"level": "debug"})
    assert pointers(await stage.look()) == {"/data/level"}
    stage.cluster.edit("ConfigMap", "settings", data={"level": "info"})
    assert (await stage.look()).drifts == ()
    assert (await stage.look()).compared == 0


async def test_a_new_revision_or_other_fields_to_ignore_are_looked_at_anew() -> None:
    stage = Stage(SETTINGS)
    stage.cluster.edit("ConfigMap", "settings", data={"level": "debug"})
    ignore = Ignore(("/data/level",))
    assert (await stage.look(ignore)).drifts == ()
    assert (await stage.look(ignore)).compared == 0
    assert pointers(await stage.look()) == {"/data/level"}
    assert (await stage.look(ignore, number=2)).compared == 1
    stage.drifting.forget(SHOP)
    assert (await stage.look(ignore, number=2)).compared == 1


async def test_a_field_that_was_taken_from_helm_once_is_watched_all_the_same() -> None:
    stage = Stage(SETTINGS)
    for level, drifted in (("debug", True), ("info", False), ("debug", True)):
        stage.cluster.edit("ConfigMap", "settings", data={"level": level})
        assert bool((await stage.look()).drifts) is drifted


async def test_scaling_shows_although_it_leaves_no_time() -> None:
    stage = Stage(WEB)
    await stage.look()
    stage.cluster.objects["Deployment", "web"]["metadata"]["generation"] = 2
    assert (await stage.look()).compared == 1


async def test_a_written_status_is_no_reason_to_compare() -> None:
    stage = Stage(WEB)
    await stage.look()
    entry = {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "time": "now"}
    stage.cluster.objects["Deployment", "web"]["metadata"]["managedFields"].append(entry)
    assert (await stage.look()).compared == 0


async def test_now_and_then_everything_is_compared_anew() -> None:
    stage = Stage(WEB)
    compared = [(await stage.look()).compared for _ in range(3 * TRUSTED_LOOKS)]
    times = [number for number, count in enumerate(compared) if count]
    assert times[0] == 0
    assert times[1] <= TRUSTED_LOOKS
    assert times[2] - times[1] == TRUSTED_LOOKS


async def test_what_is_gone_is_drift_without_any_comparison() -> None:
    stage = Stage(SETTINGS, WEB)
    await stage.look()
    del stage.cluster.objects["Deployment", "web"]
    found = await stage.look()
    assert [(drift.entry.name, drift.is_gone) for drift in found.drifts] == [("web", True)]
    assert found.compared == 0


async def test_a_finished_job_that_clears_itself_away_is_not_missed() -> None:
    fleeting = manifest("Job", "fleeting", spec={"ttlSecondsAfterFinished": 0})
    lasting = manifest("Job", "lasting", spec={})
    stage = Stage(fleeting, lasting)
    stage.cluster.objects.clear()
    assert [drift.entry.name for drift in (await stage.look()).drifts] == ["lasting"]


async def test_what_goes_while_it_is_looked_at_is_gone() -> None:
    stage = Stage(SETTINGS)
    head = dict(stage.cluster.objects)

    async def nothing(*_: object) -> None:
        stage.cluster.objects = head

    stage.cluster.get = nothing  # type: ignore[method-assign,assignment]
    assert [drift.is_gone for drift in (await stage.look()).drifts] == [True]


@pytest.mark.parametrize("failure", [Forbidden("a policy says no"), Transient("a webhook is down")])
async def test_what_cannot_be_compared_is_told_remembered_by_nobody_and_stops_no_other(failure: Exception) -> None:
    stage = Stage(SETTINGS, WEB)
    stage.cluster.edit("Deployment", "web", spec={"replicas": 1, "paused": True})
    stage.cluster.refused["dry-run", "ConfigMap"] = failure  # type: ignore[assignment]
    found = await stage.look()
    assert found.unseen == {item(SETTINGS).entry: str(failure)}
    assert pointers(found) == {"/spec/paused"}
    stage.cluster.refused.clear()
    assert (await stage.look()).compared == 2


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        ({"deletionTimestamp": "now"}, "settings is being deleted."),
        (
            {"annotations": {**MARKS, "meta.helm.sh/release-name": "other"}},
            "settings belongs to Helm release shop/other now.",
        ),
    ],
)
async def test_what_is_going_or_taken_over_is_neither_compared_nor_corrected(meta: Object, why: str) -> None:
    stage = Stage(SETTINGS)
    stage.cluster.put(SETTINGS, **meta)
    found = await stage.look()
    assert (found.drifts, found.compared) == ((), 0)
    assert found.unseen == {item(SETTINGS).entry: why}
    (done,) = await stage.correct([Drift(item(SETTINGS).entry, ())])
    assert isinstance(done.failure, (NotOurs, Transient))
    assert stage.asked("apply") == []


async def test_what_an_autoscaler_scales_is_left_to_it() -> None:
    stage = Stage(WEB)
    target = {"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, **target}
    stage.cluster.objects["HorizontalPodAutoscaler", "web"] = scaler
    stage.cluster.edit("Deployment", "web", spec={"replicas": 7, "paused": False})
    assert (await stage.look()).drifts == ()
    stage.cluster.edit("Deployment", "web", spec={"replicas": 7, "paused": True})
    found = await stage.look()
    assert pointers(found) == {"/spec/paused"}
    await stage.correct(found.drifts)
    assert stage.cluster.objects["Deployment", "web"]["spec"] == {"replicas": 7, "paused": False}


async def test_what_new_admission_would_change_is_no_drift_and_what_a_hand_changed_still_is() -> None:
    stage = Stage(manifest("ConfigMap", "settings", data={"level": "info"}, immutable=False))
    stage.cluster.admission = {"immutable": True}
    assert (await stage.look()).drifts == ()
    stage.cluster.edit("ConfigMap", "settings", data={"level": "debug"})
    assert pointers(await stage.look()) == {"/data/level"}


async def test_a_correction_applies_the_whole_object_with_the_marks_of_helm() -> None:
    stage = Stage(SETTINGS, WEB)
    stage.cluster.edit("ConfigMap", "settings", data={"level": "debug"})
    found = await stage.look()
    done = await stage.correct(found.drifts)
    assert [each.failure for each in done] == [None]
    assert stage.asked("apply") == ["ConfigMap/settings"]
    corrected = stage.cluster.objects["ConfigMap", "settings"]
    assert corrected["data"] == {"level": "info"}
    assert corrected["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "Helm"}
    assert corrected["metadata"]["annotations"] == MARKS
    assert corrected["metadata"]["namespace"] == NAMESPACE
    assert (await stage.look()).compared == 0


async def test_what_is_gone_is_made_anew() -> None:
    stage = Stage(SETTINGS)
    stage.cluster.objects.clear()
    await stage.correct((await stage.look()).drifts)
    assert stage.cluster.objects["ConfigMap", "settings"]["data"] == {"level": "info"}


async def test_a_correction_that_fails_is_told_and_stops_no_other() -> None:
    stage = Stage(SETTINGS, WEB)
    stage.cluster.objects.clear()
    refusal = Forbidden("no right")
    stage.cluster.refused["apply", "ConfigMap"] = refusal
    done = await stage.correct((await stage.look()).drifts)
    assert {each.drift.entry.name: each.failure for each in done} == {"settings": refusal, "web": None}


async def test_a_fight_with_another_writer_is_given_up_told_and_tried_again_now_and_then() -> None:
    stage = Stage(SETTINGS)
    fates = []
    for _ in range(2 * PATIENCE):
        stage.cluster.edit("ConfigMap", "settings", data={"level": "debug"})
        (done,) = await stage.correct((await stage.look()).drifts)
        fates.append(done.failure)
    assert [number for number, failure in enumerate(fates, 1) if failure is None] == [1, 2, 3, PATIENCE, 2 * PATIENCE]
    assert isinstance(fates[3], Refused)
    assert "spec.drift.ignore" in fates[3].why
    assert "/data/level (by hand)" in fates[3].why


async def test_corrections_that_fail_are_no_fight() -> None:
    stage = Stage(SETTINGS)
    stage.cluster.edit("ConfigMap", "settings", data={"level": "debug"})
    stage.cluster.refused["apply", "ConfigMap"] = refusal = Forbidden("no right")
    for _ in range(2 * MOST_ROUNDS):
        (done,) = await stage.correct((await stage.look()).drifts)
        assert done.failure is refusal


async def test_who_gives_in_once_is_forgiven() -> None:
    stage = Stage(SETTINGS)
    for _ in range(3 * MOST_ROUNDS):
        stage.cluster.edit("ConfigMap", "settings", data={"level": "debug"})
        (done,) = await stage.correct((await stage.look()).drifts)
        assert done.failure is None
        assert (await stage.look()).drifts == ()


async def test_a_release_of_client_side_apply_is_not_corrected() -> None:
    stage = Stage(SETTINGS)
    assert is_correctable(release())
    for method in ("csa", ""):
        old = release(apply_method=method)
        assert not is_correctable(old)
        with pytest.raises(Refused, match="client side"):
            await stage.drifting.correct(SHOP, old, stage.inventory, [])


def test_the_stored_manifest_is_not_changed_and_cluster_scoped_objects_get_no_namespace() -> None:
    kept = item(SETTINGS)
    scoped = Item(type(kept.entry)("v1", "Namespace", "", "shop"), kept.resource, SETTINGS)
    assert "namespace" not in as_applied(scoped, release())["metadata"]
    assert "labels" not in SETTINGS["metadata"]
    assert Inventory(NAMESPACE, (kept,)) == inventory(SETTINGS)
