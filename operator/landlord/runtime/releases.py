"""Wiring of all that AppReleases need: Helm, charts, probes, watches of their objects, and their passes."""

import asyncio
import logging
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from landlord.api.failures import LandlordFailure, Refused
from landlord.clients.addresses import Allow
from landlord.clients.charts.client import Charts
from landlord.clients.charts.limits import Reach
from landlord.clients.cluster import Cluster
from landlord.clients.discovery import Discovery
from landlord.clients.expressions import Expressions
from landlord.clients.helm.client import Helm
from landlord.clients.helm.pool import Pool
from landlord.clients.helm.proc import ProcessHome, here, is_proven_gone, start_time
from landlord.clients.probes.cel import CelProbe
from landlord.clients.probes.endpoints import Endpoints
from landlord.clients.probes.http import HttpProbe
from landlord.clients.probes.prometheus import Prometheus, PrometheusProbe
from landlord.core.release.ledger import Runner
from landlord.reconcilers.apprelease import AppReleaseReconciler
from landlord.reconcilers.record import Announce
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.release.gathering import Parts
from landlord.reconcilers.release.hidden import Hidden
from landlord.reconcilers.release.ledgers import Ledgers
from landlord.reconcilers.release.observation import Observation
from landlord.reconcilers.release.operations import Operations
from landlord.reconcilers.release.policies import Policies
from landlord.reconcilers.release.preparation import Preparation
from landlord.reconcilers.release.probing import Prober
from landlord.reconcilers.release.resting import Resting
from landlord.reconcilers.release.sources import Sources, watcher_of
from landlord.reconcilers.release.telling import Counts, Teller
from landlord.reconcilers.world import World
from landlord.runtime.release_sight import ReleaseSight
from landlord.runtime.scopes import Scopes
from landlord.runtime.settings import Settings

OLDEST_HELM: Final = (4, 2, 4)
"""Older ones lack flags, or leave revisions half written: what they would fail at is no fault of the releases."""
HELM_ENDS_WITHIN: Final = timedelta(seconds=10)
NOTED_WITHIN_SECONDS: Final = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ties:
    """What ties releases to the rest of the process."""

    holder: str
    """This process, by the identity under which it holds the Lease."""
    sight: ReleaseSight
    announce: Announce
    counts: Counts
    clock: Callable[[], datetime]


class Releases:
    """Everything about AppReleases in one process; ``reconciler`` makes the passes. ``close`` ends it."""

    def __init__(self, settings: Settings, cluster: Cluster, world: World, bodies: Bodies, ties: Ties) -> None:
        wake, clock = ties.sight.wake, ties.clock
        folder = own_folder(settings.state_dir)
        self.helm = Helm(program(settings.helm), cluster.identity, folder / "helm")
        self.charts = Charts(folder / "charts", reach=_reach(settings, cluster))
        self.discovery = Discovery(cluster)
        self.scopes = Scopes(cluster, lambda ref: wake(watcher_of(ref)) if sources.is_news(ref) else None)
        sources = Sources(self.scopes)
        self._expressions = Expressions()
        self._http = _http(settings, cluster, self._expressions)
        self._promql = PrometheusProbe(_prometheus(settings))
        cel = CelProbe(cluster, self.discovery, self._expressions)
        self.prober = Prober(http=self._http, promql=self._promql, cel=cel, on_sample=wake, now=clock)
        self.ledgers = Ledgers(cluster, settings.namespace)
        self.hidden = Hidden()
        policies = Policies(world, settings.platform)
        preparation = Preparation(cluster, self.charts, self.helm, self.discovery, policies, self.prober, self.hidden)
        self._observation = observation = Observation(cluster, self.discovery, self.scopes, self.prober)
        self.pool = Pool(settings.helm_slots, max(1, settings.helm_slots // 2), wake=wake)
        operations = Operations(cluster, self.helm, self.pool, preparation, observation, self.hidden)
        teller = Teller(cluster, bodies, ties.announce, ties.counts, self.hidden, ties.sight.told)
        resting = Resting(cluster, observation, ties.counts.corrected)
        parts = Parts(self.ledgers, preparation, observation, operations, resting, teller, self.hidden, sources)
        self.reconciler = AppReleaseReconciler(
            cluster, world, bodies, parts, runner=myself(ties.holder), is_gone=is_gone, clock=clock
        )

    async def check(self) -> None:
        """Raise ``Refused`` unless Helm can be run and is one that knows what it will be told."""
        check_version(await self.helm.version())

    async def close(self) -> None:
        """End what can be ended, and wait a little for what must not be; write down what the next process must know."""
        await self._note_bakes()
        await self.helm.stop(HELM_ENDS_WITHIN)
        await self.scopes.close()
        await self.charts.close()
        await self._http.close()
        await self._promql.close()
        await self._expressions.close()

    async def _note_bakes(self) -> None:
        """Bakes go on where they stood, instead of anew; for this no release is waited for long."""
        try:
            async with asyncio.timeout(NOTED_WITHIN_SECONDS):
                for ref, ledger in self._observation.last_words(self.ledgers.readable).items():
                    await self.ledgers.write(ref, self.hidden.cleaned(ref, ledger))
        except (LandlordFailure, TimeoutError) as failure:
            _log.warning("Not all bakes are written down, so some will begin anew: %s", failure or "no time left")


def myself(holder: str) -> Runner:
    """Who runs Helm here, told so that a later process can prove this one gone."""
    home = here()
    pid = os.getpid()
    pod = os.environ.get("HOSTNAME", "")
    return Runner(holder, pod, home.boot_id, home.pid_namespace, pid, start_time(pid) or 0)


def is_gone(runner: Runner) -> bool:
    """Whether that operator process is proven gone, and with it every Helm it had started: they die with it."""
    return is_proven_gone(runner.parent, runner.parent_started, ProcessHome(runner.boot, runner.pid_namespace))


def program(name: str) -> Path:
    """The program of that name or path; raises ``Refused`` when there is none."""
    found = shutil.which(name)
    if found is None:
        raise Refused(f"There is no program {name}; install Helm 4.2.4 or later, or say --helm.")
    return Path(found)


def check_version(version: str) -> None:
    """Raise ``Refused`` for a Helm older than ``OLDEST_HELM``, and for what is none."""
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    if found and tuple(int(each or 0) for each in found.groups()) >= OLDEST_HELM:
        return
    oldest = ".".join(map(str, OLDEST_HELM))
    raise Refused(f"--helm: version {version[:60]!r} is too old; install Helm {oldest} or later.")


def own_folder(folder: Path) -> Path:
    """A folder that is ours alone; raises ``Refused`` when it is, or is beneath, somebody else's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        seen = folder.stat(follow_symlinks=False)
        if seen.st_uid != os.getuid():
            raise Refused(f"{folder} belongs to somebody else; say another --state-dir.")
        folder.chmod(0o700)
    except OSError as error:
        raise Refused(f"{folder} cannot be used ({error.strerror}); say another --state-dir.") from error
    return folder


def _reach(settings: Settings, cluster: Cluster) -> Reach:
    allow = Allow.of(settings.reachable, denied=_api_server(cluster))
    return Reach(allow=allow, plain_http=settings.plain_http, stores=settings.download_hosts)


def _http(settings: Settings, cluster: Cluster, expressions: Expressions) -> HttpProbe:
    denied = _api_server(cluster)
    pods = Allow.of(settings.pod_networks, private=True, denied=denied)
    outside = Allow.of(settings.reachable, denied=denied)
    return HttpProbe(Endpoints(cluster), expressions, pods=pods, outside=outside, hosts=settings.check_hosts)


def _prometheus(settings: Settings) -> Prometheus | None:
    if settings.prometheus is None:
        return None
    file = settings.prometheus_token_file
    if file is None:
        return Prometheus(settings.prometheus)
    return Prometheus(settings.prometheus, authorization=lambda: f"Bearer {file.read_text(encoding='utf-8').strip()}")


def _api_server(cluster: Cluster) -> Sequence[tuple[str, int | None]]:
    place = urlsplit(cluster.server)
    return [(place.hostname or "", place.port)]
