"""Hooks of a run of Helm: looked at while it runs, told of, and judged when it ends; only looks and Helm are fakes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from landlord.api.conditions import Reason
from landlord.api.failures import Forbidden, HelmTrouble, Transient
from landlord.api.names import deployer_username
from landlord.clients.helm.payload import KEY, encode
from landlord.core.health.signs import Readiness, Sign, State
from landlord.core.release.ledger import Ended, Intent, Operation, Runner
from landlord.reconcilers.release.hooks import Attendance, Glance, Hooks, named
from landlord.reconcilers.release.inventory import Eyes
from tests.unit.reconcilers.release.objects_cluster import NAMESPACE, ObjectsCluster

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEPLOYER = deployer_username(NAMESPACE)
IMAGE = "registry.test/shop/migrate:2"
QUICK = timedelta(milliseconds=5)
WAITS = Glance(Readiness(State.WORKING, "Job/migrate is not ready.", "Job/migrate", None, Sign.NOT_READY), True)
REGISTRY = Glance(Readiness(State.WORKING, "The registry is down.", "Job/migrate", None, Sign.REGISTRY), True)
ABSENT = Glance(Readiness(State.GUILTY, "The image is not there.", "Job/migrate", None, Sign.IMAGE_NOT_FOUND), True)
FAILED = Glance(Readiness(State.GUILTY, "Job/migrate has failed.", "Job/migrate", None, Sign.JOB_FAILED), False)
FINE = Glance(Readiness(State.READY, "All is ready."), False)


def intent(operation: Operation = Operation.DEPLOY, base: int = 1) -> Intent:
    return Intent(operation, base, 0, NOW, NOW + timedelta(minutes=10), Runner("me"))


@dataclass
class Run:
    """A run of Helm, which ends when it is told to, and what is seen of its hooks; the last sight lasts."""

    sights: list[Glance | None]
    ended: Ended = field(default_factory=lambda: Ended(Operation.DEPLOY))
    told: list[str] = field(default_factory=list)
    looks: int = 0
    end_after: int = 2
    """Looks after which Helm ends; 0 is at once."""
    fails: Exception | None = None
    at: datetime = NOW
    was_cancelled: bool = False

    async def look(self, _now: datetime) -> Glance | None:
        self.looks += 1
        return self.sights[min(self.looks, len(self.sights)) - 1]

    async def tell(self, why: str) -> None:
        self.told.append(why)
        if self.fails is not None:
            raise self.fails

    async def helm(self) -> Ended:
        try:
            while self.looks < self.end_after:
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return self.ended

    async def over(self, operation: Operation = Operation.DEPLOY) -> Ended:
        given = replace(self.ended, operation=operation)
        self.ended = given
        return await Attendance(
            self.look, intent(operation), lambda: self.at, self.tell, first=QUICK, every=QUICK
        ).over(self.helm())


def timed_out() -> Ended:
    return Ended(Operation.DEPLOY, HelmTrouble.HOOK_TIMEOUT, "The hook did not end in time.")


async def test_a_run_that_ends_at_once_is_not_looked_at() -> None:
    run = Run([WAITS], end_after=0)
    assert await run.over() == Ended(Operation.DEPLOY)
    assert (run.looks, run.told) == (0, [])


async def test_what_helm_waits_for_is_told_while_it_waits() -> None:
    run = Run([None, WAITS, REGISTRY, FINE], end_after=5)
    assert await run.over() == Ended(Operation.DEPLOY)
    said = [f"A hook is waited for: {each.readiness.why}" for each in (WAITS, REGISTRY)]
    assert list(dict.fromkeys(run.told)) == said


@pytest.mark.parametrize("operation", list(Operation))
async def test_a_hook_that_the_environment_keeps_from_starting_is_excused(operation: Operation) -> None:
    run = Run([WAITS, REGISTRY], ended=timed_out())
    ended = await run.over(operation)
    assert ended.trouble is HelmTrouble.HOOK_TIMEOUT
    assert ended.excuse == Reason.REGISTRY_UNAVAILABLE.value
    assert ended.why == "The hook did not end in time. The registry is down."


async def test_what_was_seen_last_counts_once_the_hook_is_gone_or_has_lost_its_pods() -> None:
    for after in (None, FAILED):
        run = Run([REGISTRY, after], ended=replace(timed_out(), trouble=HelmTrouble.HOOK_FAILED), end_after=1)
        assert (await run.over()).excuse == Reason.REGISTRY_UNAVAILABLE.value


async def test_trouble_that_passed_before_the_hook_failed_excuses_nothing() -> None:
    failed = replace(FAILED, has_pods=True)
    run = Run([REGISTRY, failed], ended=replace(timed_out(), trouble=HelmTrouble.HOOK_FAILED))
    assert await run.over() == run.ended


async def test_helm_is_ended_when_a_hook_can_never_start() -> None:
    run = Run([WAITS, ABSENT], end_after=1_000_000)
    ended = await run.over()
    assert run.was_cancelled
    assert ended == Ended(Operation.DEPLOY, HelmTrouble.HOOK_FAILED, "The image is not there.")


async def test_only_installs_and_upgrades_are_ended_early() -> None:
    run = Run([ABSENT], ended=timed_out(), end_after=4)
    ended = await run.over(Operation.ROLLBACK)
    assert not run.was_cancelled
    assert (ended.why, ended.excuse) == ("The hook did not end in time. The image is not there.", "")


async def test_what_fails_by_other_causes_is_not_put_down_to_hooks() -> None:
    run = Run([REGISTRY], ended=Ended(Operation.DEPLOY, HelmTrouble.QUOTA, "The quota is full."))
    assert await run.over() == run.ended


@pytest.mark.parametrize(("minutes", "excuse"), [(1, ""), (10, "RegistryUnavailable")])
async def test_a_killed_helm_is_put_down_to_hooks_only_when_its_time_was_over(minutes: int, excuse: str) -> None:
    killed = Ended(Operation.DEPLOY, HelmTrouble.KILLED, "It was killed.")
    run = Run([REGISTRY], ended=killed, at=NOW + timedelta(minutes=minutes))
    assert (await run.over()).excuse == excuse


async def test_what_cannot_be_told_does_not_disturb_helm() -> None:
    run = Run([WAITS], fails=Transient("The API server is away."), end_after=4)
    assert await run.over() == Ended(Operation.DEPLOY)
    assert len(run.told) >= 3


async def test_whoever_cancels_the_wait_ends_helm() -> None:
    run = Run([WAITS], end_after=1_000_000)
    waiting = asyncio.ensure_future(run.over())
    async with asyncio.timeout(10):
        while not run.looks:
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert run.was_cancelled


HOOKS: list[Mapping[str, Any]] = [
    {"kind": "Job", "name": "migrate", "events": ["pre-install", "pre-upgrade"]},
    {"kind": "Job", "name": "undo", "events": ["post-rollback"]},
    {"kind": "Pod", "name": "smoke", "events": ["test"]},
    {"kind": "Job", "name": "bye", "events": ["pre-delete"]},
    {"kind": "ConfigMap", "name": "settings", "events": ["pre-upgrade", "test"]},
    {"kind": "Job", "name": "never"},
]


@pytest.mark.parametrize(
    ("operation", "names"),
    [
        (Operation.DEPLOY, {("Job", "migrate")}),
        (Operation.ROLLBACK, {("Job", "undo")}),
        (Operation.TEST, {("Pod", "smoke")}),
        (Operation.UNINSTALL, {("Job", "bye")}),
    ],
)
def test_hooks_of_other_moments_and_without_pods_are_not_looked_at(
    operation: Operation, names: set[tuple[str, str]]
) -> None:
    assert set(named(HOOKS, operation)) == names


class Room(ObjectsCluster):
    """A namespace in which a hook runs."""

    def revision(self, number: int, hooks: list[Mapping[str, Any]]) -> None:
        name = f"sh.helm.release.v1.web.v{number}"
        payload = {"name": "web", "version": number, "namespace": NAMESPACE, "hooks": list(hooks)}
        meta = {"name": name, "labels": {"owner": "helm", "name": "web", "version": str(number)}}
        secret = {"kind": "Secret", "type": "helm.sh/release.v1", "metadata": meta, "data": {KEY: encode(payload)}}
        self.objects["Secret", name] = secret

    def hook(self, created: datetime = NOW) -> dict[str, Any]:
        return self.put(
            {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}, "spec": {}},
            creationTimestamp=f"{created:%Y-%m-%dT%H:%M:%SZ}",
        )

    def pod(self, job: dict[str, Any], why: str) -> None:
        waiting = {"reason": "ErrImagePull", "message": f'failed to pull and unpack image "{IMAGE}": {why}'}
        status = {"containerStatuses": [{"name": "migrate", "image": IMAGE, "state": {"waiting": waiting}}]}
        owner = {"uid": job["metadata"]["uid"], "kind": "Job", "name": "migrate"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "migrate-x"}, "status": status}
        self.put(pod, creationTimestamp="2026-01-01T00:00:01Z", ownerReferences=[owner])


def hooks(room: Room, *, is_first: bool = False) -> Hooks:
    watched = SimpleNamespace(objects=lambda *_: None)
    case = SimpleNamespace(namespace=NAMESPACE, release_name="web", deployer=DEPLOYER)
    return Hooks(room, Eyes(room, watched), case, intent(), is_first=is_first)  # type: ignore[arg-type]


async def test_a_hooks_pods_are_judged_as_those_of_workloads() -> None:
    room = Room()
    room.revision(2, HOOKS)
    room.pod(room.hook(), "dial tcp 10.0.0.9:443: connect: connection refused")
    seen = await hooks(room).look(NOW + timedelta(seconds=5))
    assert seen is not None
    assert (seen.readiness.state, seen.readiness.reason, seen.has_pods) == (State.WORKING, Sign.REGISTRY, True)
    assert "Pod migrate-x of Job/migrate" in seen.readiness.why
    assert room.users == {DEPLOYER}


@pytest.mark.parametrize(("is_first", "state"), [(False, State.GUILTY), (True, State.WORKING)])
async def test_a_hooks_image_that_is_not_there_waits_for_the_deadline_of_a_first_install_only(
    is_first: bool, state: State
) -> None:
    room = Room()
    room.revision(2, HOOKS)
    room.pod(room.hook(), f"{IMAGE}: not found")
    seen = await hooks(room, is_first=is_first).look(NOW + timedelta(seconds=5))
    assert seen is not None
    assert (seen.readiness.state, seen.readiness.reason) == (state, Sign.IMAGE_NOT_FOUND)


async def test_a_hook_of_an_earlier_run_does_not_speak_for_this_one() -> None:
    room = Room()
    room.revision(2, HOOKS)
    room.hook(created=NOW - timedelta(minutes=1))
    assert await hooks(room).look(NOW) is None


async def test_hooks_are_looked_for_again_until_their_revision_is_stored_and_then_read_once() -> None:
    room = Room()
    looks = hooks(room)
    assert await looks.look(NOW) is None
    room.revision(2, [])
    assert [await looks.look(NOW) for _ in range(3)] == [None] * 3
    assert [verb for verb, _ in room.requests] == ["get", "get"]


async def test_hooks_that_may_not_be_looked_at_are_left_to_helm() -> None:
    room = Room()
    room.revision(2, HOOKS)
    room.refused["get", "Job"] = Forbidden("The deployer may not get Jobs.")
    assert await hooks(room).look(NOW) is None
