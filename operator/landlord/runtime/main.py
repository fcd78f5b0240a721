"""Wiring: every part of the operator is made, connected and started here, and nowhere else."""

import asyncio
import contextlib
import gc
import logging
import resource
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import uvloop

from landlord import __version__
from landlord.api import names
from landlord.api.failures import LandlordFailure, Refused
from landlord.api.refs import APPRELEASES, CHILDREN, ENVIRONMENTS, EVENTS, TENANTS, Ref
from landlord.clients.cluster import Cluster
from landlord.reconcilers.environment import EnvironmentReconciler
from landlord.reconcilers.outcome import Reconcile
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.tenant import TenantReconciler
from landlord.reconcilers.world import World
from landlord.runtime import exits, leader
from landlord.runtime.definitions import Definitions
from landlord.runtime.door import Door
from landlord.runtime.guards import Guards
from landlord.runtime.informer import Informer
from landlord.runtime.lease import Lease, Terms
from landlord.runtime.queue import WorkQueue
from landlord.runtime.release_sight import ReleaseSight
from landlord.runtime.releases import Releases, Ties
from landlord.runtime.server import Server
from landlord.runtime.settings import Settings
from landlord.runtime.sight import Children, Sight
from landlord.runtime.snapshot import snapshot
from landlord.runtime.stopping import Stop, drain, end_tasks
from landlord.runtime.watchdog import Watchdog
from landlord.runtime.workers import Clean, Workers
from landlord.telemetry.events import Recorder, Subject
from landlord.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

MOST_FILES: Final = 65536
LEDGERS_RETRY_SECONDS: Final = 2.0
LAST_WORDS_SECONDS: Final = 3.0
"""How long Events may still be written on the way out; the Lease is given back after."""
USER_AGENT: Final = f"landlord/{__version__}"


def serve(settings: Settings) -> int:
    """Run the operator until it is told to stop; its exit code."""
    # Passes make few cycles; looking for them at the default pace takes 7 % of the CPU of a burst.
    gc.set_threshold(50_000, 20, 50)
    _raise_file_limit()
    try:
        return uvloop.run(_run(settings))
    except Refused as refusal:
        _log.error("%s", refusal.why)
        return exits.BAD_SETTINGS


def _raise_file_limit() -> None:
    """Each watch is a connection, and many releases at work need many of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@dataclass(frozen=True, slots=True)
class _Written:
    """Events through the cluster."""

    cluster: Cluster

    async def create(self, event: dict[str, Any]) -> None:
        await self.cluster.create(EVENTS, event)

    async def patch(self, name: str, namespace: str, patch: dict[str, Any]) -> None:
        await self.cluster.merge(EVENTS, name, patch, namespace)


class Operator:
    """All parts of one process. ``free`` may always talk to the cluster, ``fenced`` writes only while leading."""

    def __init__(self, settings: Settings, metrics: Metrics, free: Cluster, fenced: Cluster, lease: Lease) -> None:
        self.settings = settings
        self.metrics = metrics
        self.lease = lease
        self.stop = Stop()
        self.world = World()
        self.tenants = self._queue(TENANTS.kind, lambda ref: ref.name)
        self.environments = self._queue(ENVIRONMENTS.kind, lambda _: "")
        self.bodies = Bodies()
        self.appreleases = self._queue(
            APPRELEASES.kind,
            lambda ref: ref.namespace or "",
            share=max(2, settings.workers_release // 4),
            owner_of=self._tenant_of,
        )
        self.release_sight = ReleaseSight(self.world, self.bodies, self.appreleases)
        self.sight = Sight(self.world, self.tenants, self.environments, self.release_sight)
        self.door = Door(free, (TENANTS, ENVIRONMENTS, APPRELEASES), self.sight.on_event)
        self.informers = [self._informer(free, kind) for kind in CHILDREN]
        self.watchdog = Watchdog(free, self.door, self.informers, metrics)
        self.guards = Guards(fenced)
        self.definitions = Definitions(free, metrics)
        self.events = Recorder(
            _Written(fenced),
            metrics,
            instance=lease.identity,
            clock=time.monotonic,
            is_busy=lambda: len(self.tenants) + self.tenants.running > 1,
        )
        ties = Ties(lease.identity, self.release_sight, self._announce, metrics, _clock)
        self.releases = Releases(settings, fenced, self.world, self.bodies, ties)
        self.workers = self._workers(fenced)
        self._parts: list[asyncio.Task[None]] = []
        metrics.watch_queues(
            {
                TENANTS.kind: self.tenants,
                ENVIRONMENTS.kind: self.environments,
                APPRELEASES.kind: self.appreleases,
            }
        )
        metrics.watch_helm(self.releases.pool)
        metrics.watch_objects(lambda: snapshot(self.world, self.bodies))

    async def run(self) -> int:
        """Watch, wait for the Lease, work, and stop when asked; the exit code."""
        self.stop.listen()
        await self.releases.check()
        async with Server(
            self.settings.address,
            unhealthy=self.watchdog.problems,
            unready=self._unready,
            scrape=self.metrics.expose,
            remarks=self.definitions.remarks,
        ):
            self._start_watching()
            working = asyncio.ensure_future(self._lead())
            asked = asyncio.ensure_future(self.stop.asked.wait())
            done, _ = await asyncio.wait({working, asked, *self._parts}, return_when=asyncio.FIRST_COMPLETED)
            return await self._leave(working, asked in done, [part for part in self._parts if part in done])

    def _start_watching(self) -> None:
        """Before kopf, because kopf cancels at its end whatever was started after it."""
        for informer in self.informers:
            self._part(informer.run(), f"informer of {informer.resource.plural}")
        self._part(self.watchdog.measure_lag(), "loop lag")
        self._part(self.watchdog.run(), "watchdog")
        self._part(self.definitions.run(), "definitions")
        self._part(self.events.run(), "events")
        self._part(self.releases.prober.run(), "prober")
        self._part(self.door.run(self.stop.listen), "kopf")

    async def _lead(self) -> None:
        """Passes begin when all is seen, the Lease is ours and the guards are in force; ends when queues are closed."""
        await self.watchdog.until_complete()
        await self.lease.acquire()
        self.metrics.led(leading=True)
        self._part(leader.keep(self.lease, self._cancel_passes), "lease")
        await self.guards.until_in_force()
        await self._read_ledgers()
        self.sight.open()
        _log.info("Serving %d tenants in %d environments.", len(self.world.tenants), len(self.world.environments))
        await asyncio.gather(*(workers.run() for workers in self.workers))

    async def _read_ledgers(self) -> None:
        """Until they are read nobody knows what was rejected, so nothing is deployed."""
        while True:
            try:
                return await self.releases.ledgers.load()
            except LandlordFailure as failure:
                _log.warning("The ledgers of releases cannot be read yet: %s", failure.why)
                await asyncio.sleep(LEDGERS_RETRY_SECONDS)

    async def _leave(self, working: "asyncio.Task[None]", asked: bool, dead: list["asyncio.Task[None]"]) -> int:
        for part in dead:
            error = None if part.cancelled() else part.exception()
            _log.critical("Part %s has ended and must not: %s", part.get_name(), error or "no reason", exc_info=error)
        if working.done() and not working.cancelled() and (error := working.exception()):
            _log.critical("Leading failed by a bug.", exc_info=error)
        queues = (self.tenants, self.environments, self.appreleases)
        await drain(queues, {working} if self.sight.is_open else (), self._cancel_passes, self._drain_seconds)
        working.cancel()
        await self.releases.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self.events.flush()
        await self.lease.release()
        self.metrics.led(leading=False)
        return exits.CLEAN if asked else exits.CRASHED

    @property
    def _drain_seconds(self) -> float:
        return self.settings.drain.total_seconds()

    def _unready(self) -> list[str]:
        unseen = self.watchdog.unready()
        return unseen + ([self.guards.problem] if self.guards.problem else [])

    def _cancel_passes(self) -> int:
        return sum(workers.cancel() for workers in self.workers)

    def _part(self, run: Coroutine[Any, Any, None], name: str) -> None:
        self._parts.append(asyncio.create_task(run, name=name))

    def _queue(self, kind: str, tenant_of: Callable[[Ref], str], **bounds: Any) -> WorkQueue[Ref]:
        return WorkQueue(tenant_of=tenant_of, gauges=self.metrics.queue(kind), **bounds)

    def _tenant_of(self, namespace: str) -> str:
        """Whose the namespace is; its own name where it is nobody's."""
        home = self.world.namespace(namespace)
        return home.tenant if home is not None else namespace

    def _informer(self, cluster: Cluster, kind: Any) -> Informer:
        return Informer(
            cluster,
            kind,
            Children(kind.kind, self.world, self.sight),
            selector=names.LABEL_TENANT,
            resync=self.settings.resync,
            listener=self.metrics.watch(kind.kind, time.time),
        )

    def _workers(self, cluster: Cluster) -> list[Workers]:
        tenant = TenantReconciler(
            cluster,
            self.world,
            self.settings.platform,
            clock=_clock,
            announce=self._announce,
            corrected=self.metrics.corrected,
        )
        environment = EnvironmentReconciler(cluster, self.world, self.bodies, clock=_clock)
        return [
            self._crew(TENANTS.kind, self.tenants, tenant.reconcile, self.settings.workers_tenant),
            self._crew(
                APPRELEASES.kind,
                self.appreleases,
                self.releases.reconciler.reconcile,
                self.settings.workers_release,
                self.releases.hidden.clean,
            ),
            self._crew(ENVIRONMENTS.kind, self.environments, environment.reconcile, self.settings.workers_environment),
        ]

    def _crew(
        self, kind: str, queue: WorkQueue[Ref], reconcile: Reconcile, count: int, clean: Clean | None = None
    ) -> Workers:
        leading = self.lease.valid
        return Workers(kind, queue, reconcile, count=count, counts=self.metrics, leading=leading, clean=clean)

    def _announce(self, body: Mapping[str, Any], reason: str, note: str, *, warning: bool = False) -> None:
        self.events.record(Subject.of(body), "Warning" if warning else "Normal", reason, note)


def _clock() -> datetime:
    """The time of day; the runtime alone reads it."""
    return datetime.now(UTC)  # noqa: TID251 - this is where it is read


async def _run(settings: Settings) -> int:
    metrics = Metrics()
    options: dict[str, Any] = {
        "user_agent": USER_AGENT,
        "observe": metrics.requested,
        "seconds": settings.api_timeout.total_seconds(),
        "parallel": settings.api_parallel,
    }
    async with await Cluster.connect(settings.kubeconfig, settings.context, **options) as free:
        terms = Terms(
            settings.namespace,
            settings.lease_name,
            settings.lease_duration,
            settings.lease_renew_deadline,
            settings.lease_retry_period,
        )
        lease = Lease(free, terms)
        connecting = Cluster.connect(settings.kubeconfig, settings.context, fence=lease.seconds_left, **options)
        async with await connecting as fenced:
            code = await Operator(settings, metrics, free, fenced, lease).run()
            await end_tasks(code)
            return code
