"""Helm at work for a release: what an intent says is run, and how it ended is told."""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from landlord.api.failures import Forbidden, HelmFailed, HelmTrouble, LandlordFailure, Missing, SpecFault
from landlord.api.refs import JOBS, Ref, Resource
from landlord.api.releases import RevisionMeta
from landlord.clients.cluster import Cluster
from landlord.clients.helm.client import Helm
from landlord.clients.helm.pool import Pool
from landlord.clients.helm.storage import Revisions
from landlord.core.release.history import MARK, UNTIL
from landlord.core.release.ledger import Attempt, Ended, Intent, Ledger, Operation
from landlord.core.release.rendered import Rendered
from landlord.reconcilers.release import stuck
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.hidden import Hidden
from landlord.reconcilers.release.inventory import Inventory
from landlord.reconcilers.release.layers import Layers, NotPrepared
from landlord.reconcilers.release.observation import Observation
from landlord.reconcilers.release.preparation import Package, Preparation


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run, and with what."""

    case: Case
    ledger: Ledger
    intent: Intent
    layers: Layers | None
    newest: RevisionMeta | None

    @property
    def attempt(self) -> Attempt | None:
        """The attempt it is for."""
        return self.ledger.attempt


class Operations:
    """Runs Helm, as the deployer, within the pool's bounds."""

    def __init__(
        self,
        cluster: Cluster,
        helm: Helm,
        pool: Pool,
        preparation: Preparation,
        observation: Observation,
        hidden: Hidden,
    ) -> None:
        self._cluster = cluster
        self._helm = helm
        self._pool = pool
        self._preparation = preparation
        self._observation = observation
        self._hidden = hidden

    def slot(self, case: Case, operation: Operation) -> AbstractContextManager[bool]:
        """A place among the Helm processes that may run at once, to be held before the intent is written.

        False when there is none: the release stands in line, and is woken when its turn comes.
        """
        return self._pool.slot(case.ref, case.tenant or case.namespace, urgent=operation is Operation.ROLLBACK)

    def step_out(self, ref: Ref) -> None:
        """The release wants no place any more."""
        self._pool.withdraw(ref)

    async def run(self, order: Order) -> Ended:
        """Run it to its end; expected bad news is a value."""
        operation = order.intent.operation
        try:
            await self._act(order)
        except HelmFailed as failed:
            return Ended(operation, failed.trouble, failed.why)
        except NotPrepared as stop:
            trouble = HelmTrouble.FORBIDDEN if stop.is_final else HelmTrouble.OUTAGE
            return Ended(operation, trouble, stop.why)
        except (Forbidden, SpecFault) as refused:
            return Ended(operation, HelmTrouble.FORBIDDEN, str(refused))
        except LandlordFailure as failure:
            return Ended(operation, HelmTrouble.OUTAGE, failure.why)
        return Ended(operation)

    async def tidy(self, case: Case, history: Sequence[RevisionMeta], number: int) -> None:
        """After a deploy over failed revisions: remove what those had made and this one lacks; Helm never does."""

        async def read(revision: int) -> Inventory | None:
            found = await self._observation.stored(case, revision)
            return found[1] if found else None

        eyes = self._observation.eyes
        await stuck.tidy(self._cluster, eyes, case.release_name, history, number, read)

    async def _act(self, order: Order) -> None:
        case, secrets = order.case, self._hidden.of(order.case.ref)
        limit = order.intent.until - order.intent.at
        match order.intent.operation:
            case Operation.DEPLOY:
                await self._deploy(order)
            case Operation.ROLLBACK:
                number = order.intent.target
                await self._helm.rollback(
                    case.release_name,
                    case.namespace,
                    number,
                    timeout=limit,
                    apply_method=await self._apply_method(case, number),
                    description="Rolled back by Landlord",
                    secrets=secrets,
                )
            case Operation.UNINSTALL:
                await self._helm.uninstall(case.release_name, case.namespace, timeout=limit, secrets=secrets)
            case Operation.TEST:
                await self._helm.test(case.release_name, case.namespace, timeout=limit, secrets=secrets)

    async def _deploy(self, order: Order) -> None:
        case, attempt = order.case, order.attempt
        if attempt is None or order.layers is None or case.release is None:
            return
        package = await self._preparation.package(case, order.ledger, attempt.desired, order.layers)
        await self._make_way(case, package, order.newest)
        await self._helm.deploy(
            package.chart,
            case.release_name,
            case.namespace,
            package.layers.values,
            timeout=order.intent.until - order.intent.at,
            labels={MARK: order.intent.mark, UNTIL: str(math.ceil(order.intent.until.timestamp()))},
            description=f"Landlord: chart {attempt.desired.chart_version}",
            apply_method=await self._apply_method(case, order.newest.number if order.newest else 0),
            take_ownership=case.release.spec.upgrade.take_ownership,
            secrets=self._hidden.of(case.ref),
        )

    async def _apply_method(self, case: Case, number: int) -> str:
        found = await self._observation.stored(case, number) if number else None
        return found[0].apply_method if found else ""

    async def _make_way(self, case: Case, package: Package, newest: RevisionMeta | None) -> None:
        """Delete Jobs that would change, where the spec says so: a Job's template cannot be changed in place."""
        if case.release is None or not case.release.spec.upgrade.recreate or newest is None:
            return
        stored = await self._observation.stored(case, newest.number)
        before = (
            {item.entry.name: item.manifest for item in stored[1].items if item.entry.kind == "Job"} if stored else {}
        )
        for name in changed_jobs(before, package.rendered):
            await self._delete(case, JOBS, name)

    async def _delete(self, case: Case, resource: Resource, name: str) -> None:
        acting = self._cluster.acting_as(case.deployer)
        found = await acting.get(resource, name, case.namespace)
        if found is not None:
            await acting.delete(resource, name, case.namespace, uid=str(found["metadata"]["uid"]))


def changed_jobs(before: Mapping[str, Mapping[str, Any]], wanted: Sequence[Rendered]) -> list[str]:
    """Names of plain Jobs whose spec is other than that of the stored manifest; hooks Helm replaces itself."""
    jobs = [each for each in wanted if each.kind == "Job" and not each.is_hook]
    return [each.name for each in jobs if each.name in before and before[each.name].get("spec") != each.obj.get("spec")]


async def mark_failed(cluster: Cluster, case: Case, number: int) -> None:
    """Take the lock of a Helm process that is proven gone off."""
    why = "Ended before it had finished; marked as failed by Landlord."
    await Revisions(cluster.acting_as(case.deployer)).mark_failed(case.namespace, case.release_name, number, why)


async def supersede(cluster: Cluster, case: Case, numbers: Sequence[int]) -> None:
    """Let older revisions say that they are past, as Helm would have had it not been disturbed."""
    revisions = Revisions(cluster.acting_as(case.deployer))
    for number in numbers:
        await revisions.mark_superseded(case.namespace, case.release_name, number)


async def prune(cluster: Cluster, case: Case, history: Sequence[RevisionMeta], numbers: Sequence[int]) -> None:
    """Delete old revisions, each exactly as it was seen."""
    revisions = Revisions(cluster.acting_as(case.deployer))
    uids = {each.number: each.uid for each in history}
    for number in numbers:
        try:
            await revisions.delete(case.namespace, case.release_name, number, uids[number])
        except Missing:
            continue
