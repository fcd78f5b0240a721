"""The AppRelease's pass: gather facts, let the machine decide, write the ledger down, act, and tell.

One pass takes several steps of the machine as long as they are quick, and at most one run of Helm at a time. Before
anything is done, and before the pass ends, the ledger is written down: a death at any instruction leaves an intent
that the next pass settles by looking at the world.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from landlord.api.conditions import Reason
from landlord.api.failures import Forbidden, LandlordFailure, NotYet, Refused, Transient
from landlord.api.refs import APPRELEASES, Ref
from landlord.clients.cluster import Cluster
from landlord.core import intervals
from landlord.core.release import machine
from landlord.core.release.facts import Facts
from landlord.core.release.ledger import Ended, Ledger, Operation, Runner, Stage
from landlord.core.release.steps import Decision, LetGo, Look, MarkFailed, Prune, Rest, Run, Standing, Supersede
from landlord.reconcilers import objects
from landlord.reconcilers.outcome import Outcome
from landlord.reconcilers.release.bodies import Bodies, Body
from landlord.reconcilers.release.case import Case, open_case
from landlord.reconcilers.release.draft import Draft
from landlord.reconcilers.release.gathering import Gathering, History, IsGone, Parts, Sight
from landlord.reconcilers.release.hooks import Attendance, Hooks
from landlord.reconcilers.release.operations import Order, mark_failed, prune, supersede
from landlord.reconcilers.release.resting import SOON, Rested
from landlord.reconcilers.release.telling import View, failed, refused
from landlord.reconcilers.release.wanted import checks_of
from landlord.reconcilers.world import World

STEPS: Final = 24
"""Steps of one pass; the machine needs about ten from a new spec to a proven release."""
REFUSED_AGAIN: Final = timedelta(seconds=30)
PATIENCE: Final = timedelta(seconds=20)
"""Waiting for a place among the Helm processes is told after this long."""
LONG: Final = timedelta(minutes=1)
YOUNG: Final = timedelta(seconds=1)
IN_LINE: Final = "It waits for a place among the runs of Helm; a tenant has at most a quarter of these."


@dataclass(frozen=True, slots=True)
class InLine(Outcome):
    """The pass has ended because there was no place for Helm: the release keeps its place in the line."""


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
        self._parts = parts
        self._gathering = Gathering(cluster, bodies, parts, runner=runner, is_gone=is_gone)
        self._clock = clock
        self._in_line: dict[Ref, datetime] = {}

    async def reconcile(self, ref: Ref) -> Outcome:
        """One pass over one AppRelease."""
        outcome: Outcome | None = None
        try:
            outcome = await self._pass(ref)
            return outcome
        finally:
            if not isinstance(outcome, InLine):
                self._parts.operations.step_out(ref)
                self._in_line.pop(ref, None)

    async def _pass(self, ref: Ref) -> Outcome:
        body = self._bodies.get(ref)
        if body is None:
            self._parts.observation.forget(ref)
            self._parts.preparation.forget(ref)
            self._parts.sources.drop(ref)
            self._parts.resting.forget(ref)
            await self._close_ledger(ref)
            return Outcome()
        case = open_case(self._world, self._bodies, ref, body, self._clock())
        if case.is_deleting and not objects.is_held(body):
            return Outcome()
        if not case.is_deleting and not case.is_namespace_leaving and case.tenant:
            case = replace(case, body=await self._hold(body))
        self._parts.sources.keep_in_sight(case)
        try:
            return await self._steps(case)
        except Forbidden as failure:
            # Rights come with the Tenant's last objects, and may come back: soon, and told meanwhile.
            await self._parts.teller.trouble(case, self._parts.ledgers.of(case.ref), refused(failure))
            raise Transient(failure.why) from failure
        except Refused as failure:
            await self._parts.teller.trouble(case, self._parts.ledgers.readable(case.ref), refused(failure))
            raise NotYet(failure.why, REFUSED_AGAIN) from failure
        except LandlordFailure:
            raise
        except Exception as bug:
            with suppress(LandlordFailure):
                await self._parts.teller.trouble(case, self._parts.ledgers.readable(case.ref), failed(bug))
            raise

    async def _steps(self, case: Case) -> Outcome:
        draft = Draft(case.ref, self._parts.ledgers, self._parts.hidden)
        ended: Ended | None = None
        history: History | None = None
        for _ in range(STEPS):
            case = replace(case, now=self._clock())
            facts, sight = await self._gathering.gather(case, draft.page, ended, history)
            decision = machine.decide(facts)
            ended, history = None, None
            match decision.step:
                case Look():
                    draft.turn(decision.ledger)
                    history = facts.history  # nothing was done since it was read
                    await self._note_proof(case, facts, decision)
                    continue
                case Run():
                    ended = await self._run(case, facts, decision, sight, draft)
                    if ended is None:
                        return await self._stand_in_line(case, facts, decision, sight, draft)
                    continue
            await self._write_down(case, draft, decision)
            match decision.step:
                case MarkFailed(number=number):
                    await mark_failed(self._cluster, case, number)
                case Supersede(numbers=numbers):
                    await supersede(self._cluster, case, numbers)
                case Prune(numbers=numbers):
                    await prune(self._cluster, case, facts.history, numbers)
                case LetGo(is_left=is_left):
                    self._parts.teller.let_go(case, decision.word, is_left=is_left)
                    await objects.release(self._cluster, APPRELEASES, case.body)
                    self._parts.observation.forget(case.ref)
                    return Outcome()
                case Rest(after=after):
                    return await self._rest(case, facts, decision, sight, after)
        raise Transient(f"{case.ref} has not come to rest within {STEPS} steps.")

    async def _close_ledger(self, ref: Ref) -> None:
        """Verdicts outlive the AppRelease, so that the same name made anew cannot forget them; not the namespace."""
        home = self._world.namespace(ref.namespace or "")
        if home is None or home.deleting:
            await self._parts.ledgers.remove(ref)
        else:
            await self._parts.ledgers.thin(ref.namespace or "", self._bodies.within(ref.namespace or ""))

    async def _hold(self, body: Body) -> Body:
        held = await objects.hold(self._cluster, APPRELEASES, body)
        if held is not body:
            self._bodies.echo(held)
        return held

    async def _write_down(self, case: Case, draft: Draft, decision: Decision) -> None:
        draft.turn(decision.ledger)
        await draft.write(partial(self._parts.teller.turned, case))

    async def _note_proof(self, case: Case, facts: Facts, decision: Decision) -> None:
        """What was proven just now need not be looked at once more: its first look at rest was this one."""
        attempt, proven = facts.ledger.attempt, decision.ledger.proven
        is_over = attempt is not None and decision.ledger.attempt is None
        if is_over and proven is not None and proven != facts.ledger.proven:
            await self._parts.resting.begin(case, proven.revision, facts.health)

    async def _run(self, case: Case, facts: Facts, decision: Decision, sight: Sight, draft: Draft) -> Ended | None:
        """Run Helm as the decision's intent says; None when no place for it is free."""
        intent = decision.ledger.intent
        if intent is None:
            raise AssertionError("a run without an intent")
        with self._parts.operations.slot(case, intent.operation) as is_free:
            if not is_free:
                return None
            now = self._clock()
            intent = replace(intent, at=now, until=now + (intent.until - intent.at))
            decision = replace(decision, ledger=replace(decision.ledger, intent=intent))
            attempt, before = decision.ledger.attempt, decision.ledger.running
            if attempt is not None and intent.operation is Operation.DEPLOY:
                number = before.revision if before else 0
                attempt = await self._parts.observation.before_deploy(case, number, attempt, checks_of(case))
                decision = replace(decision, ledger=replace(decision.ledger, attempt=attempt))
            await self._write_down(case, draft, decision)
            await self._tell(case, facts, decision, sight)
            self._parts.resting.change(case, intent.operation, now)
            order = Order(case, decision.ledger, intent, sight.prepared.layers, facts.newest)
            return await self._attended(order, facts, decision, sight)

    async def _attended(self, order: Order, facts: Facts, decision: Decision, sight: Sight) -> Ended:
        """Run it while its hooks are looked at, and told of."""

        async def tell(waits: str) -> None:
            word = replace(decision.word, why=f"{decision.word.why} {waits}")
            await self._tell(replace(order.case, now=self._clock()), facts, replace(decision, word=word), sight)

        is_first = order.ledger.proven is None
        hooks = Hooks(self._cluster, self._parts.observation.eyes, order.case, order.intent, is_first=is_first)
        return await Attendance(hooks.look, order.intent, self._clock, tell).over(self._parts.operations.run(order))

    async def _stand_in_line(self, case: Case, facts: Facts, decision: Decision, sight: Sight, draft: Draft) -> Outcome:
        """No worker waits for a place: the release is woken when there is one. Who waits for long is told why."""
        if not _is_only_begun(self._parts.ledgers.of(case.ref), draft.page):
            await draft.write(partial(self._parts.teller.turned, case))
        since = self._in_line.setdefault(case.ref, case.now)
        if case.now < since + PATIENCE:
            return InLine(since + PATIENCE - case.now)
        why = f"{decision.word.why} {IN_LINE}"
        told = Decision(decision.step, draft.page, replace(decision.word, why=why))
        await self._tell(case, facts, told, sight)
        return InLine(LONG)

    async def _tell(self, case: Case, facts: Facts, decision: Decision, sight: Sight) -> None:
        rested = sight.rested
        drift, entries = (rested.drift, rested.inventory) if rested is not None else (None, None)
        view = View(facts, decision, sight.prepared.desired, sight.checks, drift, entries)
        await self._parts.teller.tell(case, view)
        if rested is not None and rested.at == case.now:
            self._parts.teller.corrected(case, rested.notes, rested.troubles)

    async def _rest(
        self, case: Case, facts: Facts, decision: Decision, sight: Sight, after: timedelta | None
    ) -> Outcome:
        rested = sight.rested
        if not _is_young(decision, case.now):
            await self._tell(case, facts, decision, sight)
        if rested is not None and not rested.is_well and after is None:
            after = min(SOON, case.interval)
        if decision.ledger.attempt is None and not decision.ledger.recovering:
            self._parts.observation.rest(case.ref)
        return Outcome(after or _due(case, rested))


def _is_only_begun(written: Ledger, page: Ledger) -> bool:
    """Whether all that is new is that something is to be deployed: the next pass finds that out again."""
    attempt = page.attempt
    is_begun = attempt is not None and attempt.stage is Stage.DEPLOYING and attempt.failure is None
    return is_begun and replace(page, attempt=None, held=written.held) == written


def _is_young(decision: Decision, now: datetime) -> bool:
    """Whether Helm has only just ended, and controllers are still to see what it made: there is nothing to tell yet."""
    attempt = decision.ledger.attempt
    is_waited_for = decision.word.standing is Standing.WORKING and decision.word.reason is Reason.PROGRESSING
    return attempt is not None and attempt.stage is Stage.VERIFYING and is_waited_for and now < attempt.since + YOUNG


def _due(case: Case, rested: Rested | None) -> timedelta:
    """When the next look at rest is to be made: an interval after the last, and not after this pass."""
    interval = intervals.jittered(case.interval, str(case.body["metadata"].get("uid", "")))
    return interval if rested is None else max(interval - (case.now - rested.at), timedelta(seconds=1))
