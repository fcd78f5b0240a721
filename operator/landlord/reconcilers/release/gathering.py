"""What one step of a pass goes by: the wish, the history, what is wanted, how it fares, and who was at it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from landlord.api.conditions import Reason
from landlord.api.failures import Transient
from landlord.api.releases import RevisionMeta
from landlord.clients.cluster import Cluster
from landlord.clients.helm.storage import Revisions
from landlord.core.release.facts import Check, Facts, Health, Process, Stranger, Unprepared
from landlord.core.release.history import foreign, newest_of
from landlord.core.release.ledger import Desired, Ended, Intent, Ledger, Runner, Running, Stage
from landlord.reconcilers.release.adoption import stranger
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.dependents import dependencies
from landlord.reconcilers.release.hidden import Hidden
from landlord.reconcilers.release.layers import NotPrepared
from landlord.reconcilers.release.ledgers import Ledgers
from landlord.reconcilers.release.observation import Observation
from landlord.reconcilers.release.operations import Operations
from landlord.reconcilers.release.preparation import Preparation, Prepared
from landlord.reconcilers.release.resting import Rested, Resting
from landlord.reconcilers.release.sources import Sources
from landlord.reconcilers.release.telling import Teller
from landlord.reconcilers.release.wanted import checks_of

IsGone = Callable[[Runner], bool]
History = Sequence[RevisionMeta]


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
    sources: Sources


class Gathering:
    """Looks at everything that the machine must know, and at nothing that it need not."""

    def __init__(self, cluster: Cluster, bodies: Bodies, parts: Parts, *, runner: Runner, is_gone: IsGone) -> None:
        self._cluster = cluster
        self._bodies = bodies
        self._parts = parts
        self._runner = runner
        self._is_gone = is_gone

    async def gather(
        self, case: Case, ledger: Ledger, ended: Ended | None = None, history: History | None = None
    ) -> tuple[Facts, Sight]:
        """All that the machine goes by.

        :param ended: how the run of Helm ended that this pass has just made.
        :param history: the revisions as this pass has read them, if nothing was done since.
        """
        if history is None:
            history = await self._history(case)
        prepared = await self._prepare(case, ledger)
        if prepared.pin is not None:
            ledger = ledger.pinned(*prepared.pin)
        ledger = self._parts.observation.resumed(case, ledger)
        health, checks, rested = await self._look(case, ledger, history, prepared)
        if health is not None:
            ledger = self._parts.observation.looked(case, ledger)
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
            closed=case.closed or dependencies(case, self._bodies, self._parts.ledgers),
            suspended=case.suspended,
            is_deleting=case.is_deleting,
            is_namespace_leaving=case.is_namespace_leaving,
            release=case.release_name,
            namespace=case.namespace,
        )
        return facts, Sight(prepared, checks, rested)

    async def _history(self, case: Case) -> History:
        """By one metadata list. Where no deployer is, there can be no release of ours either."""
        if not case.tenant or case.rival or case.is_namespace_leaving:
            return ()
        acting = self._cluster.acting_as(case.deployer)
        return await Revisions(acting).list(case.namespace, case.release_name)

    async def _prepare(self, case: Case, ledger: Ledger) -> Prepared:
        if case.is_namespace_leaving:
            return Prepared(Unprepared(Reason.NAMESPACE_TERMINATING, "The namespace is being deleted.", is_final=False))
        if case.is_deleting:
            await self._parts.preparation.learn_secrets(case)
        if case.is_deleting or case.suspended:
            return Prepared(Unprepared(Reason.SUSPENDED, case.suspended or "Going away.", is_final=False))
        try:
            return await self._parts.preparation.prepare(case, ledger)
        except Transient as trouble:
            if ledger.intent is None and ledger.attempt is None:
                raise
            why = f"{trouble.why} What is wanted cannot be told meanwhile."
            return Prepared(Unprepared(Reason.API_TROUBLE, why, is_final=False, after=timedelta(seconds=15)))

    async def _look(
        self, case: Case, ledger: Ledger, history: History, prepared: Prepared
    ) -> tuple[Health | None, tuple[Check, ...], Rested | None]:
        attempt, running = ledger.attempt, ledger.running
        if case.is_deleting or case.suspended or not history or ledger.intent is not None:
            return None, (), None
        if attempt is not None and attempt.stage in (Stage.VERIFYING, Stage.TESTING, Stage.BAKING):
            seen, is_first = self._parts.observation, ledger.proven is None
            if attempt.stage is Stage.VERIFYING:
                await self._parts.operations.tidy(case, history, attempt.revision)
            health = await seen.health(case, attempt.revision, attempt, is_first=is_first)
            return health, await seen.checks(case, attempt.revision, attempt, checks_of(case)), None
        if attempt is not None or running is None:
            return None, (), None
        if ledger.recovering:
            await self._parts.resting.free_stuck(case, running.revision)
            return await self._parts.observation.health(case, running.revision, None, is_first=True), (), None
        if _is_to_change(ledger, running, prepared):
            return None, (), None
        rested = await self._parts.resting.look(case, running.revision)
        return rested.health, (), rested

    def _process(self, intent: Intent | None) -> Process:
        if intent is None:
            return Process.NONE
        if intent.runner.holder == self._runner.holder:
            return Process.GONE  # one pass of a release at a time: whoever ran Helm waited for its end
        return Process.GONE if self._is_gone(intent.runner) else Process.UNKNOWN

    async def _stranger(self, case: Case, ledger: Ledger, history: History, prepared: Prepared) -> Stranger | None:
        running = ledger.running
        newest = foreign(history, running)
        if newest is None and running is not None and running.is_external:
            newest = newest_of(history)
        if newest is None or ledger.attempt is not None or ledger.intent is not None:
            return None
        if not isinstance(prepared.desired, Desired) or prepared.layers is None:
            return None
        try:
            package = await self._parts.preparation.package(case, ledger, prepared.desired, prepared.layers)
        except NotPrepared:
            return None
        stored = await self._parts.observation.stored(case, newest.number)
        return stranger(newest, stored[0] if stored else None, package)


def _is_to_change(ledger: Ledger, running: Running, prepared: Prepared) -> bool:
    """Whether something else is wanted that is not held: how fares what is to go is no question then."""
    desired, held = prepared.desired, ledger.held
    if not isinstance(desired, Desired) or desired.digest == running.desired.digest:
        return False
    return held is None or held.desired.key != desired.key
