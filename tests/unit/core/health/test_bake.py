"""Bakes: restarts, memory, and workloads that are less than they were, over a row of looks."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.core.health.bake import Bake, begin, look
from landlord.core.health.readiness import Readiness, Sign, State
from tests.unit.core.health.objects import (
    T0,
    at,
    condition,
    crashed,
    daemon_set,
    deployment,
    obj,
    pod,
    replica_set,
    running,
    stateful_set,
    waiting,
    when,
)

Object = dict[str, Any]


@dataclass
class Oven:
    """A bake of one Deployment, looked at again and again."""

    bake: Bake = field(default_factory=lambda: begin([], T0))

    def look(self, seconds: float, *containers: Object, web: Object | None = None, **rest: Any) -> Readiness:
        web = web or deployment(ready=rest.pop("ready", 2))
        newest = replica_set(web, 1)
        pods = [pod(newest, each, name=f"web-{n}", **rest) for n, each in enumerate(containers)]
        self.bake, found = look(self.bake, [web], pods, [newest], when(seconds))
        return found


def killed(restarts: int, ended: float, **rest: Any) -> Object:
    return crashed(restarts, code=137, reason="OOMKilled", ended=ended, **rest)


def test_what_stays_ready_bakes_well() -> None:
    oven = Oven()
    for seconds in range(0, 120, 5):
        assert oven.look(seconds, running(), running()) == Readiness(State.READY, "Everything has stayed ready so far.")


def test_more_restarts_than_are_forgiven_condemn() -> None:
    oven = Oven()
    assert oven.look(10, running(3)).state is State.READY
    found = oven.look(20, running(4, lastState={"terminated": {"exitCode": 1, "finishedAt": at(19)}}))
    assert (found.state, found.reason, found.object) == (State.GUILTY, Sign.RESTARTS, "Deployment/web")
    assert found.why == "Container app of Pod web-0 of Deployment/web was restarted 4 times while baking."
    assert found.since_sign == when(19)


def test_restarts_from_before_the_bake_do_not_count() -> None:
    web = deployment()
    before = [pod(replica_set(web, 1), running(7), name="web-0")]
    oven = Oven(begin(before, T0))
    assert oven.look(10, running(10)).state is State.READY
    assert oven.look(20, running(11)).state is State.GUILTY


def test_restarts_of_pods_of_older_revisions_do_not_count() -> None:
    web = deployment()
    old, new = replica_set(web, 1), replica_set(web, 2)
    _, found = look(begin([], T0), [web], [pod(old, running(9)), pod(new, running(), name="n")], [old, new], when(5))
    assert found.state is State.READY


def test_two_kills_for_want_of_memory_condemn_one_does_not() -> None:
    oven = Oven()
    assert oven.look(10, killed(1, 9)).state is State.READY
    assert oven.look(15, killed(1, 9)).state is State.READY
    found = oven.look(40, killed(2, 39))
    assert (found.state, found.reason, found.since_sign) == (State.GUILTY, Sign.OUT_OF_MEMORY, when(39))
    assert "killed for want of memory 2 times" in found.why


def test_two_kills_seen_in_one_look_condemn_too() -> None:
    both = killed(1, 20)
    both["state"] = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": at(29)}}
    assert Oven().look(30, both).reason is Sign.OUT_OF_MEMORY


def test_kills_from_before_the_bake_and_of_other_containers_do_not_add_up() -> None:
    oven = Oven()
    assert oven.look(5, killed(1, -5)).state is State.READY
    assert oven.look(10, killed(2, 9), killed(1, 8)).state is State.READY


def test_a_workload_may_be_unready_for_half_a_minute() -> None:
    oven = Oven()
    oven.look(0, running())
    for seconds in (10, 25, 40):
        found = oven.look(seconds, running(ready=False), ready=1)
        assert (found.state, found.reason, found.since_sign) == (State.WORKING, Sign.LEFT_CURRENT, when(10))
        assert found.waiting_for == ("Deployment/web",)
    found = oven.look(41, running(ready=False), ready=1)
    assert (found.state, found.reason, found.since_sign) == (State.GUILTY, Sign.LEFT_CURRENT, when(10))
    assert found.why.startswith("Deployment/web is no longer ready: ")


def test_short_times_of_being_unready_do_not_add_up() -> None:
    oven = Oven()
    for seconds in range(0, 200, 20):
        assert oven.look(seconds, running(), ready=2 if seconds % 40 else 1).state is not State.GUILTY


def test_what_the_surroundings_cause_does_not_condemn() -> None:
    oven = Oven()
    oven.look(0, running(), running())
    no_node = [condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available.")]
    for seconds in (10, 41):
        found = oven.look(seconds, waiting("x"), ready=1, conditions=no_node)
    assert (found.state, found.reason) == (State.ENVIRONMENT, Sign.UNSCHEDULABLE)


def test_what_a_pod_shows_is_told_when_a_workload_is_gone_for_too_long() -> None:
    oven = Oven()
    oven.look(0, running(), running())
    oven.look(10, crashed(1), ready=1)
    found = oven.look(41, crashed(2), ready=1)
    assert found.state is State.GUILTY
    assert "has ended 2 times" in found.why


def test_a_crash_loop_is_not_waited_out() -> None:
    oven = Oven()
    oven.look(0, running(), ready=2)
    assert oven.look(10, crashed(2, ended=9), ready=1).state is State.WORKING
    found = oven.look(20, crashed(3, ended=19), ready=1)
    assert (found.state, found.reason, found.since_sign) == (State.GUILTY, Sign.CRASH_LOOP, when(19))


def grown(replicas: int, ready: int) -> Object:
    return deployment(replicas=replicas, ready=ready)


def test_a_workload_that_grows_loses_nothing() -> None:
    oven = Oven()
    oven.look(0, web=grown(2, 2))
    for seconds in range(5, 300, 5):
        assert oven.look(seconds, web=grown(10, 2)).state is State.READY
    oven.look(300, web=grown(10, 10))
    oven.look(305, web=grown(10, 9))
    assert oven.look(340, web=grown(10, 9)).state is State.GUILTY


def test_a_workload_woken_from_none_loses_nothing() -> None:
    oven = Oven()
    asleep = grown(0, 0)
    asleep["status"]["conditions"][0]["status"] = "True"
    oven.look(0, web=asleep)
    for seconds in range(5, 120, 5):
        assert oven.look(seconds, web=grown(3, 0)).state is State.READY


def test_a_workload_first_seen_with_too_few_pods_is_expected_to_have_all() -> None:
    oven = Oven()
    oven.look(0, ready=1)
    assert oven.look(31, ready=1).state is State.GUILTY


def test_a_count_that_is_left_out_is_none() -> None:
    gone = deployment(replicas=1, ready=0)
    for key in ("availableReplicas", "readyReplicas"):
        del gone["status"][key]
    oven = Oven()
    oven.look(0, web=grown(1, 1))
    oven.look(5, web=gone)
    assert oven.look(36, web=gone).state is State.GUILTY


def test_a_workload_that_shrinks_loses_nothing() -> None:
    oven = Oven()
    oven.look(0, web=grown(10, 10))
    oven.look(5, web=grown(3, 10))
    for seconds in range(10, 120, 5):
        assert oven.look(seconds, web=grown(3, 3)).state is State.READY


def test_a_workload_restarted_by_hand_without_losing_pods_bakes_on() -> None:
    oven = Oven()
    oven.look(0, web=deployment())
    for seconds in range(5, 120, 5):
        assert oven.look(seconds, web=deployment(updated=1, total=3)).state is State.READY


@pytest.mark.parametrize(
    ("whole", "less"),
    [
        (stateful_set(), stateful_set(ready=1)),
        (daemon_set(), daemon_set(numberReady=1, numberAvailable=1)),
        (
            obj("example.org/v1", "Thing", "t", {}, {}),
            obj("example.org/v1", "Thing", "t", {}, {"conditions": [condition("Ready", "False")]}),
        ),
    ],
)
def test_other_kinds_leave_current_too(whole: Object, less: Object) -> None:
    bake, found = look(begin([], T0), [whole], [], [], when(0))
    assert found.state is State.READY
    bake, found = look(bake, [less], [], [], when(10))
    assert found.state is State.WORKING
    bake, found = look(bake, [less], [], [], when(45))
    assert found.state is State.GUILTY


def test_a_deployment_that_made_no_progress_has_left_even_when_it_lost_no_pod() -> None:
    late = deployment(updated=1, progressing=condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out"))
    oven = Oven()
    oven.look(0)
    oven.look(5, web=late)
    assert oven.look(40, web=late).state is State.GUILTY


def test_what_vanishes_has_left_too() -> None:
    manifest = obj("v1", "ConfigMap", "c")
    bake, _ = look(begin([], T0), [], [], [], when(0), absent=[manifest])
    bake, found = look(bake, [], [], [], when(31), absent=[manifest])
    assert (found.state, found.object) == (State.GUILTY, "ConfigMap/c")
    bake, found = look(bake, [None], [], [], when(31))
    assert found.state is State.WORKING


def test_what_is_remembered_of_containers_that_are_gone_is_forgotten() -> None:
    oven = Oven()
    oven.look(5, killed(1, 4))
    oven.look(10)
    assert not oven.bake.kills


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 2)), max_size=20))
def test_a_bake_condemns_for_unreadiness_exactly_when_it_lasted_too_long(steps: list[tuple[int, int]]) -> None:
    oven, now, since = Oven(), 0, None
    oven.look(0, ready=2)
    for seconds, ready in steps:
        now += seconds
        since = None if ready == 2 else now if since is None else since
        found = oven.look(now, ready=ready)
        assert (found.state is State.GUILTY) == (since is not None and now - since > 30)
