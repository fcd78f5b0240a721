"""When objects of a release are compared with what Helm stored, and what is remembered of it."""

from typing import Any

import pytest

from landlord.api.failures import Forbidden, Transient
from landlord.api.names import deployer_username
from landlord.core.release.drift import Ignore
from landlord.reconcilers.release.trust import TRUSTED_LOOKS
from tests.unit.reconcilers.release.drift_stage import SETTINGS, SHOP, WEB, Stage, pointers
from tests.unit.reconcilers.release.objects_cluster import NAMESPACE, item, manifest

Object = dict[str, Any]


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
    compared = [(await stage.look()).compared for _ in range(3 * TRUSTED_LOOKS + 3)]
    times = [number for number, count in enumerate(compared) if count]
    assert times[0] == 0
    assert 0 < times[1] <= TRUSTED_LOOKS
    assert times[2] - times[1] == TRUSTED_LOOKS + 1


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


async def test_what_an_autoscaler_scales_is_left_to_it() -> None:
    stage = Stage(WEB)
    stage.scale_by("web")
    stage.cluster.edit("Deployment", "web", spec={"replicas": 7, "paused": False})
    assert (await stage.look()).drifts == ()
    stage.cluster.edit("Deployment", "web", spec={"replicas": 7, "paused": True})
    found = await stage.look()
    assert pointers(found) == {"/spec/paused"}
    await stage.correct(found.drifts)
    assert stage.cluster.objects["Deployment", "web"]["spec"] == {"replicas": 7, "paused": False}


@pytest.mark.parametrize("paused", [False, True], ids=["by a look", "by a correction"])
async def test_what_an_autoscaler_that_is_gone_scaled_is_drift_at_the_next_look(paused: bool) -> None:
    stage = Stage(WEB, SETTINGS)
    stage.scale_by("web")
    stage.cluster.edit("Deployment", "web", spec={"replicas": 7, "paused": paused})
    await stage.correct((await stage.look()).drifts)
    assert [(await stage.look()).compared for _ in range(2)] == [0, 0]
    stage.scale_by("other")
    assert pointers(await stage.look()) == {"/spec/replicas"}
    await stage.correct((await stage.look()).drifts)
    assert stage.cluster.objects["Deployment", "web"]["spec"] == WEB["spec"]
    assert (await stage.look()).compared == 0
    assert sorted(stage.asked("list")) == ["ConfigMap", "Deployment"]


async def test_no_autoscaler_is_asked_for_where_helm_says_nothing_of_replicas() -> None:
    stage = Stage(manifest("Deployment", "web", spec={"paused": False}))
    stage.scale_by("web")
    await stage.look()
    assert (await stage.look()).compared == 0
    assert stage.asked("list") == ["Deployment"]


async def test_what_new_admission_would_change_is_no_drift_and_what_a_hand_changed_still_is() -> None:
    stage = Stage(manifest("ConfigMap", "settings", data={"level": "info"}, immutable=False))
    stage.cluster.admission = {"immutable": True}
    assert (await stage.look()).drifts == ()
    stage.cluster.edit("ConfigMap", "settings", data={"level": "debug"})
    assert pointers(await stage.look()) == {"/data/level"}


async def test_the_releases_own_autoscaler_counts_even_where_none_may_be_listed() -> None:
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}
    stage = Stage(WEB, manifest("HorizontalPodAutoscaler", "web", spec=target))
    stage.cluster.refused["list", "HorizontalPodAutoscaler"] = Forbidden("no right")
    stage.cluster.edit("Deployment", "web", spec={"replicas": 7, "paused": False})
    assert (await stage.look()).drifts == ()
