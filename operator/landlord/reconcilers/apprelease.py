"""The AppRelease's pass: gather facts, let the machine decide, write the ledger down, act, and tell.

One pass takes several steps of the machine as long as they are quick, and at most one run of Helm at a time. Whatever
the machine answers, its ledger is written down first: a death at any instruction leaves an intent that the next pass
settles by looking at the world.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from landlord.api.conditions import Reason
from landlord.api.failures import Forbidden, NotYet, Refused, Transient
from landlord.api.refs import APPRELEASES, Ref
from landlord.api.releases import RevisionMeta
from landlord.clients.cluster import Cluster
from landlord.clients.helm.storage import Revisions
from landlord.core import intervals
from landlord.core.release import machine
from landlord.core.release.facts import Check, Facts, Health, Process, Stranger, Unprepared
from landlord.core.release.history import foreign, newest_of
from landlord.core.release.ledger import Desired, Ended, Intent, Ledger, Operation, Runner, Stage
from landlord.core.release.steps import Decision, LetGo, Look, MarkFailed, Prune, Rest, Run, Supersede
from landlord.reconcilers import objects
from landlord.reconcilers.outcome import Outcome
from landlord.reconcilers.release import sources
from landlord.reconcilers.release.adoption import stranger
from landlord.reconcilers.release.bodies import Bodies, Body
from landlord.reconcilers.release.case import Case, open_case
from landlord.reconcilers.release.dependents import dependencies
from landlord.reconcilers.release.hidden import Hidden
from landlord.reconcilers.release.hooks import Attendance, Hooks
from landlord.reconcilers.release.layers import NotPrepared
from landlord.reconcilers.release.ledgers import Ledgers
from landlord.reconcilers.release.observation import Observation
from landlord.reconcilers.release.operations import Operations, Order, mark_failed, prune, supersede
from landlord.reconcilers.release.preparation import Preparation, Prepared
from landlord.reconcilers.release.resting import SOON, Rested, Resting
from landlord.reconcilers.release.telling import Teller, View, refused
from landlord.reconcilers.release.wanted import checks_of
from landlord.reconcilers.world import World

STEPS: Final = 24
"""Steps of one pass; the machine needs about ten from a new spec to a proven release."""
REFUSED_AGAIN: Final = timedelta(seconds=30)
WAITED: Final = timedelta(milliseconds=200)
IsGone = Callable[[Runner], bool]


@dataclass(frozen=True, slots=True)
class Sight:
    """What was looked at for one step, besides the facts: for those who tell."""

    prepared: Prepared
    checks: tuple[Check, ...] = ()
    rested: Rested | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """Who does what in a pass."""

    ledgers: Ledgers
    preparation: Preparation
    observation: Observation
    operations: Operations
    resting: Resting
    teller: Teller
    hidden: Hidden


class AppReleaseReconciler:
    """Passes over AppReleases. ``runner`` is this process; ``is_gone`` says whether another one is proven gone."""

    def __init__(
        self,
        cluster: Cluster,
        world: World,
        bodies: Bodies,
        parts: Parts,
        *,
        runner: Runner,
        is_gone: IsGone,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._world = world
        self._bodies = bodies
        self._ledgers = parts.ledgers
        self._preparation = parts.preparation
        self._observation = parts.observation
        self._operations = parts.operations
        self._resting = parts.resting
        self._teller = parts.teller
        self._hidden = parts.hidden
        self._runner = runner
        self._is_gone = is_gone
        self._clock = clock

    async def reconcile(self, ref: Ref) -> Outcome:
        """One pass over one AppRelease."""
        body = self._bodies.get(ref)
        if body is None:
            self._observation.forget(ref)
            self._preparation.forget(ref)
            sources.drop(ref, self._observation.holds)
            self._resting.forget(ref)
            await self._close_ledger(ref)
            return Outcome()
        case = open_case(self._world, self._bodies, ref, body, self._clock())
        if case.is_deleting and not objects.is_held(body):
            return Outcome()
        if not case.is_deleting and not case.is_namespace_leaving and case.tenant:
            case = replace(case, body=await self._hold(body))
        sources.keep_in_sight(case, self._observation.holds)
        try:
            return await self._steps(case)
        except Forbidden as failure:
            # Rights come with the Tenant's last objects, and may come back: soon, and told meanwhile.
            await self._teller.trouble(case, self._ledgers.of(case.ref), refused(failure))
            raise Transient(failure.why) from failure
        except Refused as failure:
            await self._teller.trouble(case, self._ledgers.readable(case.ref), refused(failure))
            raise NotYet(failure.why, REFUSED_AGAIN) from failure

    async def _steps(self, case: Case) -> Outcome:
        ended: Ended | None = None
        for _ in range(STEPS):
            case = replace(case, now=self._clock())
            facts, sight = await self._gather(case, ended)
            decision = machine.decide(facts)
            if isinstance(decision.step, Run):
                ended = await self._run(case, facts, decision, sight)
                continue
            await self._write_down(case, decision)
            ended = None
            match decision.step:
                case Look():
                    continue
                case MarkFailed(number=number):
                    await mark_failed(self._cluster, case, number)
                case Supersede(numbers=numbers):
                    await supersede(self._cluster, case, numbers)
                case Prune(numbers=numbers):
                    await prune(self._cluster, case, facts.history, numbers)
                case LetGo():
                    await objects.release(self._cluster, APPRELEASES, case.body)
                    self._observation.forget(case.ref)
                    return Outcome()
                case Rest(after=after):
                    await self._tell(case, facts, decision, sight)
                    return self._rest(case, decision, after, sight.rested)
        raise Transient(f"{case.ref} has not come to rest within {STEPS} steps.")

    async def _close_ledger(self, ref: Ref) -> None:
        """Verdicts outlive the AppRelease, so that the same name made anew cannot forget them; not the namespace."""
        home = self._world.namespace(ref.namespace or "")
        if home is None or home.deleting:
            await self._ledgers.remove(ref)
        else:
            await self._ledgers.thin(ref.namespace or "", self._bodies.within(ref.namespace or ""))

    async def _hold(self, body: Body) -> Body:
        held = await objects.hold(self._cluster, APPRELEASES, body)
        if held is not body:
            self._bodies.echo(held)
        return held

    async def _write_down(self, case: Case, decision: Decision) -> None:
        before, page = self._ledgers.of(case.ref), self._hidden.cleaned(case.ref, decision.ledger)
        if page != before:
            await self._ledgers.write(case.ref, page)
            self._teller.turned(case, before, page)

    async def _run(self, case: Case, facts: Facts, decision: Decision, sight: Sight) -> Ended | None:
        """Run Helm as the decision's intent says; None when something else is wanted by the time a slot is free."""
        intent = decision.ledger.intent
        if intent is None:
            raise AssertionError("a run without an intent")
        async with self._operations.slot(case, intent.operation):
            now = self._clock()
            if self._is_stale(case, now - intent.at):
                return None
            intent = replace(intent, at=now, until=now + (intent.until - intent.at))
            decision = replace(decision, ledger=replace(decision.ledger, intent=intent))
            attempt, before = decision.ledger.attempt, decision.ledger.running
            if attempt is not None and intent.operation is Operation.DEPLOY:
                number = before.revision if before else 0
                attempt = await self._observation.before_deploy(case, number, attempt, checks_of(case))
                decision = replace(decision, ledger=replace(decision.ledger, attempt=attempt))
            await self._write_down(case, decision)
            await self._tell(case, facts, decision, sight)
            self._resting.forget(case.ref)
            order = Order(case, decision.ledger, intent, sight.prepared.layers, facts.newest)
            return await self._attended(order, facts, decision, sight)

    async def _attended(self, order: Order, facts: Facts, decision: Decision, sight: Sight) -> Ended:
        """Run it while its hooks are looked at, and told of."""

        async def tell(waits: str) -> None:
            word = replace(decision.word, why=f"{decision.word.why} {waits}")
            await self._tell(replace(order.case, now=self._clock()), facts, replace(decision, word=word), sight)

        is_first = order.ledger.proven is None
        hooks = Hooks(self._cluster, self._observation.eyes, order.case, order.intent, is_first=is_first)
        return await Attendance(hooks.look, order.intent, self._clock, tell).over(self._operations.run(order))

    def _is_stale(self, case: Case, waited: timedelta) -> bool:
        """Whether people have asked for something else while a slot was waited for."""
        body = self._bodies.get(case.ref)
        return waited > WAITED and (body is None or objects.wishes(body) != objects.wishes(case.body))

    async def _gather(self, case: Case, ended: Ended | None) -> tuple[Facts, Sight]:
        ledger = self._ledgers.of(case.ref)
        history = await self._history(case)
        prepared = await self._prepare(case, ledger)
        if prepared.pin is not None:
            ledger = ledger.pinned(*prepared.pin)
        ledger = self._observation.resumed(case, ledger)
        health, checks, rested = await self._look(case, ledger, history)
        if health is not None:
            ledger = self._observation.looked(case, ledger)
        facts = Facts(
            now=case.now,
            wish=case.wish,
            ledger=ledger,
            desired=prepared.desired,
            runner=self._runner,
            history=history,
            process=self._process(ledger.intent),
            ended=ended,
            health=health,
            checks=checks,
            stranger=await self._stranger(case, ledger, history, prepared),
            closed=case.closed or dependencies(case, self._bodies, self._ledgers),
            suspended=case.suspended,
            is_deleting=case.is_deleting,
            is_namespace_leaving=case.is_namespace_leaving,
            release=case.release_name,
            namespace=case.namespace,
        )
        return facts, Sight(prepared, checks, rested)

    async def _history(self, case: Case) -> tuple[RevisionMeta, ...]:
        """By one metadata list. Where no deployer is, there can be no release of ours either."""
        if not case.tenant or case.rival or case.is_namespace_leaving:
            return ()
        acting = self._cluster.acting_as(case.deployer)
        return await Revisions(acting).list(case.namespace, case.release_name)

    async def _prepare(self, case: Case, ledger: Ledger) -> Prepared:
        if case.is_namespace_leaving:
            return Prepared(Unprepared(Reason.NAMESPACE_TERMINATING, "The namespace is being deleted.", is_final=False))
        if case.is_deleting:
            await self._preparation.learn_secrets(case)
        if case.is_deleting or case.suspended:
            return Prepared(Unprepared(Reason.SUSPENDED, case.suspended or "Going away.", is_final=False))
        try:
            return await self._preparation.prepare(case, ledger)
        except Transient as trouble:
            if ledger.intent is None and ledger.attempt is None:
                raise
            why = f"{trouble.why} What is wanted cannot be told meanwhile."
            return Prepared(Unprepared(Reason.API_TROUBLE, why, is_final=False, after=timedelta(seconds=15)))

    async def _look(
        self, case: Case, ledger: Ledger, history: tuple[RevisionMeta, ...]
    ) -> tuple[Health | None, tuple[Check, ...], Rested | None]:
        attempt, running = ledger.attempt, ledger.running
        if case.is_deleting or case.suspended or not history or ledger.intent is not None:
            return None, (), None
        if attempt is not None and attempt.stage in (Stage.VERIFYING, Stage.TESTING, Stage.BAKING):
            seen, is_first = self._observation, ledger.proven is None
            if attempt.stage is Stage.VERIFYING:
                await self._operations.tidy(case, history, attempt.revision)
            health = await seen.health(case, attempt.revision, attempt, is_first=is_first)
            return health, await seen.checks(case, attempt.revision, attempt, checks_of(case)), None
        if attempt is not None or running is None:
            return None, (), None
        if ledger.recovering:
            await self._resting.free_stuck(case, running.revision)
            return await self._observation.health(case, running.revision, None, is_first=True), (), None
        rested = await self._resting.look(case, running.revision)
        return rested.health, (), rested

    def _process(self, intent: Intent | None) -> Process:
        if intent is None:
            return Process.NONE
        if intent.runner.holder == self._runner.holder:
            return Process.GONE  # one pass of a release at a time: whoever ran Helm waited for its end
        return Process.GONE if self._is_gone(intent.runner) else Process.UNKNOWN

    async def _stranger(
        self, case: Case, ledger: Ledger, history: tuple[RevisionMeta, ...], prepared: Prepared
    ) -> Stranger | None:
        running = ledger.running
        newest = foreign(history, running)
        if newest is None and running is not None and running.is_external:
            newest = newest_of(history)
        if newest is None or ledger.attempt is not None or ledger.intent is not None:
            return None
        if not isinstance(prepared.desired, Desired) or prepared.layers is None:
            return None
        try:
            package = await self._preparation.package(case, ledger, prepared.desired, prepared.layers)
        except NotPrepared:
            return None
        stored = await self._observation.stored(case, newest.number)
        return stranger(newest, stored[0] if stored else None, package)

    async def _tell(self, case: Case, facts: Facts, decision: Decision, sight: Sight) -> None:
        rested = sight.rested
        drift, entries = (rested.drift, rested.inventory) if rested is not None else (None, None)
        view = View(facts, decision, sight.prepared.desired, sight.checks, drift, entries)
        await self._teller.tell(case, view)
        if rested is not None and rested.at == case.now:
            self._teller.corrected(case, rested.notes, rested.troubles)

    def _rest(self, case: Case, decision: Decision, after: timedelta | None, rested: Rested | None) -> Outcome:
        if rested is not None and not rested.is_well and after is None:
            after = min(SOON, case.interval)
        if decision.ledger.attempt is None and not decision.ledger.recovering:
            self._observation.rest(case.ref)
        seed = str(case.body["metadata"].get("uid", ""))
        return Outcome(after or intervals.jittered(case.interval, seed))
