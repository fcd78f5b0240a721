"""Helm, as Landlord uses it: render, deploy, roll back, uninstall, test. Every failure is in words to act on."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from landlord.api.failures import HelmFailed, HelmTrouble, LandlordFailure, Refused, Transient
from landlord.api.releases import Chart
from landlord.clients.helm import command
from landlord.clients.helm.command import Capabilities, Release
from landlord.clients.helm.crds import Contents, look_into
from landlord.clients.helm.errors import failure
from landlord.clients.helm.kubeconfig import write_kubeconfig
from landlord.clients.helm.process import Ended, Ending, Limits, Started, nobody_asks, run
from landlord.clients.helm.redaction import Redaction
from landlord.clients.helm.values import document
from landlord.clients.identity import Identity

Identify = Callable[[], Awaitable[Identity]]
_CHARTS_REMEMBERED: Final = 512


@dataclass(frozen=True, slots=True)
class HelmSettings:
    """Bounds of every run."""

    qps: float = 50
    burst: int = 300
    render_time: timedelta = timedelta(seconds=60)
    grace: timedelta = timedelta(seconds=20)
    """Between a release's time-out and the end of its process, and between SIGTERM and SIGKILL."""
    render_bytes: int = 32 * 1024 * 1024
    stderr_bytes: int = 64 * 1024
    memory_bytes: int = 768 * 1024 * 1024


class Helm:
    """The Helm CLI. ``identity`` is asked before each run, so rotated tokens are seen; ``scratch`` is ours alone.

    ``timeout`` is Helm's own, for each hook; a run gets ``HelmSettings.grace`` more and is ended then. No failure's
    words hold one of ``secrets``. ``started`` is awaited with pid and start time before Helm's first instruction;
    if it raises, Helm never begins. A run whose task is cancelled is ended in the way it can bear, and awaited.
    """

    def __init__(self, binary: Path, identity: Identify, scratch: Path, settings: HelmSettings | None = None) -> None:
        # Helm runs in another folder than we do.
        self._binary = binary.absolute()
        self._scratch = scratch.absolute()
        self._identity = identity
        self._settings = settings or HelmSettings()
        self._looked: dict[str, Contents] = {}
        self._running: set[asyncio.Future[None]] = set()
        self._stop = asyncio.Event()
        for folder in (self._scratch, self._scratch / "home", self._scratch / "tmp"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def version(self) -> str:
        """Such as ``v4.3.1``; raises ``Refused`` when the binary cannot be run."""
        limits = Limits(self._settings.render_time, self._settings.grace, stdout=64 * 1024)
        ended = await self._start(["version", "--template={{.Version}}"], b"", limits, Ending.KILL, nobody_asks)
        if ended.code:
            raise Refused(f"{self._binary} cannot be run: {ended.stderr.decode('utf-8', 'replace').strip()}")
        return ended.stdout.decode("utf-8", "replace").strip()

    async def render(
        self,
        chart: Chart,
        release: str,
        namespace: str,
        values: Mapping[str, Any],
        capabilities: Capabilities,
        *,
        upgrade: bool = False,
        secrets: Collection[str] = (),
    ) -> str:
        """The manifest, hooks included and CRDs not, without asking the cluster anything."""
        unchecked = (await self.contents(chart)).schema_asks_elsewhere
        named = Release(namespace, release)
        words = command.render(chart, named, capabilities, upgrade=upgrade, unchecked=unchecked)
        settings = self._settings
        limits = Limits(
            settings.render_time, settings.grace, settings.render_bytes, settings.stderr_bytes, settings.memory_bytes
        )
        ended = await self._start(words, document(values), limits, Ending.KILL, nobody_asks)
        _judge("render", ended, secrets)
        return ended.stdout.decode("utf-8", "replace")

    async def deploy(  # noqa: PLR0913 - one call of Helm, spelled out
        self,
        chart: Chart,
        release: str,
        namespace: str,
        values: Mapping[str, Any],
        *,
        timeout: timedelta,  # noqa: ASYNC109 - Helm's own
        labels: Mapping[str, str] | None = None,
        description: str = "",
        apply_method: str = "",
        take_ownership: bool = False,
        secrets: Collection[str] = (),
        started: Started = nobody_asks,
    ) -> None:
        """Install or upgrade; ``apply_method`` is the one of the newest stored revision, empty when there is none."""
        words = command.deploy(
            chart,
            Release(namespace, release),
            timeout=timeout,
            labels=labels or {},
            description=description,
            apply_method=apply_method,
            take_ownership=take_ownership,
            unchecked=(await self.contents(chart)).schema_asks_elsewhere,
        )
        ended = await self._act(words, timeout, Ending.TERMINATE, started, document(values))
        _judge("deploy", ended, secrets)

    async def rollback(  # noqa: PLR0913 - one call of Helm, spelled out
        self,
        release: str,
        namespace: str,
        revision: int,
        *,
        timeout: timedelta,  # noqa: ASYNC109 - Helm's own
        description: str = "",
        apply_method: str = "",
        no_hooks: bool = False,
        secrets: Collection[str] = (),
        started: Started = nobody_asks,
    ) -> None:
        """Go back to exactly this revision; ``apply_method`` is the target's."""
        words = command.rollback(
            Release(namespace, release),
            revision,
            timeout=timeout,
            description=description,
            apply_method=apply_method,
            no_hooks=no_hooks,
        )
        _judge("rollback", await self._act(words, timeout, Ending.WAIT, started), secrets)

    async def uninstall(
        self,
        release: str,
        namespace: str,
        *,
        timeout: timedelta,  # noqa: ASYNC109 - Helm's own
        no_hooks: bool = False,
        secrets: Collection[str] = (),
        started: Started = nobody_asks,
    ) -> None:
        """Remove the release and its history; one that is gone already is well, one half gone is finished."""
        words = command.uninstall(Release(namespace, release), timeout=timeout, no_hooks=no_hooks)
        wrong = failure("uninstall", await self._act(words, timeout, Ending.WAIT, started), Redaction(secrets))
        if wrong is not None and not _is_missing(wrong):
            raise wrong

    async def test(
        self,
        release: str,
        namespace: str,
        *,
        timeout: timedelta,  # noqa: ASYNC109 - Helm's own
        only: Sequence[str] = (),
        secrets: Collection[str] = (),
        started: Started = nobody_asks,
    ) -> None:
        """Run the release's tests; raises ``HelmFailed`` with ``TEST_FAILED`` when one fails or does not end."""
        words = command.test(Release(namespace, release), timeout=timeout, only=only)
        _judge("test", await self._act(words, timeout, Ending.WAIT, started), secrets)

    async def contents(self, chart: Chart) -> Contents:
        """The CRDs a chart ships, and whether its schema leads out of it; remembered by the chart's digest."""
        known = self._looked.get(chart.digest)
        if known is None:
            known = await asyncio.to_thread(look_into, chart)
            if len(self._looked) >= _CHARTS_REMEMBERED:
                self._looked.pop(next(iter(self._looked)))
            self._looked[chart.digest] = known
        return known

    async def stop(self, within: timedelta) -> bool:
        """Begin nothing more, end installs and upgrades cleanly, wait for the others; False when one still runs.

        Whoever called gets ``HelmFailed`` with ``KILLED`` for what was ended.
        """
        self._stop.set()
        ends = asyncio.get_running_loop().time() + within.total_seconds()
        while self._running and asyncio.get_running_loop().time() < ends:
            left = ends - asyncio.get_running_loop().time()
            await asyncio.wait(set(self._running), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return not self._running

    async def _act(
        self, words: list[str], time: timedelta, ending: Ending, started: Started, stdin: bytes = b""
    ) -> Ended:
        """Run what changes the cluster, as us; Helm itself acts as somebody else by its own flag."""
        kubeconfig = await asyncio.to_thread(write_kubeconfig, await self._identity(), self._scratch)
        settings = self._settings
        limits = Limits(time + settings.grace, settings.grace, 0, settings.stderr_bytes, settings.memory_bytes)
        words = [*words[:1], f"--kubeconfig={kubeconfig}", *words[1:]]
        return await self._start(words, stdin, limits, ending, started)

    async def _start(self, words: list[str], stdin: bytes, limits: Limits, ending: Ending, started: Started) -> Ended:
        if self._stop.is_set():
            raise Transient("Helm is not started any more, because the operator is being stopped.")
        going = asyncio.get_running_loop().create_future()
        self._running.add(going)
        try:
            return await run(
                [str(self._binary), *words],
                environment=self._environment(),
                folder=self._scratch / "tmp",
                stdin=stdin,
                limits=limits,
                ending=ending,
                started=started,
                stop=self._stop,
            )
        finally:
            self._running.discard(going)
            going.set_result(None)

    def _environment(self) -> dict[str, str]:
        """Nothing of ours but what Helm needs; its folders are within the scratch folder."""
        home = self._scratch / "home"
        return {
            "HOME": str(home),
            "TMPDIR": str(self._scratch / "tmp"),
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
            "GOMEMLIMIT": str(self._settings.memory_bytes * 4 // 5),
            "HELM_DRIVER": "secret",
            "GOGC": "400",  # it lives for a second: collecting its garbage takes a tenth of that
            "HELM_NO_PLUGINS": "1",
            "HELM_QPS": str(self._settings.qps),
            "HELM_BURST_LIMIT": str(self._settings.burst),
            "KUBECACHEDIR": str(home / "kube"),
            "KUBECONFIG": "/dev/null",
        }


def _is_missing(wrong: LandlordFailure) -> bool:
    return isinstance(wrong, HelmFailed) and wrong.trouble is HelmTrouble.MISSING_REVISION


def _judge(verb: str, ended: Ended, secrets: Collection[str]) -> None:
    """Return when a run succeeded; otherwise raise what it means, without secrets in its words."""
    wrong = failure(verb, ended, Redaction(secrets))
    if wrong is not None:
        raise wrong
