"""The hooks of a run of Helm: what they wait for while it runs, and who is to blame when they never end.

Helm waits for a hook until its time is over, and then says no more than that. So while it runs, the Jobs and Pods of
its hooks are looked at now and then, by the same rules as workloads. A hook that can never start ends an install or
upgrade at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any, Final

from landlord.api.failures import HelmTrouble, LandlordFailure
from landlord.api.refs import JOBS, PODS
from landlord.clients.cluster import Cluster, Object
from landlord.clients.helm.storage import Revisions
from landlord.core.health import readiness
from landlord.core.health.belongings import is_since, owned
from landlord.core.health.signs import WEIGHTS, Readiness, Sign, State, Weight
from landlord.core.release.ledger import Ended, Intent, Operation
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.inventory import Eyes
from landlord.reconcilers.release.observation import reason_for

FIRST: Final = timedelta(seconds=4)
"""Most runs of Helm are over by then, and nothing was looked at."""
EVERY: Final = timedelta(seconds=5)
PATIENCE: Final = 5.0
"""Seconds for which a look that has begun is waited for, once Helm has ended."""

_LOG: Final = logging.getLogger(__name__)
_EVENTS: Final = {
    Operation.DEPLOY: frozenset({"pre-install", "post-install", "pre-upgrade", "post-upgrade"}),
    Operation.ROLLBACK: frozenset({"pre-rollback", "post-rollback"}),
    Operation.UNINSTALL: frozenset({"pre-delete", "post-delete"}),
    Operation.TEST: frozenset({"test", "test-success"}),
}
_KINDS: Final = {"Job": JOBS, "Pod": PODS}
_BY_HOOKS: Final = frozenset({HelmTrouble.HOOK_FAILED, HelmTrouble.HOOK_TIMEOUT, HelmTrouble.TEST_FAILED})
_PLAIN: Final = frozenset({Sign.NONE, Sign.NOT_READY, Sign.JOB_FAILED, Sign.OBJECT_FAILED})
"""Signs that say no more than Helm itself does."""

Tell = Callable[[str], Awaitable[None]]


def named(hooks: Sequence[Mapping[str, Any]], operation: Operation) -> tuple[tuple[str, str], ...]:
    """Kind and name of the hooks, as a stored revision has them, that run in this operation and have pods."""
    return tuple(
        (str(hook["kind"]), str(hook.get("name", "")))
        for hook in hooks
        if hook.get("kind") in _KINDS and _EVENTS[operation] & {str(each).lower() for each in hook.get("events") or ()}
    )


@dataclass(frozen=True, slots=True)
class Glance:
    """One look at the hooks that are there. ``has_pods`` is whether pods could speak for them."""

    readiness: Readiness
    has_pods: bool


Look = Callable[[datetime], Awaitable[Glance | None]]


class Hooks:
    """Looks at the hooks of one run of Helm, as the deployer."""

    def __init__(self, cluster: Cluster, eyes: Eyes, case: Case, intent: Intent, *, is_first: bool) -> None:
        self._acting = cluster.acting_as(case.deployer)
        self._eyes, self._case, self._intent, self._is_first = eyes, case, intent, is_first
        self._named: tuple[tuple[str, str], ...] | None = None

    async def look(self, now: datetime) -> Glance | None:
        """How the hooks fare that this run has made; None when there is none, or none can be seen."""
        try:
            made = await self._made()
            return await self._judged(made, now) if made else None
        except LandlordFailure:
            return None  # it is looked at again, and Helm has its say

    async def _made(self) -> list[Object]:
        if self._named is None:
            self._named = await self._wanted()
        namespace = self._case.namespace
        found = [await self._acting.get(_KINDS[kind], name, namespace) for kind, name in self._named or ()]
        return [obj for obj in found if obj is not None and is_since(obj, self._intent.at)]

    async def _wanted(self) -> tuple[tuple[str, str], ...] | None:
        """What the revision names that Helm works on, once it has stored it."""
        operation, base = self._intent.operation, self._intent.base
        number = base + 1 if operation in (Operation.DEPLOY, Operation.ROLLBACK) else base
        stored = await Revisions(self._acting).read(self._case.namespace, self._case.release_name, number)
        return None if stored is None else named(stored.hooks, operation)

    async def _judged(self, made: Sequence[Object], now: datetime) -> Glance:
        every = await self._eyes.every(self._case.namespace, PODS)
        pods = [dict(pod) for hook in made for pod in ([hook] if hook.get("kind") == "Pod" else owned(hook, every))]
        found = readiness.judge(
            made,
            pods,
            (),
            started=self._intent.at,
            now=now,
            deadline=self._intent.until,
            is_first=self._is_first,
            events=await self._eyes.warnings(self._case.namespace, [*made, *pods]),
        )
        return Glance(found, bool(pods))


class Attendance:
    """Stays with one run of Helm and its hooks. ``tell`` gets a sentence for people with every look that shows any."""

    def __init__(
        self,
        look: Look,
        intent: Intent,
        clock: Callable[[], datetime],
        tell: Tell,
        *,
        first: timedelta = FIRST,
        every: timedelta = EVERY,
    ) -> None:
        self._look, self._intent, self._clock, self._tell = look, intent, clock, tell
        self._pauses = chain([first], repeat(every))
        self._last: Glance | None = None
        self._hopeless: Readiness | None = None

    async def over(self, run: Coroutine[Any, Any, Ended]) -> Ended:
        """How the run ended, with what its hooks show; who cancels this cancels the run, and waits for its end."""
        running = asyncio.ensure_future(run)
        watching = asyncio.ensure_future(self._watch(running))
        try:
            ended = await running
        except asyncio.CancelledError:
            if self._hopeless is None or _is_cancelled():
                raise
            ended = Ended(self._intent.operation, HelmTrouble.HOOK_FAILED, self._hopeless.why)
        finally:
            await _left(watching)
        return await self._explained(ended)

    async def _watch(self, running: "asyncio.Future[Ended]") -> None:
        for pause in self._pauses:
            done, _ = await asyncio.wait({running}, timeout=pause.total_seconds())
            if done:
                return
            self._last = await self._look(self._clock()) or self._last
            if self._last is None or running.done():
                continue
            found = self._last.readiness
            if found.state is not State.READY:
                await self._told(f"A hook is waited for: {found.why}")
            if self._intent.operation is Operation.DEPLOY and _is_hopeless(found):
                self._hopeless = found
                running.cancel()
                return

    async def _told(self, why: str) -> None:
        try:
            await self._tell(why)
        except LandlordFailure:
            return  # told with the next look

    async def _explained(self, ended: Ended) -> Ended:
        """The end with what the hooks show of its cause; a Job that failed by its own deadline has lost its pods."""
        is_late = ended.trouble is HelmTrouble.KILLED and self._clock() >= self._intent.until
        if self._hopeless is not None or (ended.trouble not in _BY_HOOKS and not is_late):
            return ended
        last, glance = self._last, await self._look(self._clock())
        if glance is None or (last is not None and last.has_pods and not glance.has_pods):
            glance = last
        if glance is None or glance.readiness.reason in _PLAIN:
            return ended
        found = glance.readiness
        excuse = reason_for(found.reason).value if found.is_excused else ""
        return replace(ended, why=f"{ended.why} {found.why}", excuse=excuse)


def _is_hopeless(found: Readiness) -> bool:
    """Whether Helm would wait in vain: the hook's container can never start."""
    return found.state is State.GUILTY and WEIGHTS.get(found.reason) is Weight.CONDEMNS


def _is_cancelled() -> bool:
    """Whether somebody wants this very task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _left(watching: "asyncio.Future[None]") -> None:
    done, _ = await asyncio.wait({watching}, timeout=PATIENCE)
    if not done:
        watching.cancel()
        await asyncio.wait({watching})
    if not watching.cancelled() and (error := watching.exception()):
        _LOG.error("The hooks of a release could not be looked at.", exc_info=error)
