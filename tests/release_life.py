"""One operator process as far as one AppRelease goes, in the test's event loop: wired as production wires it.

The cluster and Helm are real, and so is the time in which workloads become ready. All other waiting (a bake, a pause
after a failure, a Helm process of which nothing is known) is skipped: the clock is the test's and goes ahead instead.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from landlord.api.failures import LandlordFailure
from landlord.api.refs import APPRELEASES, Ref
from landlord.core.child import observe
from landlord.core.release.ledger import Ledger, Runner, Stage
from landlord.reconcilers.outcome import Outcome
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.world import World
from landlord.runtime.lanes import Lane
from landlord.runtime.queue import WorkQueue
from landlord.runtime.release_sight import ReleaseSight
from landlord.runtime.releases import Releases, Ties
from landlord.runtime.settings import Settings
from landlord.runtime.workers import judge
from sandbox.programs import core_programs
from tests.fault_cluster import Crash
from tests.release_gateway import FaultyHelm, GatedCluster, HelmFault

Object = dict[str, Any]

REAL_WAIT = timedelta(seconds=1)
"""So long a wait is really waited for; longer ones are skipped unless workloads are waited for."""
MOST_PASSES = 150
PATIENCE = 120.0
"""Seconds of real time until rest."""


@dataclass(slots=True)
class Clock:
    """The time of day of one plan, which goes on while operators come and go."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        """Now."""
        return datetime.now(UTC) + self.ahead  # noqa: TID251 - the workloads live in real time


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the operator has in its caches besides the release itself."""

    ref: Ref
    tenant: Object
    environment: Object
    namespace: Object


class Counts:
    """Counts nothing."""

    def judged(self, environment: str, verdict: str, reason: str) -> None:
        """An attempt came to its end."""

    def corrected(self, kind: str, action: str) -> None:
        """An object that had drifted was put right."""

    def rolled_back(self, environment: str, reason: str, seconds: float) -> None:
        """A rollback has succeeded."""


class Bell(ReleaseSight):
    """Rings when a pass is to come."""

    def __init__(self, world: World, bodies: Bodies) -> None:
        super().__init__(world, bodies, WorkQueue(tenant_of=str))
        self.rung = asyncio.Event()

    def wake(self, ref: Ref, lane: Lane = Lane.DRIFT) -> None:
        """Let a pass come."""
        self.rung.set()


@dataclass(slots=True)
class Life:
    """One operator process, from its start to its death, or until it has nothing to do."""

    cluster: GatedCluster
    around: Surroundings
    clock: Clock
    folder: Path
    flags: Mapping[str, Any]
    helm_fault: HelmFault | None = None
    knows_the_dead: bool = True
    """Whether it can prove that the process before it is gone."""
    holder: str = "process"
    passes: list[str] = field(default_factory=list)
    ledgers: list[Ledger] = field(default_factory=list)
    helm: FaultyHelm = field(init=False)
    _bodies: Bodies = field(init=False)
    _bell: Bell = field(init=False)
    _releases: Releases = field(init=False)
    _pass: "asyncio.Future[Outcome] | None" = None
    _is_stopping: bool = False

    def __post_init__(self) -> None:
        world, self._bodies = World(), Bodies()
        world.put_tenant(self.around.tenant)
        world.put_environment(self.around.environment)
        world.upsert(observe("Namespace", self.around.namespace))
        self._bell = Bell(world, self._bodies)
        settings = Settings(helm=str(core_programs()["helm"]), state_dir=self.folder, **self.flags)
        ties = Ties(self.holder, self._bell, _hush, Counts(), self.clock)
        self._releases = Releases(settings, self.cluster, world, self._bodies, ties)
        self.helm = self.cluster.put(self._releases.helm, self.helm_fault)
        self.helm.on_stop, self.helm.about = self._stop, self._about
        setattr(self._releases.reconciler, "_is_gone", self._is_gone)  # noqa: B010 - there is no other process here

    async def until_quiet(self) -> bool:
        """Work until nothing is left to be done; False when the process died, or ended as it was asked to."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._releases.ledgers.load()
                await self._work()
        except Crash:
            self.passes.append("-- crash --")
            return False
        except TimeoutError:
            raise AssertionError(f"never comes to rest: {self.passes[-12:]}; {self._ledger}") from None
        finally:
            await self._bury()
        return not self._is_stopping

    async def _work(self) -> None:
        while await self._see() and not self._is_stopping:
            assert len(self.passes) < MOST_PASSES, f"never comes to rest: {self.passes[-12:]}; {self._ledger}"
            self._bell.rung.clear()
            ending = await self._one_pass()
            self.passes.append(f"{ending.why if isinstance(ending, LandlordFailure) else ending}")
            self.ledgers.append(self._ledger)
            again = judge(ending)
            after = timedelta(seconds=again.after or 1) if again.after or again.backoff else None
            if isinstance(ending, Outcome) and self._is_settled(ending):
                return
            await self._wait(after)

    async def _one_pass(self) -> Outcome | LandlordFailure | asyncio.CancelledError:
        """A pass as a task of its own, as the workers make it."""
        self._pass = asyncio.ensure_future(self._releases.reconciler.reconcile(self.around.ref))
        try:
            return await self._pass
        except LandlordFailure as failure:
            return failure
        except asyncio.CancelledError as cancelled:
            if not self._is_stopping:
                raise
            return cancelled

    async def _see(self) -> bool:
        """Take in the release as it is; whether there is one."""
        ref = self.around.ref
        live = await self.cluster.get(APPRELEASES, ref.name, ref.namespace)
        if live is not None:
            self._bodies.put(live)
        return live is not None

    async def _wait(self, after: timedelta | None) -> None:
        """Wait for news of workloads, or skip the time until the next pass."""
        if after is None or self._waits_for_workloads or after <= REAL_WAIT:
            seconds = min(after or REAL_WAIT, REAL_WAIT).total_seconds()
            try:
                async with asyncio.timeout(seconds):
                    await self._bell.rung.wait()
            except TimeoutError:
                return
            return
        self.clock.ahead += after

    @property
    def _waits_for_workloads(self) -> bool:
        ledger = self._ledger
        if ledger.intent is not None:
            return False
        if ledger.recovering:
            return ledger.recovering_since is None
        return ledger.attempt is not None and ledger.attempt.stage is Stage.VERIFYING

    def _is_settled(self, outcome: Outcome) -> bool:
        """Whether what comes next is a periodic look."""
        ledger = self._ledger
        if ledger.attempt or ledger.intent or ledger.recovering or ledger.pause:
            return False
        return outcome.requeue_after is None or outcome.requeue_after > timedelta(seconds=60)

    @property
    def _ledger(self) -> Ledger:
        return self._releases.ledgers.of(self.around.ref)

    def _about(self) -> tuple[tuple[str, int], int]:
        attempt, proven = self._ledger.attempt, self._ledger.proven
        about = (attempt.desired.key, attempt.ordinal) if attempt else ("", 0)
        return about, proven.revision if proven else 0

    def _is_gone(self, runner: Runner) -> bool:
        return self.knows_the_dead

    async def _stop(self) -> None:
        """What `landlord run` does on SIGTERM when passes do not end in time."""
        self._is_stopping = True
        if self._pass is not None:
            self._pass.cancel()
        await self._releases.helm.stop(timedelta(seconds=10))

    async def _bury(self) -> None:
        """What the kernel does for a dead process; one that was asked to stop may say its last words first."""
        if self.cluster.crashed:
            setattr(self._releases, "_note_bakes", _say_nothing)  # noqa: B010 - the dead write nothing down
        if self._pass is not None and not self._pass.done():
            self._pass.cancel()
            await asyncio.wait({self._pass})
        await self._releases.close()
        self.cluster.crashed = True


async def _say_nothing() -> None:
    """No last words."""


def _hush(body: Mapping[str, Any], reason: str, note: str, *, warning: bool = False) -> None:
    """Announce nothing."""
