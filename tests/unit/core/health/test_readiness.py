"""Readiness: the table of what fails fast, what waits for the deadline, and who is to blame."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.core.health.readiness import Readiness, Sign, State, failing, judge, restarts
from landlord.core.health.signs import MOST_NAMED
from tests.unit.core.health.objects import (
    T0,
    at,
    condition,
    crashed,
    daemon_set,
    deployment,
    event,
    obj,
    pod,
    replica_set,
    running,
    stateful_set,
    waiting,
    when,
)

Object = dict[str, Any]
IMAGE = "registry.test/shop/web:2"
DEADLINE = 600.0
READY, WORKING, GUILTY, ENVIRONMENT = State.READY, State.WORKING, State.GUILTY, State.ENVIRONMENT


@dataclass
class World:
    """What is there; by default one Deployment in the middle of a rollout whose new pod is told by each test."""

    objects: list[Object | None] = field(default_factory=list)
    pods: list[Object] = field(default_factory=list)
    sets: list[Object] = field(default_factory=list)
    events: list[Object] = field(default_factory=list)

    def judged(self, seconds: float = 20, **rest: Any) -> Readiness:
        arguments: dict[str, Any] = {"started": T0, "deadline": when(DEADLINE), "is_first": False, **rest}
        return judge(self.objects, self.pods, self.sets, now=when(seconds), events=self.events, **arguments)


def rollout(*containers: Object, old_available: int = 2, **rest: Any) -> World:
    """A Deployment of two: the old ReplicaSet has two pods, the new one has one with these containers."""
    web = deployment(ready=old_available, updated=1, **rest.pop("deployment", {}))
    old, new = replica_set(web, 1, available=old_available), replica_set(web, 2, 1, available=0)
    pods = [
        pod(old, running(), name="web-1-a", ready=True, created=-500),
        pod(new, *containers, name="web-2-a", **rest),
    ]
    return World([web], pods, [new, old])


def pull(words: str, reason: str = "ImagePullBackOff") -> Object:
    return waiting(reason, f'Back-off pulling image "{IMAGE}": ErrImagePull: {words}')


NOT_FOUND = pull(f"{IMAGE}: not found")
UNAUTHORIZED = pull("unexpected status: 401 Unauthorized")
OUTAGE = pull("unexpected status: 503 Service Unavailable")
CONFIG = waiting("CreateContainerConfigError", 'secret "keys" not found')
UNSCHEDULABLE = [condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available: insufficient cpu.")]
QUOTA = 'pods "web-2-x" is forbidden: exceeded quota: landlord, requested: pods=1, used: pods=2, limited: pods=2'
PROGRESS = condition(
    "Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "web-2" has timed out progressing.'
)


def test_a_release_whose_objects_are_all_current_is_ready() -> None:
    world = World([deployment(), stateful_set(), daemon_set(), obj("v1", "ConfigMap", "c")])
    assert world.judged() == Readiness(READY, "All 4 objects are ready.")
    assert World().judged().state is READY


def test_a_release_at_work_says_what_it_waits_for() -> None:
    found = rollout(waiting("ContainerCreating")).judged()
    assert found.state is WORKING
    assert found.reason is Sign.NOT_READY
    assert found.object == "Deployment/web"
    assert found.why == "Deployment/web is not ready: 1 of 2 replicas are updated."
    assert found.waiting_for == ("Deployment/web",)
    assert not found.is_losing_old_pods


@dataclass(frozen=True)
class Case:
    """A rollout's new pod, and what is said of it early, at the deadline, and of a first install."""

    name: str
    containers: Sequence[Object]
    sign: Sign
    early: State
    late: State
    words: str = ""
    rest: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case("image not found", [NOT_FOUND], Sign.IMAGE_NOT_FOUND, GUILTY, GUILTY, f"cannot pull {IMAGE}: not found."),
    Case("the first failed pull", [pull(": not found", "ErrImagePull")], Sign.IMAGE_NOT_FOUND, GUILTY, GUILTY),
    Case("image unauthorized", [UNAUTHORIZED], Sign.IMAGE_UNAUTHORIZED, GUILTY, GUILTY, "401"),
    Case(
        "image unauthorized while the pull secret is still awaited",
        [UNAUTHORIZED],
        Sign.POD_TROUBLE,
        WORKING,
        GUILTY,
        facts={"are_secrets_synced": False},
    ),
    Case("image of an init container", [NOT_FOUND | {"name": "init"}], Sign.IMAGE_NOT_FOUND, GUILTY, GUILTY, "init"),
    Case("registry outage", [OUTAGE], Sign.REGISTRY, WORKING, ENVIRONMENT, "503"),
    Case("pull that does not say why", [waiting("ImagePullBackOff", "Back-off")], Sign.POD_TROUBLE, WORKING, GUILTY),
    Case(
        "invalid image name",
        [waiting("InvalidImageName", image="Shop/Web:2")],
        Sign.INVALID_IMAGE_NAME,
        GUILTY,
        GUILTY,
        "Shop/Web:2",
    ),
    Case("missing configuration", [CONFIG], Sign.CONTAINER_CONFIG, GUILTY, GUILTY, 'secret "keys" not found'),
    Case(
        "missing configuration of a pod just made",
        [CONFIG],
        Sign.POD_TROUBLE,
        WORKING,
        WORKING,
        rest={"created": 595},
        facts={"seconds": 599.0, "late": 599.0},
    ),
    Case(
        "missing configuration while secrets are still awaited",
        [CONFIG],
        Sign.POD_TROUBLE,
        WORKING,
        GUILTY,
        facts={"are_secrets_synced": False},
    ),
    Case("container that cannot be made", [waiting("CreateContainerError", "x")], Sign.POD_TROUBLE, WORKING, GUILTY),
    Case(
        "crash loop",
        [crashed(3)],
        Sign.CRASH_LOOP,
        GUILTY,
        GUILTY,
        "has ended 3 times since the deploy, last with exit",
    ),
    Case("crash, not yet a loop", [crashed(2)], Sign.POD_TROUBLE, WORKING, GUILTY, "has ended 2 times"),
    Case("ends well, but ends", [crashed(3, code=0, reason="Completed")], Sign.CRASH_LOOP, GUILTY, GUILTY, "code 0"),
    Case("memory", [crashed(3, code=137, reason="OOMKilled")], Sign.OUT_OF_MEMORY, GUILTY, GUILTY, "want of memory"),
    Case(
        "slow crashes of what never was ready",
        [crashed(3, ran=90, ended=400)],
        Sign.CRASH_LOOP,
        GUILTY,
        GUILTY,
        facts={"seconds": 420.0},
    ),
    Case(
        "slow crashes of what was ready",
        [crashed(3, ran=90, ended=400)],
        Sign.POD_TROUBLE,
        WORKING,
        GUILTY,
        rest={"ready_since": 310},
        facts={"seconds": 420.0},
    ),
    Case(
        "quick crashes of what counted as ready for moments",
        [crashed(3, ran=2)],
        Sign.CRASH_LOOP,
        GUILTY,
        GUILTY,
        rest={"ready_since": 30},
    ),
    Case(
        "restarts from before the deploy",
        [crashed(9)],
        Sign.NOT_READY,
        WORKING,
        GUILTY,
        rest={"created": -100},
    ),
    Case(
        "restarts since the deploy of an older pod",
        [crashed(9)],
        Sign.CRASH_LOOP,
        GUILTY,
        GUILTY,
        "has ended 3 times",
        rest={"created": -100},
        facts={"restarts_before": {"pod-web-2-a/app": 6}},
    ),
    Case(
        "crash loop of what was failing before",
        [crashed(3)],
        Sign.CRASH_LOOP,
        WORKING,
        ENVIRONMENT,
        facts={"was_failing": {"Deployment/web"}},
    ),
    Case(
        "missing image of what was failing before",
        [NOT_FOUND],
        Sign.IMAGE_NOT_FOUND,
        GUILTY,
        GUILTY,
        facts={"was_failing": {"Deployment/web"}},
    ),
    Case(
        "no node",
        [],
        Sign.UNSCHEDULABLE,
        WORKING,
        ENVIRONMENT,
        "Pod web-2-a of Deployment/web gets no node: 0/3 nodes are available: insufficient cpu.",
        rest={"conditions": UNSCHEDULABLE},
    ),
    Case(
        "evicted",
        [],
        Sign.NODE,
        WORKING,
        ENVIRONMENT,
        "Evicted",
        rest={"status": {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}},
    ),
    Case("failing readiness probe", [running(ready=False)], Sign.NOT_READY, WORKING, GUILTY),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_signs_at_new_pods_decide_as_the_table_says(case: Case) -> None:
    facts = dict(case.facts)
    seconds, late = facts.pop("seconds", 60.0), facts.pop("late", DEADLINE)
    world = rollout(*case.containers, **case.rest)
    early = world.judged(seconds, **facts)
    assert (early.state, early.reason) == (case.early, case.sign), early
    assert early.object == "Deployment/web"
    assert early.why.endswith(".")
    assert case.words in early.why
    assert world.judged(late, **facts).state is case.late


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_first_install_is_judged_at_its_deadline_only(case: Case) -> None:
    facts = dict(case.facts)
    seconds, late = facts.pop("seconds", 60.0), facts.pop("late", DEADLINE)
    world = rollout(*case.containers, **case.rest)
    early = world.judged(seconds, is_first=True, **facts)
    assert (early.state, early.reason) == (WORKING, case.sign)
    assert world.judged(late, is_first=True, **facts).state is case.late
    assert not early.is_losing_old_pods


def test_old_pods_never_condemn() -> None:
    web = deployment(ready=0, updated=1)
    old, new = replica_set(web, 1, available=0), replica_set(web, 2, 1, available=0)
    pods = [pod(old, NOT_FOUND, created=-100, name="old"), pod(new, waiting("ContainerCreating"), name="new")]
    assert World([web], pods, [old, new]).judged().state is WORKING


def test_pods_on_their_way_out_never_condemn() -> None:
    world = rollout(NOT_FOUND)
    world.pods[1]["metadata"]["deletionTimestamp"] = "x"
    assert world.judged().state is WORKING


def test_pods_do_not_speak_while_the_controller_has_not_seen_the_new_generation() -> None:
    web = deployment(ready=0, observed=1)
    last = replica_set(web, 1, available=0)
    world = World([web], [pod(last, NOT_FOUND, created=-100)], [last])
    assert world.judged().state is WORKING


def test_a_rollback_makes_an_older_replica_set_the_newest_again() -> None:
    web = deployment(ready=0, updated=1)
    older, bad = replica_set(web, 3, 1, available=0), replica_set(web, 2, available=0)
    pods = [pod(bad, NOT_FOUND, name="bad"), pod(older, waiting("ContainerCreating"), name="good")]
    assert World([web], pods, [bad, older]).judged().state is WORKING


def test_pods_of_other_owners_say_nothing() -> None:
    other = obj("apps/v1", "ReplicaSet", "other")
    world = World([deployment(ready=0)], [pod(other, NOT_FOUND), pod(None, NOT_FOUND)], [])
    assert world.judged().state is WORKING


def test_the_reason_of_a_pull_is_read_from_events_where_the_status_does_not_tell() -> None:
    world = rollout(waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"'))
    world.events = [event(world.pods[1], "Failed", f'Failed to pull image "{IMAGE}": {IMAGE}: not found')]
    assert (world.judged().state, world.judged().reason) == (GUILTY, Sign.IMAGE_NOT_FOUND)
    world.events = [event(world.pods[1], "Failed", f'Failed to pull image "{IMAGE}": i/o timeout')]
    assert (world.judged().state, world.judged().reason) == (WORKING, Sign.REGISTRY)
    world.events = [
        event(world.pods[1], "Failed", "Error: ImagePullBackOff"),
        event(world.pods[0], "Failed", "not found"),
    ]
    assert world.judged().reason is Sign.POD_TROUBLE


def test_what_a_program_wrote_before_it_ended_is_never_told() -> None:
    found = rollout(crashed(4, message="password=hunter2")).judged(60)
    assert found.state is GUILTY
    assert "hunter2" not in repr(found)


def test_when_the_sign_began_is_told() -> None:
    assert rollout(crashed(3, ended=42)).judged(60).since_sign == when(42)


def flash(restarts: int, began: float) -> World:
    """A Deployment of one that is ready: its container was started (again) at that time."""
    web = deployment(replicas=1, ready=1)
    newest = replica_set(web, 1, 1)
    container = running(restarts, state={"running": {"startedAt": at(began)}})
    return World([web], [pod(newest, container, ready=True)], [newest])


def test_a_container_that_comes_back_from_a_crash_is_believed_after_ten_seconds() -> None:
    early = flash(1, 15).judged(20)
    assert (early.state, early.reason, early.object) == (WORKING, Sign.POD_TROUBLE, "Deployment/web")
    assert "has ended 1 times since the deploy and has only just been started again" in early.why
    assert flash(1, 15).judged(25).state is READY
    assert flash(0, 15).judged(16).state is READY
    assert flash(1, 90).judged(20).state is READY, "a node whose clock is ahead must not be waited for"
    assert flash(4, 15).judged(16, restarts_before={"pod-pod/app": 4}).state is READY


def test_at_the_deadline_only_what_crashed_often_is_not_believed() -> None:
    assert flash(2, DEADLINE - 2).judged(DEADLINE).state is READY
    found = flash(3, DEADLINE - 2).judged(DEADLINE)
    assert (found.state, found.reason) == (GUILTY, Sign.CRASH_LOOP)


def test_a_program_that_cannot_be_started_says_why() -> None:
    words = 'exec: "/nope": stat /nope: no such file or directory'
    found = rollout(crashed(3, code=128, reason="StartError", message=words)).judged(60)
    assert found.state is GUILTY
    assert words in found.why


def test_quota_is_read_from_the_condition_and_waits_for_the_deadline() -> None:
    failure = condition("ReplicaFailure", "True", "FailedCreate", QUOTA, since=3)
    world = rollout(waiting("ContainerCreating"), deployment={"conditions": [failure]})
    early = world.judged()
    assert (early.state, early.reason, early.since_sign) == (WORKING, Sign.QUOTA, when(3))
    assert "Pods of Deployment/web cannot be created: exceeded quota: landlord" in early.why
    assert (world.judged(DEADLINE).state, world.judged(DEADLINE).reason) == (ENVIRONMENT, Sign.QUOTA)


def test_the_new_replica_sets_condition_counts_and_the_old_ones_does_not() -> None:
    web = deployment(updated=0)
    failure = [condition("ReplicaFailure", "True", "FailedCreate", QUOTA)]
    new, old = replica_set(web, 2, 1, available=0, conditions=failure), replica_set(web, 1)
    assert World([web], [], [old, new]).judged().reason is Sign.QUOTA
    new, old = replica_set(web, 2, 1, available=0), replica_set(web, 1, conditions=failure)
    assert World([web], [], [old, new]).judged().reason is Sign.NOT_READY


def test_a_quota_on_replica_sets_is_told_and_old_pods_do_not_speak_for_the_one_that_is_missing() -> None:
    words = 'replicasets.apps "web-2" is forbidden: exceeded quota: sets, requested: count/replicasets.apps=1'
    web = deployment(ready=1, updated=0, progressing=condition("Progressing", "False", "ReplicaSetCreateError", words))
    old = replica_set(web, 1, available=1)
    world = World([web], [pod(old, NOT_FOUND, created=-9)], [old])
    assert (world.judged().state, world.judged().reason) == (WORKING, Sign.QUOTA)
    assert world.judged().is_losing_old_pods
    assert world.judged(DEADLINE).state is ENVIRONMENT


@pytest.mark.parametrize(
    ("words", "sign", "late"),
    [
        (QUOTA, Sign.QUOTA, ENVIRONMENT),
        ('Internal error occurred: failed calling webhook "m.test": refused', Sign.WEBHOOK, ENVIRONMENT),
        ('pods "db-0" is forbidden: violates PodSecurity "restricted:latest": x', Sign.POLICY, ENVIRONMENT),
        ('pods "db-0" is forbidden: serviceaccount "x" not found', Sign.POD_TROUBLE, GUILTY),
    ],
)
def test_refused_pods_of_stateful_sets_are_told_by_events(words: str, sign: Sign, late: State) -> None:
    db = stateful_set(total=0, ready=0)
    world = World([db], events=[event(db, "FailedCreate", words, 5)])
    assert (world.judged().state, world.judged().reason) == (WORKING, sign)
    assert world.judged(DEADLINE).state is late


def test_events_of_both_apis_are_read() -> None:
    db = stateful_set(total=0, ready=0)
    old_style = {
        "involvedObject": {"kind": "StatefulSet", "name": "db"},
        "reason": "FailedCreate",
        "message": QUOTA,
        "lastTimestamp": "2026-01-01T12:00:05Z",
    }
    series = {**event(db, "FailedCreate", QUOTA, -50), "series": {"lastObservedTime": "2026-01-01T12:00:05.000000Z"}}
    for each in (old_style, series):
        assert World([db], events=[each]).judged().reason is Sign.QUOTA


def test_an_event_from_before_the_deploy_or_answered_by_a_pod_since_says_nothing() -> None:
    db = stateful_set(ready=0, current="db-1", update="db-2")
    assert World([db], events=[event(db, "FailedCreate", QUOTA, -5)]).judged().reason is Sign.NOT_READY
    since = pod(db, waiting("ContainerCreating"), created=9, labels={"controller-revision-hash": "db-2"})
    world = World([db], [since], events=[event(db, "FailedCreate", QUOTA, 5)])
    assert world.judged().reason is Sign.NOT_READY


def test_no_progress_in_time_condemns_unless_the_surroundings_explain_it() -> None:
    assert (
        rollout(running(ready=False), deployment={"progressing": PROGRESS}).judged().reason,
        rollout(running(ready=False), deployment={"progressing": PROGRESS}).judged().state,
    ) == (Sign.DEADLINE_EXCEEDED, GUILTY)
    world = rollout(conditions=UNSCHEDULABLE, deployment={"progressing": PROGRESS})
    assert (world.judged().state, world.judged().reason) == (WORKING, Sign.UNSCHEDULABLE)
    assert world.judged(DEADLINE).state is ENVIRONMENT
    assert world.judged(was_failing={"Deployment/web"}).state is WORKING


def test_a_failure_from_before_the_deploy_says_nothing_of_it_until_the_deadline() -> None:
    old = {**PROGRESS, "lastTransitionTime": at(-1)}
    world = rollout(running(ready=False), deployment={"progressing": old})
    assert (world.judged().state, world.judged().reason) == (WORKING, Sign.OBJECT_FAILED)
    assert world.judged(started=when(0.9)).state is WORKING
    assert world.judged(DEADLINE).state is GUILTY
    job = obj("batch/v1", "Job", "j", {}, {"conditions": [condition("Failed", since=-1)]})
    assert World([job]).judged().state is WORKING


def test_a_missing_image_is_told_rather_than_the_lack_of_progress_it_causes() -> None:
    found = rollout(NOT_FOUND, deployment={"progressing": PROGRESS}).judged()
    assert found.reason is Sign.IMAGE_NOT_FOUND


def test_trouble_of_one_workload_does_not_excuse_the_crashes_of_another() -> None:
    world = rollout(crashed(3))
    db = stateful_set(ready=0)
    world.objects.append(db)
    world.pods.append(pod(db, conditions=UNSCHEDULABLE, name="db-0", labels={"controller-revision-hash": "db-1"}))
    found = world.judged(60)
    assert (found.state, found.reason, found.object) == (GUILTY, Sign.CRASH_LOOP, "Deployment/web")


def test_trouble_of_one_workload_excuses_that_another_merely_waits() -> None:
    world = rollout(running(ready=False))
    db = stateful_set(ready=0)
    world.objects.append(db)
    world.pods.append(pod(db, conditions=UNSCHEDULABLE, name="db-0", labels={"controller-revision-hash": "db-1"}))
    found = world.judged(DEADLINE)
    assert (found.state, found.object) == (ENVIRONMENT, "StatefulSet/db")


def test_stateful_sets_speak_by_pods_of_their_update_revision() -> None:
    db = stateful_set(ready=1, current="db-1", update="db-2")
    bad = pod(db, NOT_FOUND, name="db-1", labels={"controller-revision-hash": "db-2"})
    old = pod(db, NOT_FOUND, name="db-0", labels={"controller-revision-hash": "db-1"})
    assert World([db], [old]).judged().state is WORKING
    found = World([db], [old, bad]).judged()
    assert (found.state, found.is_losing_old_pods) == (GUILTY, True)
    assert "Pod db-1 of StatefulSet/db" in found.why


def test_daemon_sets_speak_by_pods_of_their_newest_template() -> None:
    agent = daemon_set(numberReady=1, numberAvailable=1, numberUnavailable=1)
    old = pod(agent, NOT_FOUND, name="agent-a", labels={"pod-template-generation": "1"})
    bad = pod(agent, NOT_FOUND, name="agent-b", labels={"pod-template-generation": "2"})
    assert World([agent], [old]).judged().state is WORKING
    found = World([agent], [old, bad]).judged()
    assert (found.state, found.is_losing_old_pods) == (GUILTY, True)
    del agent["metadata"]["annotations"]
    assert World([agent], [pod(agent, NOT_FOUND, created=-9)]).judged().state is WORKING
    assert World([agent], [pod(agent, NOT_FOUND, created=0)]).judged().state is GUILTY


def test_custom_workloads_speak_by_pods_made_since_the_deploy() -> None:
    roll = obj("argoproj.io/v1alpha1", "Rollout", "r", {}, {"conditions": [condition("Ready", "False")]})
    owned = obj("apps/v1", "ReplicaSet", "r-1", ownerReferences=[{"uid": "rollout-r"}])
    assert World([roll], [pod(owned, NOT_FOUND, created=-9)], [owned]).judged().state is WORKING
    assert World([roll], [pod(owned, NOT_FOUND, created=9)], [owned]).judged().state is GUILTY
    assert World([roll], [pod(roll, NOT_FOUND, created=9)]).judged().state is GUILTY


def test_jobs_fail_by_their_own_limit_and_not_by_restarts() -> None:
    job = obj("batch/v1", "Job", "j", {}, {"active": 1})
    assert World([job], [pod(job, crashed(5))]).judged(60).state is WORKING
    assert World([job], [pod(job, NOT_FOUND)]).judged(60).state is GUILTY
    failed = obj("batch/v1", "Job", "j", {}, {"conditions": [condition("Failed", message="backoff limit", since=33)]})
    found = World([failed]).judged(60)
    assert (found.state, found.reason, found.since_sign) == (GUILTY, Sign.JOB_FAILED, when(33))
    assert World([failed]).judged(60, was_failing={"Job/j"}).state is WORKING


def test_bare_pods_speak_for_themselves() -> None:
    found = World([pod(None, NOT_FOUND, name="once")]).judged()
    assert (found.state, found.object) == (GUILTY, "Pod/once")
    assert "Container app of Pod/once cannot pull" in found.why
    failed = pod(None, name="once", status={"phase": "Failed", "reason": "Error"})
    assert (World([failed]).judged().state, World([failed]).judged(DEADLINE).state) == (WORKING, GUILTY)


def test_custom_resources_that_gave_up_have_until_the_deadline() -> None:
    thing = obj("example.org/v1", "Thing", "t", {}, {"conditions": [condition("Stalled", message="no zone")]})
    assert (World([thing]).judged().state, World([thing]).judged().reason) == (WORKING, Sign.OBJECT_FAILED)
    assert World([thing]).judged(DEADLINE).state is GUILTY
    assert World([thing]).judged(DEADLINE, was_failing={"Thing/t"}).state is ENVIRONMENT


def claim(phase: str = "Pending", **meta: Any) -> Object:
    return obj("v1", "PersistentVolumeClaim", "data", {}, {"phase": phase}, **meta)


USER = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}


def test_a_claim_that_waits_for_its_first_consumer_is_ready() -> None:
    assert World([claim()]).judged().state is READY
    assert World([claim()], [pod(None, spec={"volumes": [{"emptyDir": {}}]})]).judged().state is READY
    assert World([claim()], [pod(None, spec=USER)]).judged().state is WORKING
    asked = claim(annotations={"volume.kubernetes.io/storage-provisioner": "csi.test"})
    assert World([asked]).judged().state is WORKING


def test_storage_that_gives_no_volume_is_no_fault_of_the_release() -> None:
    world = World(
        [claim()], [pod(None, spec=USER)], events=[event(claim(), "ProvisioningFailed", "quota of the cloud")]
    )
    assert (world.judged().state, world.judged().reason) == (WORKING, Sign.VOLUME)
    assert world.judged(DEADLINE).state is ENVIRONMENT
    assert World([claim("Lost")]).judged(DEADLINE).state is ENVIRONMENT


def test_volumes_and_sandboxes_are_told_by_events() -> None:
    world = rollout(waiting("ContainerCreating"))
    told = [
        ("FailedMount", 'secret "keys" not found', Sign.POD_TROUBLE, GUILTY),
        ("FailedAttachVolume", "rpc error", Sign.VOLUME, ENVIRONMENT),
        ("FailedCreatePodSandBox", "no network", Sign.NODE, ENVIRONMENT),
    ]
    for reason, words, sign, late in told:
        world.events = [event(world.pods[1], reason, words)]
        assert world.judged().reason is sign
        assert world.judged(DEADLINE).state is late
    world.pods[1]["status"]["containerStatuses"] = [running(ready=False)]
    assert world.judged().reason is Sign.NOT_READY


def test_an_object_that_is_not_there_is_waited_for_until_the_deadline() -> None:
    manifest = obj("v1", "ConfigMap", "c")
    assert (World().judged(absent=[manifest]).state, World().judged(absent=[manifest]).object) == (
        WORKING,
        "ConfigMap/c",
    )
    assert World().judged(DEADLINE, absent=[manifest]).reason is Sign.OBJECT_MISSING
    assert World([None]).judged(DEADLINE).state is GUILTY
    job = obj("batch/v1", "Job", "j", {"ttlSecondsAfterFinished": 60})
    assert World().judged(absent=[job]).state is READY


def test_an_object_being_deleted_is_waited_for() -> None:
    found = World([obj("v1", "ConfigMap", "c", deletionTimestamp="x")]).judged()
    assert (found.state, found.why) == (WORKING, "ConfigMap/c is not ready: it is being deleted.")


def test_old_pods_are_being_lost_when_fewer_are_available_than_the_old_revision_wants() -> None:
    assert rollout(OUTAGE, old_available=1).judged().is_losing_old_pods
    assert not rollout(OUTAGE, old_available=2).judged().is_losing_old_pods


def test_replica_sets_that_leave_out_a_count_of_none_have_none() -> None:
    web = deployment(ready=0, updated=1)
    old, new = replica_set(web, 1, 1), replica_set(web, 2, 1, available=0)
    del old["status"]["availableReplicas"]
    assert World([web], [pod(new, OUTAGE)], [old, new]).judged().is_losing_old_pods


def test_a_recreated_deployment_has_lost_its_old_pods_until_a_new_one_is_available() -> None:
    web = deployment(ready=0, updated=1, spec={"strategy": {"type": "Recreate"}})
    old, new = replica_set(web, 1, 0), replica_set(web, 2, 1, available=0)
    world = World([web], [pod(new, OUTAGE)], [old, new])
    assert world.judged().is_losing_old_pods
    assert not World([web], [pod(new, OUTAGE)], [new]).judged().is_losing_old_pods


def test_not_everything_is_named_when_everything_waits() -> None:
    found = World([deployment(f"web-{n}", ready=0) for n in range(50)]).judged()
    assert len(found.waiting_for) == MOST_NAMED


def test_baselines_tell_restarts_by_container_and_objects_that_are_not_current() -> None:
    web = rollout(crashed(4))
    web.pods[1]["status"]["initContainerStatuses"] = [running(2) | {"name": "init"}]
    assert restarts(web.pods) == {"pod-web-1-a/app": 0, "pod-web-2-a/app": 4, "pod-web-2-a/init": 2}
    assert failing([*web.objects, stateful_set()], web.pods, web.sets) == {"Deployment/web"}


CONTAINERS = st.lists(
    st.sampled_from([NOT_FOUND, OUTAGE, CONFIG, crashed(1), crashed(5), running(), running(ready=False)]), max_size=3
)


@given(CONTAINERS, st.booleans(), st.floats(0, 2 * DEADLINE), st.booleans(), st.booleans())
def test_every_world_gets_an_answer_with_its_grounds(
    containers: list[Object], is_first: bool, seconds: float, was_failing: bool, has_node: bool
) -> None:
    world = rollout(*containers, conditions=[] if has_node else UNSCHEDULABLE)
    found = world.judged(seconds, is_first=is_first, was_failing={"Deployment/web"} if was_failing else frozenset())
    assert found.why.endswith(".")
    assert found.state is not READY
    assert found.object == "Deployment/web"
    assert found.reason is not Sign.NONE
    if seconds >= DEADLINE:
        assert found.state is not WORKING
    if is_first and seconds < DEADLINE:
        assert found.state is WORKING


@given(CONTAINERS, st.floats(0, DEADLINE), st.floats(0, DEADLINE))
def test_who_is_guilty_stays_so_as_time_goes_by(containers: list[Object], one: float, other: float) -> None:
    world = rollout(*containers)
    if world.judged(min(one, other)).state is GUILTY:
        assert world.judged(max(one, other)).state is GUILTY
