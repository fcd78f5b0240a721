"""Helm, as Landlord uses it: render, deploy, roll back, uninstall, test. Every failure is in words to act on."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from landlord.api.releases import Chart
from landlord.clients.helm.command import Capabilities
from landlord.clients.helm.process import Started, nobody_asks
from landlord.clients.identity import Identity

Identify = Callable[[], Awaitable[Identity]]


@dataclass(frozen=True, slots=True)
class HelmSettings:
    """Bounds of every run."""

    qps: float = 50
    burst: int = 300
    render_time: timedelta = timedelta(seconds=60)
    grace: timedelta = timedelta(seconds=30)
    """Between a release's time-out and the end of its process, and between SIGTERM and SIGKILL."""
    render_bytes: int = 32 * 1024 * 1024
    stderr_bytes: int = 64 * 1024
    memory_bytes: int = 1024 * 1024 * 1024


class Helm:
    """The Helm CLI. ``identity`` is asked before each run, so rotated tokens are seen; ``scratch`` is ours alone."""

    def __init__(self, binary: Path, identity: Identify, scratch: Path, settings: HelmSettings | None = None) -> None:
        self._binary = binary
        self._identity = identity
        self._scratch = scratch
        self._settings = settings or HelmSettings()

    async def version(self) -> str:
        """Such as ``v4.3.1``; raises ``Refused`` when the binary cannot be run."""
        raise NotImplementedError

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
        raise NotImplementedError

    async def deploy(
        self,
        chart: Chart,
        release: str,
        namespace: str,
        values: Mapping[str, Any],
        *,
        timeout: timedelta,
        labels: Mapping[str, str] | None = None,
        description: str = "",
        apply_method: str = "",
        take_ownership: bool = False,
        secrets: Collection[str] = (),
        started: Started = nobody_asks,
    ) -> None:
        """Install or upgrade; ``apply_method`` is the one of the newest stored revision, empty when there is none."""
        raise NotImplementedError

    async def rollback(
        self,
        release: str,
        namespace: str,
        revision: int,
        *,
        timeout: timedelta,
        description: str = "",
        apply_method: str = "",
        no_hooks: bool = False,
        secrets: Collection[str] = (),
        started: Started = nobody_asks,
    ) -> None:
        """Go back to exactly this revision."""
        raise NotImplementedError

    async def uninstall(
        self,
        release: str,
        namespace: str,
        *,
        timeout: timedelta,
        no_hooks: bool = False,
        secrets: Collection[str] = (),
        started: Started = nobody_asks,
    ) -> None:
        """Remove the release and its history; also what an uninstall left that was killed."""
        raise NotImplementedError

    async def test(
        self,
        release: str,
        namespace: str,
        *,
        timeout: timedelta,
        only: Sequence[str] = (),
        secrets: Collection[str] = (),
        started: Started = nobody_asks,
    ) -> None:
        """Run the release's tests; raises ``HelmFailed`` with ``TEST_FAILED`` when one fails."""
        raise NotImplementedError

    async def stop(self, within: timedelta) -> bool:
        """End install and upgrade, wait for the others; False when something still ran after ``within``."""
        raise NotImplementedError
