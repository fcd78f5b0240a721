"""Evidence: events of both APIs, counts of restarts, and what a container's end says. Verdicts: see readiness."""

from typing import Any

import pytest

from landlord.core.health.belongings import Belongings
from landlord.core.health.evidence import (
    SETTLED,
    Scene,
    by_object,
    ended_last,
    findings,
    restarts_before,
    seen_at,
    unsettled,
)
from landlord.core.health.kstatus import Health, HealthState
from landlord.core.health.signs import Finding, Sign
from tests.unit.core.health.objects import T0, at, crashed, deployment, event, obj, pod, running, waiting, when

WEB = deployment()
BAD = Health(HealthState.IN_PROGRESS, "0 of 2 replicas are ready")


def scene(seconds: float = 60, *events: dict[str, Any], **rest: Any) -> Scene:
    return Scene(T0, when(seconds), events=by_object(events), **rest)


def test_events_are_found_by_what_they_are_about_the_newest_first_and_none_from_before() -> None:
    events = [event(WEB, "A", str(n), n) for n in (-1, 5, 9, 7)] + [event(WEB, "B", "b")]
    events.append(event(obj("v1", "Pod", "web"), "A", "other"))
    assert [each["note"] for each in scene(60, *events).events_of(WEB, "A")] == ["9", "7", "5"]
    assert len(list(scene(60, *events).events_of(WEB, "A", "B"))) == 4


def test_events_without_a_time_count_as_new() -> None:
    bare = {"involvedObject": {"kind": "Deployment", "name": "web"}, "reason": "A", "message": "m"}
    assert list(scene(60, bare).events_of(WEB, "A")) == [bare]


@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        ({"series": {"lastObservedTime": at(9)}, "deprecatedLastTimestamp": at(1)}, 9),
        ({"lastTimestamp": at(8), "eventTime": at(1)}, 8),
        ({"deprecatedLastTimestamp": at(7), "eventTime": None}, 7),
        ({"eventTime": "2026-01-01T12:00:06.000000Z"}, 6),
        ({"metadata": {"creationTimestamp": at(5)}}, 5),
    ],
)
def test_when_an_event_was_last_seen_is_read_wherever_it_stands(found: dict[str, Any], seconds: float) -> None:
    assert seen_at(found) == when(seconds)


def test_restarts_before_the_deploy_do_not_count_nor_do_those_nobody_counted() -> None:
    status = running(5)
    assert restarts_before(pod(None, created=1), status, scene()) == 0
    assert restarts_before(pod(None, created=-1), status, scene()) == 5
    assert restarts_before(pod(None, created=-1), status, scene(restarts_before={"pod-pod/app": 2})) == 2


def test_how_a_container_ended_is_read_from_now_or_from_before() -> None:
    now, before = {"terminated": {"exitCode": 1}}, {"terminated": {"exitCode": 2}}
    assert ended_last({"state": now, "lastState": before}) == {"exitCode": 1}
    assert ended_last({"state": {"running": {}}, "lastState": before}) == {"exitCode": 2}
    assert ended_last({"state": None}) == {}


def test_a_container_is_settled_once_it_runs_long_enough() -> None:
    again = running(2, state={"running": {"startedAt": at(50)}})
    mine = Belongings(new_pods=(pod(WEB, again, ready=True),))
    found = unsettled("Deployment/web", mine, scene(50 + SETTLED.total_seconds() - 1))
    assert found is not None
    assert (found.sign, found.since) == (Sign.POD_TROUBLE, when(50))
    assert unsettled("Deployment/web", mine, scene(50 + SETTLED.total_seconds())) is None
    assert unsettled("Deployment/web", Belongings(old_pods=mine.new_pods), scene(51)) is None


def sign_of(found: dict[str, Any], seconds: float, **rest: Any) -> Sign:
    mine = Belongings(new_pods=(pod(WEB, found, **rest),))
    return list(findings(WEB, BAD, mine, scene(seconds)))[-1].sign


def test_what_a_container_refers_to_is_missing_once_its_pod_is_a_quarter_of_a_minute_old() -> None:
    found = waiting("CreateContainerConfigError", "no key")
    assert sign_of(found, 15, created=0) is Sign.CONTAINER_CONFIG
    assert sign_of(found, 14, created=0) is Sign.POD_TROUBLE


def test_only_a_minute_of_being_ready_makes_restarts_no_loop() -> None:
    assert sign_of(crashed(3, ran=60), 60, ready_since=20) is Sign.POD_TROUBLE
    assert sign_of(crashed(3, ran=59), 60, ready_since=20) is Sign.CRASH_LOOP
    assert sign_of(crashed(3, ran=60), 60, created=0, ready_since=5) is Sign.CRASH_LOOP
    assert sign_of(crashed(3, ran=60), 60, created=0, ready_since=6) is Sign.POD_TROUBLE
    timeless = crashed(3, ran=60)
    del timeless["lastState"]["terminated"]["startedAt"]
    assert sign_of(timeless, 60, ready_since=20) is Sign.CRASH_LOOP


def test_ready_pods_show_nothing_and_the_plain_fact_is_always_told() -> None:
    mine = Belongings(new_pods=(pod(WEB, running(9), ready=True, name="good"),))
    assert list(findings(WEB, BAD, mine, scene())) == [
        Finding(Sign.NOT_READY, "Deployment/web", "Deployment/web is not ready: 0 of 2 replicas are ready.")
    ]


def test_every_container_of_every_new_pod_is_looked_at() -> None:
    pods = (
        pod(WEB, waiting("ErrImagePull", "not found"), crashed(3, name="side"), name="a"),
        pod(WEB, name="b", status={"initContainerStatuses": [waiting("InvalidImageName", name="init")]}),
    )
    found = list(findings(WEB, BAD, Belongings(new_pods=pods), scene()))
    assert [each.sign for each in found] == [
        Sign.NOT_READY,
        Sign.IMAGE_NOT_FOUND,
        Sign.CRASH_LOOP,
        Sign.INVALID_IMAGE_NAME,
    ]
    assert {each.object for each in found} == {"Deployment/web"}
    assert found[3].why.startswith("Container init of Pod b of Deployment/web")
