"""Releases under the stopwatch: one against Helm by hand, many at once, what rest costs, how soon a bad one is back."""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from landlord.api.refs import APPRELEASES, SECRETS
from sandbox.programs import core_programs
from tests.admin import Admin
from tests.bench import report
from tests.bench.stage import Stage, all_ready, consumption, is_ready
from tests.manifests import TENANTS, condition, environment, tenant
from tests.operator_process import OperatorProcess
from tests.polling import eventually
from tests.shop import SETTINGS, VALUES, WEB, Shop, open_shop, package

Object = dict[str, Any]

PER_NAMESPACE = 10
CHART = {
    "templates/web.yaml": WEB,
    "templates/settings.yaml": SETTINGS,
    "templates/service.yaml": """
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec: {clusterIP: None, selector: {app: {{ .Release.Name }}}, ports: [{port: 80}]}
""",
    "templates/account.yaml": """
apiVersion: v1
kind: ServiceAccount
metadata: {name: {{ .Release.Name }}}
""",
}
"""Four objects and no pod: what is measured is the operator, Helm and the API server."""
FLUX = {"install": 0.34, "upgrade": 0.28}
"""Seconds a release that helm-controller 1.6.3 at its best took with such a chart on a machine of this kind."""


@dataclass(frozen=True, slots=True)
class Park:
    """Namespaces full of releases."""

    admin: Admin
    process: OperatorProcess
    shop: Shop

    def path(self, number: int) -> str:
        """Where a release is."""
        return APPRELEASES.path(f"park-{number // PER_NAMESPACE:02}-dev", f"web-{number:03}")

    async def push(self, number: int, **spec: Any) -> None:
        """Apply one."""
        namespace, name = f"park-{number // PER_NAMESPACE:02}-dev", f"web-{number:03}"
        whole = {"chart": self.shop.pin("four"), "bake": "0s", "values": {"replicas": 0}, **spec}
        head = {"name": name, "namespace": namespace}
        manifest = {"apiVersion": APPRELEASES.api_version, "kind": "AppRelease", "metadata": head, "spec": whole}
        await self.admin.apply(self.path(number), manifest, manager="bench")

    async def until_proven(self, count: int) -> None:
        """Return once so many are Ready in their present generation."""

        async def are_ready() -> bool:
            found = await self.admin.list(APPRELEASES.path())
            return sum(is_ready(each) for each in found) >= count

        await eventually(are_ready, deadline=600, describe=f"{count} releases proven")

    async def wave(self, numbers: range, message: str) -> tuple[float, float, float]:
        """All of them pushed at once: seconds until proven, CPU seconds of the operator, and of its Helm processes."""
        (before, _), helm = consumption(self.process), _helm_seconds(self.process)
        started = time.perf_counter()
        spec = {"values": {"replicas": 0, "message": message}}
        await asyncio.gather(*(self.push(number, **spec) for number in numbers))
        await self.until_proven(len(numbers))
        taken = time.perf_counter() - started
        return taken, consumption(self.process)[0] - before, _helm_seconds(self.process) - helm


async def run(stage: Stage, counts: tuple[int, ...], seconds: float) -> None:
    """Everything about releases, on a fresh cluster each."""
    for count in counts:
        await _on_stage(stage, count, lambda park, count=count: _many(park, count))  # type: ignore[misc]
    await _on_stage(stage, PER_NAMESPACE, lambda park: _alone(stage, park))
    await _on_stage(stage, 100, lambda park: _at_rest(stage, park, 100, seconds))


async def _on_stage(stage: Stage, count: int, act: Callable[[Park], Awaitable[None]]) -> None:
    kubeconfig = await stage.fresh()
    async with stage.admin() as admin, open_shop() as shop:
        shop.offer("four", "1.0.0", CHART)
        with stage.operator(kubeconfig, *shop.flags) as process:
            await process.until_serving()
            await admin.apply_manifests(environment("dev"))
            tenants = [f"park-{number:02}" for number in range(-(-count // PER_NAMESPACE))]
            await asyncio.gather(*(admin.apply(f"{TENANTS}/{name}", tenant(name, "dev")) for name in tenants))
            await all_ready(admin, len(tenants))
            await act(Park(admin, process, shop))
            await process.stop()


async def _many(park: Park, count: int) -> None:
    report.heading(f"{count} AppReleases of a chart of 4 objects without pods")
    for name in ("install", "upgrade"):
        taken, operator, helm = await park.wave(range(count), name)
        each = f"operator {operator / count:.3f}, Helm {helm / count:.3f} CPU-s each"
        report.figure(f"{name} all, apply to proven", f"{taken:.1f} s", f"{count / taken:.1f}/s; {each}")
        report.ratio(f"{name} against Flux's measured {FLUX[name]:.2f} s a release", taken, FLUX[name] * count, 0.6)
    report.figure("resident memory of the operator", f"{consumption(park.process)[1] / 2**20:.0f} MiB")


async def _alone(stage: Stage, park: Park) -> None:
    """One release at a time, against Helm by hand with the same chart in the same cluster."""
    report.heading("One AppRelease, against helm upgrade --install by hand")
    await park.push(0)
    await park.until_proven(1)
    by_hand, ours = [], []
    with tempfile.TemporaryDirectory() as folder:
        chart = Path(folder) / "four.tgz"
        chart.write_bytes(package("four", "1.0.0", CHART, VALUES))
        await _by_hand(stage, folder, chart, 0)
        for number in range(1, 8):
            by_hand.append(await _by_hand(stage, folder, chart, number))
            ours.append(await _deployed(park, number))
    report.figure("helm upgrade --install, p50 / p95", report.milliseconds(by_hand))
    report.figure("apply to revision deployed, p50 / p95", report.milliseconds(ours))
    median = report.percentile(by_hand, 50)
    report.ratio("one AppRelease against Helm by hand, medians", report.percentile(ours, 50), median, 1.3)
    await park.push(9, image={"tag": "1.0.0"}, values={"replicas": 1})
    await park.until_proven(1)
    await eventually(lambda: _has(park, 9, "Proven"), deadline=60)
    started = time.perf_counter()
    await park.push(9, image={"tag": "crash-loop"}, values={"replicas": 1})
    await eventually(lambda: _has(park, 9, "RolledBack"), deadline=120)
    report.figure("a crash loop pushed until it is rolled back", f"{time.perf_counter() - started:.1f} s", "fake node")


async def _has(park: Park, number: int, reason: str) -> bool:
    body = await park.admin.get(park.path(number))
    is_current = (body.get("status") or {}).get("observedGeneration") == body["metadata"]["generation"]
    return bool(is_current and condition(body).get("reason") == reason)


async def _deployed(park: Park, number: int) -> float:
    started = time.perf_counter()
    await park.push(0, values={"replicas": 0, "message": str(number)})
    wanted = f"owner=helm,name=web-000,status=deployed,version={number + 1}"

    async def is_there() -> bool:
        return bool(await park.admin.list(SECRETS.path("park-00-dev"), labelSelector=wanted))

    await eventually(is_there, deadline=60)
    taken = time.perf_counter() - started
    await eventually(lambda: _has(park, 0, "Proven"), deadline=60)
    return taken


async def _by_hand(stage: Stage, folder: str, chart: Path, number: int) -> float:
    kubeconfig = str(stage.folder / "cluster" / "kubeconfig")
    flags = ["--kubeconfig", kubeconfig, "-n", "default", "--set", f"replicas=0,message=m{number}"]
    environment_ = {**os.environ, "HOME": folder, "HELM_CACHE_HOME": folder, "KUBECACHEDIR": folder}
    started = time.perf_counter()
    helm = await asyncio.create_subprocess_exec(
        *(core_programs()["helm"], "upgrade", "--install", "by-hand", str(chart), *flags),
        stdout=asyncio.subprocess.DEVNULL,
        env=environment_,
    )
    assert await helm.wait() == 0
    return time.perf_counter() - started


async def _at_rest(stage: Stage, park: Park, count: int, seconds: float) -> None:
    report.heading(f"Steady state with {count} releases")
    await park.wave(range(count), "rest")
    await asyncio.sleep(45)  # Events are written late, and the first looks at rest are made
    offset = stage.audit_log().stat().st_size
    before, _ = consumption(park.process)
    helm = _helm_seconds(park.process)
    await asyncio.sleep(seconds)
    cpu, resident = consumption(park.process)
    writes = stage.writes_since(offset)
    report.figure(f"writes in {seconds:.0f} s, Lease apart", str(len(writes)), "budget 0")
    for line in writes[:5]:
        report.figure("", "", line)
    report.figure("CPU of Helm processes", f"{_helm_seconds(park.process) - helm:.2f} s", "budget 0: none runs")
    report.figure("CPU of one core", f"{(cpu - before) / seconds * 100:.1f} %")
    report.figure("resident memory", f"{resident / 2**20:.0f} MiB")
    before, _ = consumption(park.process)
    await asyncio.gather(*(_ask(park, number) for number in range(count)))
    await eventually(lambda: _all_answered(park, count), deadline=120)
    spent = consumption(park.process)[0] - before
    report.figure("one look at rest that was asked for", f"{spent / count * 1000:.0f} ms", "CPU of the operator")


async def _ask(park: Park, number: int) -> None:
    await park.admin.patch(park.path(number), {"metadata": {"annotations": {"landlord.dev/requested-at": "now"}}})


async def _all_answered(park: Park, count: int) -> bool:
    found = await park.admin.list(APPRELEASES.path())
    return sum((each.get("status") or {}).get("lastHandledReconcileAt") == "now" for each in found) >= count


def _helm_seconds(process: OperatorProcess) -> float:
    """CPU seconds of children that have ended."""
    times = psutil.Process(process.pid).cpu_times()
    return float(times.children_user + times.children_system)
