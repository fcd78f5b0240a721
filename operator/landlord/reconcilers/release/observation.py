"""How a release's workloads and checks fare, as facts for the machine.

While an attempt is in flight its objects are watched and its checks are looked at by the prober; at rest nothing is,
and a look reads what it needs.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from landlord.api.checks import HealthCheck
from landlord.api.conditions import Reason
from landlord.api.refs import PODS, REPLICA_SETS, Ref, Resource
from landlord.api.releases import Sample, StoredRelease
from landlord.clients.cluster import Cluster, Object
from landlord.clients.discovery import Discovery
from landlord.clients.helm.storage import Revisions
from landlord.clients.probes.looks import Target
from landlord.core.health import bake, checks, readiness
from landlord.core.health.readiness import Readiness, Sign, State
from landlord.core.release import rendered
from landlord.core.release.facts import Check, Health
from landlord.core.release.ledger import Attempt, Ledger, Stage
from landlord.core.release.watch import Before, bounded_counts, bounded_samples
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.inventory import Eyes, Inventory, Owned, Watched, inventory, worth_watching
from landlord.reconcilers.release.looks import spec_of
from landlord.reconcilers.release.memory import Memories
from landlord.reconcilers.release.probing import Prober
from landlord.reconcilers.release.texts import documents

REMEMBERED: Final = 64
"""Stored revisions kept parsed beside those of attempts in flight: they may be large."""


class Holds(Watched, Protocol):
    """The part of ``Scopes`` that starts and ends watches."""

    def hold(self, ref: Ref, namespace: str, resources: Sequence[Resource]) -> None:
        """Keep these kinds in sight for the release."""

    def release(self, ref: Ref) -> None:
        """It needs them no more."""


class Observation:
    """Looks at releases."""

    def __init__(self, cluster: Cluster, discovery: Discovery, holds: Holds, prober: Prober) -> None:
        self._cluster = cluster
        self._discovery = discovery
        self._holds = holds
        self._prober = prober
        self._eyes = Eyes(cluster, holds)
        self._memories = Memories()
        self._inventories: OrderedDict[tuple[Ref, int], tuple[StoredRelease, Inventory]] = OrderedDict()

    @property
    def holds(self) -> Holds:
        """What keeps objects in sight."""
        return self._holds

    @property
    def eyes(self) -> Eyes:
        """Who looks at objects."""
        return self._eyes

    def rest(self, ref: Ref) -> None:
        """No attempt is in flight: stop watching and probing."""
        self._holds.release(ref)
        self._prober.forget(ref)
        self._memories.forget(ref)

    def forget(self, ref: Ref) -> None:
        """The release is gone."""
        self.rest(ref)
        for key in [key for key in self._inventories if key[0] == ref]:
            del self._inventories[key]

    async def stored(self, case: Case, number: int) -> tuple[StoredRelease, Inventory] | None:
        """A revision's payload and what it keeps in the cluster; None when there is no such revision."""
        key = (case.ref, number)
        if key not in self._inventories:
            acting = self._cluster.acting_as(case.deployer)
            found = await Revisions(acting).read(case.namespace, case.release_name, number)
            if found is None:
                return None
            kept = rendered.parse(documents(found.manifest))
            held = await inventory(kept, case.namespace, self._discovery)
            if held.unserved:
                return found, held  # once their kinds are served again they can be looked at
            self._inventories[key] = (found, held)
            if len(self._inventories) > REMEMBERED + 2 * len(self._memories):
                self._inventories.popitem(last=False)
        self._inventories.move_to_end(key)
        return self._inventories[key]

    async def health(self, case: Case, number: int, attempt: Attempt | None, *, is_first: bool) -> Health | None:
        """How the objects of this revision fare; None when there is no such revision.

        A watch may tell of the time before the deploy, so that all is well is believed only after reading anew.
        """
        found = await self.stored(case, number)
        if found is None:
            return None
        kept = found[1]
        if attempt is not None:
            watched = {*worth_watching(kept.resources), PODS, REPLICA_SETS}
            self._holds.hold(case.ref, case.namespace, sorted(watched))
        if attempt is not None and attempt.stage is Stage.BAKING:
            return await self._bake(case, kept, attempt)
        health = await self._judged(case, kept, attempt, is_first=is_first, fresh=attempt is None)
        if attempt is not None and health.state is State.READY:
            return await self._judged(case, kept, attempt, is_first=is_first, fresh=True)
        return health

    async def _bake(self, case: Case, kept: Inventory, attempt: Attempt) -> Health:
        seen, absent, owned = await self._see(case, kept, fresh=False)
        memory = self._memories.of(case.ref, attempt)
        memory.bake = memory.bake or bake.begin(owned.pods, case.now)
        memory.bake, look = bake.look(memory.bake, seen, owned.pods, owned.replica_sets, case.now, absent=absent)
        return _health(look)

    async def _judged(
        self, case: Case, kept: Inventory, attempt: Attempt | None, *, is_first: bool, fresh: bool
    ) -> Health:
        seen, absent, owned = await self._see(case, kept, fresh=fresh)
        before = self._memories.of(case.ref, attempt).before
        judge = partial(
            readiness.judge,
            seen,
            owned.pods,
            owned.replica_sets,
            started=attempt.started if attempt else case.now - timedelta(hours=1),
            now=case.now,
            deadline=attempt.deadline if attempt else case.now + timedelta(hours=1),
            is_first=is_first,
            restarts_before=before.restarts if before else None,
            absent=absent,
        )
        look = judge()
        if look.state is State.READY:
            return _health(look)
        # Refusals of pods of StatefulSets and Jobs, and of volumes, are told by Events alone.
        about = [*seen, *owned.replica_sets, *owned.pods]
        return _health(judge(events=await self._eyes.warnings(case.namespace, about)))

    async def _see(self, case: Case, kept: Inventory, *, fresh: bool) -> tuple[list[Object], list[Object], Owned]:
        """The objects that are there, the manifests of those that are not, and what controllers made."""
        live = await self._eyes.live(kept, fresh=fresh)
        owned = await self._eyes.owned(live, case.namespace, fresh=fresh)
        absent = [dict(item.manifest) for item in kept.items if item.entry in live.missing]
        return list(live.objects.values()), absent, owned

    async def before_deploy(self, case: Case, number: int, attempt: Attempt, wanted: Sequence[HealthCheck]) -> Attempt:
        """The attempt with what is bad already noted in it: that cannot condemn what comes."""
        found = await self.stored(case, number) if number else None
        if found is None:
            return attempt
        live = await self._eyes.live(found[1])
        owned = await self._eyes.owned(live, case.namespace)
        looks = await self._prober.baseline(wanted, await self._target(case, number)) if wanted else ()
        before = Before(bounded_samples(looks), bounded_counts(readiness.restarts(owned.pods)))
        self._memories.of(case.ref, attempt).before = before
        return replace(attempt, before=before)

    async def checks(
        self, case: Case, number: int, attempt: Attempt, wanted: Sequence[HealthCheck]
    ) -> tuple[Check, ...]:
        """What the checks' samples come to; looking at them begins with the bake."""
        if not wanted or attempt.stage is not Stage.BAKING:
            return tuple(Check(check.name, checks.CheckState.PENDING) for check in wanted)
        key = _watched(attempt)
        self._prober.watch(case.ref, key, wanted, await self._target(case, number), since=attempt.since)
        memory = self._memories.of(case.ref, attempt)
        samples = (*memory.samples, *self._prober.samples(case.ref, key))
        baseline = {sample.check: sample for sample in memory.before.baseline} if memory.before else {}
        return tuple(
            _verdict(
                check, [each for each in samples if each.check == check.name], memory.began or attempt.since, baseline
            )
            for check in wanted
        )

    def resumed(self, case: Case, ledger: Ledger) -> Ledger:
        """The ledger as it is right for a look now: what nobody saw does not count as baked."""
        return self._memories.resumed(case.ref, ledger, case.now)

    def looked(self, case: Case, ledger: Ledger) -> Ledger:
        """After a look: the ledger, with what was seen of a bake in it when that is due to be written down."""
        return self._memories.looked(case.ref, ledger, case.now, case.wish.bake, self._samples(case.ref, ledger))

    def last_words(self, ledgers: Callable[[Ref], Ledger]) -> Mapping[Ref, Ledger]:
        """The ledgers of all bakes under way with all that is known of these."""
        known = {ref: ledgers(ref) for ref in self._memories}
        noted = {ref: self._memories.noted(ref, each, self._samples(ref, each)) for ref, each in known.items()}
        return {ref: each for ref, each in noted.items() if each != known[ref]}

    def _samples(self, ref: Ref, ledger: Ledger) -> tuple[Sample, ...]:
        attempt = ledger.attempt
        return self._prober.samples(ref, _watched(attempt)) if attempt is not None else ()

    async def _target(self, case: Case, number: int) -> Target:
        found = await self.stored(case, number)
        entries = [item.entry for item in found[1].items] if found else []
        objects = tuple((entry.api_version, entry.kind, entry.name) for entry in entries)
        return Target(case.namespace, case.release_name, case.namespaces, objects)


def _watched(attempt: Attempt) -> str:
    """Under which name the prober looks at the attempt's checks."""
    return f"{attempt.desired.key}-{attempt.revision}"


def _verdict(check: HealthCheck, samples: Sequence[Sample], started: datetime, baseline: dict[str, Sample]) -> Check:
    found = checks.judge(spec_of(check), samples, started=started, baseline=baseline.get(check.name))
    return Check(check.name, found.state, found.why, found.is_wavering)


_REASONS: Final = {
    Sign.IMAGE_NOT_FOUND: Reason.IMAGE_UNAVAILABLE,
    Sign.IMAGE_UNAUTHORIZED: Reason.IMAGE_UNAVAILABLE,
    Sign.INVALID_IMAGE_NAME: Reason.IMAGE_UNAVAILABLE,
    Sign.CRASH_LOOP: Reason.CRASH_LOOPING,
    Sign.OUT_OF_MEMORY: Reason.OUT_OF_MEMORY,
    Sign.RESTARTS: Reason.CRASH_LOOPING,
    Sign.REGISTRY: Reason.REGISTRY_UNAVAILABLE,
    Sign.QUOTA: Reason.QUOTA_EXCEEDED,
    Sign.UNSCHEDULABLE: Reason.UNSCHEDULABLE,
    Sign.WEBHOOK: Reason.WEBHOOK_UNAVAILABLE,
    Sign.POLICY: Reason.REJECTED,
    Sign.JOB_FAILED: Reason.HOOK_FAILED,
    Sign.DEADLINE_EXCEEDED: Reason.TIMEOUT,
}


def reason_for(sign: Sign) -> Reason:
    """The reason under which a sign is told."""
    return _REASONS.get(sign, Reason.UNREADY)


def _health(look: Readiness) -> Health:
    return Health(look.state, reason_for(look.reason), look.why, look.is_losing_old_pods, look.is_excused)
