"""The Tenant's pass: gather what is so, decide what should be, act on the difference, record what came of it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from landlord.api.conditions import ConditionType, Reason
from landlord.api.environment import Environment
from landlord.api.failures import LandlordFailure, SpecFault, raise_worst
from landlord.api.refs import TENANTS, Ref
from landlord.api.tenant import Tenant, TenantEnvironment
from landlord.clients.cluster import Cluster
from landlord.core import intervals
from landlord.core.conditions import find
from landlord.core.drift import Ledger
from landlord.core.tenant import aggregate, members
from landlord.core.tenant import plan as planning
from landlord.core.tenant.defaults import PlatformDefaults
from landlord.core.tenant.ownership import Claim
from landlord.core.tenant.place import Place
from landlord.core.tenant.verdict import Seen, State, Whole
from landlord.reconcilers import gates, objects
from landlord.reconcilers.departure import POLL, Departure
from landlord.reconcilers.environment_pass import EnvironmentPass, Trace
from landlord.reconcilers.outcome import Outcome
from landlord.reconcilers.record import Announce, Recorder
from landlord.reconcilers.revocation import revoke
from landlord.reconcilers.verification import Verifier
from landlord.reconcilers.world import Body, World
from landlord.reconcilers.writer import Writer

Corrected = Callable[[str, str], None]
"""Counts a correction: the kind of object, and ``applied`` or ``recreated``."""

Result = TypeVar("Result")

LOOK_AGAIN = timedelta(seconds=60)
"""After this a namespace that somebody else holds, a preview or a contested object is looked at again."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a pass goes by."""

    name: str
    body: Body
    tenant: Tenant
    environments: Mapping[str, Environment]
    now: datetime

    def entry(self, environment: str) -> Mapping[str, Any]:
        """The environment's entry in the status as last seen, empty when there is none."""
        entries = (self.body.get("status") or {}).get("environments") or ()
        return next((entry for entry in entries if entry.get("name") == environment), {})


class TenantReconciler:
    """Passes over Tenants. Its memory holds only what may be lost: drift counts and when each was last verified."""

    def __init__(
        self,
        cluster: Cluster,
        world: World,
        platform: PlatformDefaults,
        *,
        clock: Callable[[], datetime],
        announce: Announce,
        corrected: Corrected,
    ) -> None:
        self._cluster = cluster
        self._world = world
        self._platform = platform
        self._clock = clock
        self._corrected = corrected
        self._writer = Writer(cluster, world)
        self._recorder = Recorder(cluster, world, announce)
        self._verifier = Verifier(cluster, world)
        self._departure = Departure(self._writer, self._recorder, self._verifier)
        self._ledgers: dict[str, tuple[int, Ledger]] = {}

    async def reconcile(self, ref: Ref) -> Outcome:
        """One pass over one Tenant; raises the failure that decides when it should be tried again."""
        body, now = self._world.tenants.get(ref.name), self._clock()
        if body is None:
            return self._forget(ref.name)
        if "deletionTimestamp" in body["metadata"]:
            return await self._departure.leave(body, now)
        try:
            facts = self._gather(body, now)
        except ValidationError as error:
            await self._recorder.record(body, _invalid(body, error), now)
            return Outcome()
        if objects.is_suspended(body):
            await self._recorder.record(body, self._whole(facts, suspended=True), now)
            return Outcome()
        return await self._make_true(facts)

    def _gather(self, body: Body, now: datetime) -> Facts:
        tenant = Tenant.model_validate({"spec": body.get("spec") or {}})
        known = {mine.name: self._world.environment(mine.name) for mine in tenant.spec.environments}
        present = {name: environment for name, environment in known.items() if environment is not None}
        return Facts(body["metadata"]["name"], body, tenant, present, now)

    async def _make_true(self, facts: Facts) -> Outcome:
        places = planning.places(facts.name, facts.tenant, facts.environments, self._platform)
        fault = aggregate.fault(facts.tenant, {name: place.body for name, place in places.items()})
        if fault:
            trace = await self._revoke(facts, places)
            await self._record(facts, self._whole(facts, fault=(Reason.AGGREGATE_EXCEEDED, fault)))
            raise_worst(trace.failures)
            return Outcome()
        facts = await self._hold(facts)
        await self._verifier.verify_if_due(facts.body, self._interval(facts), facts.now)
        done = await _all(
            [self._environment(facts, mine, places.get(mine.name)) for mine in facts.tenant.spec.environments]
        )
        failures = [failure for _, trace in done for failure in trace.failures]
        departed = await self._departure.remove_departed(facts.body, facts.tenant, facts.now, failures)
        seen = [*(entry for entry, _ in done), *departed]
        await self._record(facts, self._whole(facts, seen=seen))
        self._tell(facts, [trace for _, trace in done])
        raise_worst(failures)
        return Outcome(self._again(facts, seen))

    def _tell(self, facts: Facts, traces: Sequence[Trace]) -> None:
        """Count what was put right, and announce what was done: one Event for each reason, not for each namespace.

        Of a Tenant's first pass nothing need be told of its namespaces beside how it ended.
        """
        for kind, action in (entry for trace in traces for entry in trace.corrected):
            self._corrected(kind, action)
        notes: dict[str, list[str]] = {}
        for reason, note in (entry for trace in traces for entry in trace.notes):
            notes.setdefault(reason, []).append(note)
        if not (facts.body.get("status") or {}).get("conditions"):
            notes.pop("Created", None)
        for reason, told in notes.items():
            self._recorder.announce(facts.body, reason, " ".join(told))

    async def _hold(self, facts: Facts) -> Facts:
        """Our finalizer, before the first object is made, so that nothing can be left behind unseen."""
        body = await objects.hold(self._cluster, TENANTS, facts.body)
        if body is facts.body:
            return facts
        self._world.echo_tenant(body)
        return replace(facts, body=body)

    async def _environment(self, facts: Facts, mine: TenantEnvironment, place: Place | None) -> tuple[Seen, Trace]:
        entry = facts.entry(mine.name)
        namespace = planning.namespace_of(facts.name, mine)
        closed = gates.closed(self._world, mine.name)
        if place is None or closed is not None:
            state, reason, message = closed or gates.missing(mine.name)
            return gates.untouched(mine.name, namespace, entry, state, reason, message), Trace()
        try:
            plan = planning.plan(place)
        except SpecFault as fault:
            trace = await self._revoke(facts, {mine.name: place})
            return gates.untouched(mine.name, namespace, entry, State.STUCK, Reason.INVALID_SPEC, str(fault)), trace
        claim = self._claim(facts, mine, namespace, entry)
        applied, adopted = str(entry.get("digest", "")), bool(entry.get("adopted"))
        step = EnvironmentPass(self._writer, plan, claim, applied, adopted, self._ledger(facts), facts.now)
        return await step.run(), step.trace

    async def _revoke(self, facts: Facts, places: Mapping[str, Place]) -> Trace:
        """Rights taken away never wait for the rest of a spec to be mended."""
        try:
            await revoke(
                self._writer, [place for name, place in places.items() if gates.closed(self._world, name) is None]
            )
        except LandlordFailure as failure:
            return Trace(failures=[failure])
        return Trace()

    def _claim(self, facts: Facts, mine: TenantEnvironment, namespace: str, entry: Mapping[str, Any]) -> Claim:
        return Claim(
            tenant=facts.name,
            environment=mine.name,
            namespace=namespace,
            adopt=mine.adopt,
            known_uid=str(entry.get("uid", "")) if entry.get("namespace") == namespace else "",
            elder=self._elder(facts, namespace),
            was_taken=find(entry.get("conditions"), ConditionType.READY).get("reason") in _HEALING,
        )

    def _elder(self, facts: Facts, namespace: str) -> str:
        """The oldest other Tenant that claims the namespace and is older than this one, empty when there is none."""
        rivals = (self._world.tenants.get(name) for name in self._world.claimants(namespace) - {facts.name})
        staying = [body for body in rivals if body is not None and "deletionTimestamp" not in body["metadata"]]
        oldest = min(staying, key=objects.age_key, default=None)
        if oldest is None or objects.age_key(oldest) > objects.age_key(facts.body):
            return ""
        return str(oldest["metadata"]["name"])

    def _whole(
        self,
        facts: Facts,
        *,
        seen: Sequence[Seen] | None = None,
        suspended: bool = False,
        fault: tuple[Reason, str] | None = None,
    ) -> Whole:
        tiers = {name: environment.spec.tier for name, environment in facts.environments.items()}
        kept = (facts.body.get("status") or {}).get("environments") or ()
        return Whole(
            generation=objects.generation(facts.body),
            cordoned=facts.tenant.spec.cordoned,
            suspended=suspended,
            fault=fault,
            members=members.resolved(facts.tenant.spec.members, tiers),
            handled_at=objects.asked_at(facts.body),
            expected=len(facts.tenant.spec.environments),
            seen=seen or (),
            untouched=tuple(kept) if seen is None else (),
        )

    async def _record(self, facts: Facts, whole: Whole) -> None:
        await self._recorder.record(facts.body, whole, facts.now)

    def _again(self, facts: Facts, seen: Sequence[Seen]) -> timedelta:
        if any(entry.state is State.WORKING for entry in seen):
            return POLL
        if any(entry.reason in _HEALING or entry.contested for entry in seen):
            return LOOK_AGAIN
        return intervals.jittered(self._interval(facts), str(facts.body["metadata"].get("uid", "")))

    def _interval(self, facts: Facts) -> timedelta:
        intervals_said = (intervals.parse(each.spec.drift.interval) for each in facts.environments.values())
        return min(intervals_said, default=timedelta(hours=1))

    def _ledger(self, facts: Facts) -> Ledger:
        """The tenant's drift counts, begun anew with each generation of its spec."""
        generation = objects.generation(facts.body)
        known = self._ledgers.get(facts.name)
        if known is None or known[0] != generation:
            known = (generation, Ledger())
            self._ledgers[facts.name] = known
        return known[1]

    def _forget(self, name: str) -> Outcome:
        self._ledgers.pop(name, None)
        self._verifier.forget(name)
        return Outcome()


_HEALING = (Reason.NAMESPACE_CONFLICT, Reason.NAMESPACE_EXISTS, Reason.ADOPTION_PREVIEW)


def _invalid(body: Body, error: ValidationError) -> Whole:
    """A spec that the models refuse although the API server took it: which field, and what to do."""
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"])
    status = body.get("status") or {}
    return Whole(
        generation=objects.generation(body),
        fault=(Reason.INVALID_SPEC, f"{where}: {first['msg']}. Change it as kubectl explain tenant.spec says."),
        handled_at=objects.asked_at(body),
        untouched=tuple(status.get("environments") or ()),
        members=tuple(status.get("members") or ()),
    )


async def _all(passes: Sequence[Coroutine[None, None, Result]]) -> list[Result]:
    """The results of all passes; a bug in one goes on up only when all have ended, so that none runs on unseen."""
    done = await asyncio.gather(*passes, return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return [result for result in done if not isinstance(result, BaseException)]
