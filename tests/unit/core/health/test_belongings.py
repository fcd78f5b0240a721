"""Belongings: whose pods are whose, and which of them are of the newest revision."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.core.health.belongings import Belongings, is_since, meta, moment, of, owned, title
from tests.unit.core.health.objects import T0, at, daemon_set, deployment, obj, pod, replica_set, stateful_set, when

Object = dict[str, Any]


def names(pods: Sequence[Mapping[str, Any]]) -> list[str]:
    return [each["metadata"]["name"] for each in pods]


def test_a_deployment_has_pods_by_its_replica_sets_the_highest_revision_first() -> None:
    web, other = deployment(), deployment("other")
    sets = [replica_set(web, 9), replica_set(web, 10), replica_set(web, 2), replica_set(other, 11)]
    pods = [pod(each, name=f"of-{each['metadata']['name']}") for each in sets]
    mine = of(web, pods, sets, T0)
    assert mine.new_set == sets[1]
    assert names(mine.old_sets) == ["web-9", "web-2"]
    assert names(mine.new_pods) == ["of-web-10"]
    assert names(mine.old_pods) == ["of-web-9", "of-web-2"]


def test_a_deployment_without_replica_sets_has_nothing() -> None:
    assert of(deployment(), [pod(None)], [], T0) == Belongings()


def test_revisions_that_are_no_numbers_count_least() -> None:
    web = deployment()
    strange, first = replica_set(web, 1), replica_set(web, 1)
    strange["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "x"}
    assert of(web, [], [strange, first], T0).new_set is first
    del strange["metadata"]["annotations"]
    assert of(web, [], [strange, first], T0).new_set is first


@pytest.mark.parametrize("found", [deployment(observed=1), stateful_set() | {"status": {"observedGeneration": 1}}])
def test_nothing_belongs_while_the_controller_has_not_seen_the_newest_generation(found: Object) -> None:
    assert of(found, [pod(found)], [replica_set(found, 1)], T0) == Belongings()


def test_a_stateful_sets_pods_are_new_by_the_update_revision() -> None:
    db = stateful_set(current="db-1", update="db-2")
    pods = [pod(db, name=revision, labels={"controller-revision-hash": revision}) for revision in ("db-1", "db-2")]
    mine = of(db, pods, [], T0)
    assert (names(mine.new_pods), names(mine.old_pods)) == (["db-2"], ["db-1"])


def test_a_daemon_sets_pods_are_new_by_the_generation_of_its_template_or_else_by_age() -> None:
    agent = daemon_set()
    pods = [pod(agent, name=g, labels={"pod-template-generation": g}, created=9 - int(g)) for g in ("1", "2")]
    assert names(of(agent, pods, [], when(8)).new_pods) == ["2"]
    del agent["metadata"]["annotations"]
    assert names(of(agent, pods, [], when(8)).new_pods) == ["1"]


def test_a_jobs_pods_are_all_new_and_a_bare_pod_is_its_own() -> None:
    job = obj("batch/v1", "Job", "j", {}, {})
    early = pod(job, created=-99)
    assert of(job, [early], [], T0).new_pods == (early,)
    assert of(early, [], [], T0).new_pods == (early,)


def test_pods_on_their_way_out_and_of_nobody_belong_to_nobody() -> None:
    db = stateful_set()
    going = pod(db, deletionTimestamp="x")
    assert owned(db, [going, pod(None)]) == []
    assert owned({"metadata": {}}, [{"metadata": {"ownerReferences": [{}]}}]) == []
    assert owned({}, [pod(db)]) == []


def test_an_object_is_named_by_kind_and_name() -> None:
    assert title(deployment()) == "Deployment/web"
    assert meta({"metadata": None}) == {}


def test_age_counts_to_the_second_as_kubernetes_does() -> None:
    made = pod(None, created=5)
    assert is_since(made, when(5.9))
    assert not is_since(made, when(6))
    assert not is_since({"metadata": {}}, T0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (at(7), when(7)),
        ("2026-01-01T12:00:07.500000Z", when(7.5)),
        ("2026-01-01T13:00:07+01:00", when(7)),
        ("2026-01-01T12:00:07", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
        (None, None),
        ("yesterday", None),
        (5, None),
    ],
)
def test_times_are_read_as_kubernetes_writes_them(text: object, expected: datetime | None) -> None:
    assert moment(text) == expected


@given(st.text())
def test_no_time_is_too_strange(text: str) -> None:
    found = moment(text)
    assert found is None or found.tzinfo is UTC
