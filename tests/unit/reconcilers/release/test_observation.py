"""How a release fares, as facts: over a namespace in memory; only the API server, watches and the prober are fakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
import yaml

from landlord.api.checks import HealthCheck
from landlord.api.conditions import Reason
from landlord.api.refs import PODS, REPLICA_SETS, Ref, Resource
from landlord.clients.helm.payload import KEY, encode
from landlord.core.health.checks import CheckState
from landlord.core.health.signs import WEIGHTS, Sign, State, Weight
from landlord.core.release.facts import Health
from landlord.core.release.guilt import WAITED_FOR
from landlord.core.release.ledger import Attempt, Stage
from landlord.reconcilers.release.observation import Observation, reason_for
from tests.unit.core.health.objects import condition, deployment
from tests.unit.reconcilers.release.cases import REF, THEN, WANTED, case
from tests.unit.reconcilers.release.objects_cluster import KINDS, ObjectsCluster

FULL = "exceeded quota: landlord, requested: pods=1, used: pods=2, limited: pods=2"
ATTEMPT = Attempt(WANTED, THEN, Stage.VERIFYING, THEN, THEN + timedelta(minutes=5), revision=1)
READY = deployment("web", replicas=1, ready=1)
SHORT = deployment("web", replicas=1, ready=0, conditions=[condition("ReplicaFailure", "True", "FailedCreate", FULL)])
CHECK = HealthCheck.model_validate({"name": "front", "http": {"service": "web"}})


@dataclass
class Watches:
    """Objects in sight, and who holds what; None is out of sight."""

    seen: Mapping[str, Any] | None = None
    held: dict[Ref, Sequence[Resource]] = field(default_factory=dict)

    def objects(self, namespace: str, resource: Resource) -> Mapping[str, Any] | None:
        return None if self.seen is None else self.seen.get(resource.kind, {})

    def hold(self, ref: Ref, namespace: str, resources: Sequence[Resource]) -> None:
        self.held[ref] = resources

    def release(self, ref: Ref) -> None:
        self.held.pop(ref, None)


@dataclass
class Prober:
    """Nobody looks at checks here."""

    forgotten: list[Ref] = field(default_factory=list)

    def forget(self, ref: Ref) -> None:
        self.forgotten.append(ref)


class Kinds:
    """All kinds that the cluster in memory knows."""

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        return KINDS.get(kind)


@dataclass
class Room:
    """A namespace in which revision 1 of ``web`` is a Deployment, and who looks at it."""

    cluster: ObjectsCluster = field(default_factory=ObjectsCluster)
    watches: Watches = field(default_factory=Watches)
    prober: Prober = field(default_factory=Prober)

    def __post_init__(self) -> None:
        name = "sh.helm.release.v1.web.v1"
        manifest = yaml.safe_dump({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}})
        payload = {"name": "web", "version": 1, "namespace": "shop-dev", "manifest": manifest}
        meta = {"name": name, "labels": {"owner": "helm", "name": "web", "version": "1"}}
        secret = {"kind": "Secret", "type": "helm.sh/release.v1", "metadata": meta, "data": {KEY: encode(payload)}}
        self.cluster.objects["Secret", name] = secret
        self.eyes = Observation(self.cluster, Kinds(), self.watches, self.prober)  # type: ignore[arg-type]

    async def health(self, attempt: Attempt | None = ATTEMPT, after: timedelta = timedelta(seconds=9)) -> Health:
        now = replace(case(), now=THEN + after)
        found = await self.eyes.health(now, 1, attempt, is_first=False)
        assert found is not None
        return found

    def has(self, obj: dict[str, Any]) -> "Room":
        self.cluster.objects[obj["kind"], obj["metadata"]["name"]] = obj
        return self


async def test_a_revision_that_is_gone_has_no_health() -> None:
    assert await Room().eyes.health(case(), 7, ATTEMPT, is_first=False) is None


async def test_what_is_ready_is_told_so() -> None:
    assert (await Room().has(READY).health()).state is State.READY


async def test_an_object_that_is_not_there_is_waited_for_by_its_name() -> None:
    found = await Room().health()
    assert (found.state, found.reason, found.is_excused) == (State.WORKING, Reason.UNREADY, False)
    assert "Deployment/web" in found.why


async def test_the_environments_trouble_has_its_reason_from_the_first_sight_and_decides_at_the_deadline() -> None:
    room = Room().has(SHORT)
    early, late = await room.health(), await room.health(after=timedelta(minutes=5))
    assert (early.state, late.state) == (State.WORKING, State.ENVIRONMENT)
    assert {early.reason, late.reason} == {Reason.QUOTA_EXCEEDED}
    assert early.why == late.why == f"Pods of Deployment/web cannot be created: {FULL}."
    assert early.is_excused
    assert late.is_excused


async def test_a_watch_that_lags_is_not_believed_when_it_says_that_all_is_well() -> None:
    room = Room(watches=Watches({"Deployment": {"web": READY}})).has(SHORT)
    assert (await room.health()).reason is Reason.QUOTA_EXCEEDED
    room.watches.seen = {"Deployment": {"web": SHORT}}
    room.cluster.requests.clear()
    assert (await room.health()).state is State.WORKING
    assert ("get", "Deployment/web") not in room.cluster.requests


async def test_a_release_at_rest_is_read_and_neither_watched_nor_condemned_by_time() -> None:
    room = Room(watches=Watches({"Deployment": {"web": READY}})).has(SHORT)
    found = await room.health(None, after=timedelta(days=1))
    assert (found.state, found.reason) == (State.WORKING, Reason.QUOTA_EXCEEDED)
    assert room.watches.held == {}


async def test_what_an_attempt_keeps_in_sight_is_let_go_of_at_rest() -> None:
    room = Room().has(READY)
    await room.health()
    assert {PODS, REPLICA_SETS, KINDS["Deployment"]} == set(room.watches.held[REF])
    room.eyes.rest(REF)
    assert room.watches.held == {}
    assert room.prober.forgotten == [REF]


async def test_a_stored_revision_is_read_once_until_its_release_is_forgotten() -> None:
    room = Room().has(READY)
    for _ in range(3):
        await room.health()
    secret = ("get", "Secret/sh.helm.release.v1.web.v1")
    assert room.cluster.requests.count(secret) == 1
    room.eyes.forget(REF)
    await room.health()
    assert room.cluster.requests.count(secret) == 2


async def test_checks_are_pending_before_the_bake() -> None:
    found = await Room().eyes.checks(case(), 1, ATTEMPT, [CHECK])
    assert [(each.name, each.state) for each in found] == [("front", CheckState.PENDING)]
    assert await Room().eyes.checks(case(), 1, ATTEMPT, []) == ()


@pytest.mark.parametrize("sign", [Sign.QUOTA, Sign.UNSCHEDULABLE, Sign.WEBHOOK, Sign.REGISTRY])
def test_what_excuses_a_release_is_told_by_a_reason_that_stays_while_it_is_waited_for(sign: Sign) -> None:
    assert WEIGHTS[sign] is Weight.EXCUSES
    assert reason_for(sign) in WAITED_FOR


def test_no_sign_that_condemns_is_told_by_a_reason_of_the_environment() -> None:
    condemning = {sign for sign, weight in WEIGHTS.items() if weight is not Weight.EXCUSES}
    assert {reason_for(sign) for sign in condemning} & WAITED_FOR == set()


async def test_kinds_that_are_not_served_are_looked_for_again() -> None:
    """A CRD may come late, or an aggregated API be away for a while."""
    room = Room()
    served = KINDS.pop("Deployment")
    try:
        found = await room.eyes.stored(case(), 1)
        assert found is not None
        assert found[1].unserved
    finally:
        KINDS["Deployment"] = served
    found = await room.eyes.stored(case(), 1)
    assert found is not None
    assert not found[1].unserved
