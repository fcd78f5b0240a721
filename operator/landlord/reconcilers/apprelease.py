"""The AppRelease's pass: gather facts, let the machine decide, write the ledger down, act, and tell.

One pass takes several steps of the machine as long as they are quick, and at most one run of Helm at a time. Whatever
the machine answers, its ledger is written down first: a death at any instruction leaves an intent that the next pass
settles by looking at the world.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from landlord.api.failures import Forbidden, NotYet, Refused, Transient
from landlord.api.refs import APPRELEASES, Ref
from landlord.clients.cluster import Cluster
from landlord.core import intervals
from landlord.core.release import machine
from landlord.core.release.facts import Facts
from landlord.core.release.ledger import Ended, Operation, Runner
from landlord.core.release.steps import Decision, LetGo, Look, MarkFailed, Prune, Rest, Run, Supersede
from landlord.reconcilers import objects
from landlord.reconcilers.outcome import Outcome
from landlord.reconcilers.release import sources
from landlord.reconcilers.release.bodies import Bodies, Body
from landlord.reconcilers.release.case import Case, open_case
from landlord.reconcilers.release.gathering import Gathering, IsGone, Parts, Sight
from landlord.reconcilers.release.hooks import Attendance, Hooks
from landlord.reconcilers.release.operations import Order, mark_failed, prune, supersede
from landlord.reconcilers.release.resting import SOON, Rested
from landlord.reconcilers.release.telling import View, refused
from landlord.reconcilers.release.wanted import checks_of
from landlord.reconcilers.world import World

STEPS: Final = 24
"""Steps of one pass; the machine needs about ten from a new spec to a proven release."""
REFUSED_AGAIN: Final = timedelta(seconds=30)
WAITED: Final = timedelta(milliseconds=200)


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
        self._gathering = Gathering(cluster, bodies, parts, runner=runner, is_gone=is_gone)
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
            facts, sight = await self._gathering.gather(case, ended)
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
                case LetGo(is_left=is_left):
                    self._teller.let_go(case, decision.word, is_left=is_left)
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
