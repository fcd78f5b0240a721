"""What a correction of drift writes, and when it is given up."""

from typing import Any

import pytest

from landlord.api.failures import Forbidden, NotOurs, Refused, Transient
from landlord.core.release.drift import Drift
from landlord.reconcilers.release.drifting import as_applied, is_correctable
from landlord.reconcilers.release.inventory import Inventory, Item
from landlord.reconcilers.release.trust import MOST_ROUNDS, PATIENCE
from tests.unit.reconcilers.release.drift_stage import MARKS, SETTINGS, SHOP, WEB, Stage
from tests.unit.reconcilers.release.objects_cluster import NAMESPACE, inventory, item, release

Object = dict[str, Any]


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
    assert "ConfigMap settings was so again" in fates[3].why


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
