"""`python -m tests.bench`: tenants against a bare client, one tenant alone, drift, steady state, restart."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox import cluster as sandbox
from sandbox.signals import unwind_when_asked_to_end
from tests.admin import Admin
from tests.bench import bare, fleet, releases, report
from tests.bench.stage import Stage, all_ready, consumption, is_ready
from tests.manifests import TENANTS
from tests.operator_process import OperatorProcess
from tests.polling import eventually

PAIRS = 3
"""How often the two are measured in turn, each on an empty cluster."""


async def _bare(stage: Stage, count: int) -> float:
    kubeconfig = await stage.fresh()
    async with stage.identity(kubeconfig) as client:
        return await bare.apply_all(client, fleet.namespaces(fleet.tenants(count)))


async def _apply_tenants(admin: Admin, names: list[str]) -> None:
    """As `kubectl apply` would, many at once."""
    slots = asyncio.Semaphore(16)

    async def one(name: str) -> None:
        async with slots:
            await admin.apply(f"{TENANTS}/{name}", fleet.one_tenant(name), manager="bench")

    await asyncio.gather(*(one(name) for name in names))


async def _converge(admin: Admin, process: OperatorProcess, count: int) -> tuple[float, float]:
    """Seconds from the first apply until all are Ready, and the operator's CPU seconds for it."""
    names = [manifest["metadata"]["name"] for manifest in fleet.tenants(count)]
    before, _ = consumption(process)
    started = time.perf_counter()
    await asyncio.gather(_apply_tenants(admin, names), all_ready(admin, count))
    return time.perf_counter() - started, consumption(process)[0] - before


async def _alone(admin: Admin, rounds: int) -> list[float]:
    """One tenant at a time, from its apply until it is Ready."""
    taken = []
    for number in range(rounds):
        name = f"alone-{number:02}"
        started = time.perf_counter()
        await admin.apply(f"{TENANTS}/{name}", fleet.one_tenant(name), manager="bench")
        await eventually(lambda name=name: _ready(admin, name), deadline=60)  # type: ignore[misc]
        taken.append(time.perf_counter() - started)
    return taken


async def _ready(admin: Admin, name: str) -> bool:
    return is_ready(await admin.get(f"{TENANTS}/{name}"))


async def _drift(admin: Admin, rounds: int) -> list[float]:
    """From a hand edit of a quota until it is as before."""
    glass = admin.as_user("root", groups=("landlord:break-glass", "system:masters"))
    quota = "/api/v1/namespaces/bench-{:03}-development/resourcequotas/landlord"
    taken = []
    for number in range(rounds):
        path = quota.format(number)
        started = time.perf_counter()
        await glass.patch(path, {"spec": {"hard": {"pods": "999"}}})
        await eventually(lambda path=path: _restored(admin, path), deadline=60)  # type: ignore[misc]
        taken.append(time.perf_counter() - started)
    return taken


async def _restored(admin: Admin, path: str) -> bool:
    return bool((await admin.get(path))["spec"]["hard"]["pods"] == "50")


async def _steady(stage: Stage, process: OperatorProcess, seconds: float) -> None:
    """Nothing changes: what the operator writes and consumes."""
    offset = stage.audit_log().stat().st_size
    before, _ = consumption(process)
    await asyncio.sleep(seconds)
    cpu, resident = consumption(process)
    writes = stage.writes_since(offset)
    report.figure(f"writes in {seconds:.0f} s, Lease apart", str(len(writes)), "budget 0")
    for line in writes[:5]:
        report.figure("", "", line)
    report.figure("CPU of one core", f"{(cpu - before) / seconds * 100:.1f} %", "budget 5 %")
    report.figure("resident memory", f"{resident / 2**20:.0f} MiB")


async def _restart(stage: Stage, kubeconfig: Path, tenants: int) -> None:
    offset = stage.audit_log().stat().st_size
    started = time.perf_counter()
    with stage.operator(kubeconfig) as process:
        await process.until_serving(deadline=120)
        serving = time.perf_counter() - started
        await eventually(lambda: _passes(process) >= tenants, deadline=120)
        verified = time.perf_counter() - started
        report.figure("restart until it serves", f"{serving:.1f} s")
        report.figure("restart until every tenant was verified", f"{verified:.1f} s", "budget 60 s at 5,000 objects")
        report.figure("writes by that", str(len(stage.writes_since(offset))), "one is the guards' dry run")
        await process.stop()


def _passes(process: OperatorProcess) -> int:
    _, text = process.get("/metrics")
    lines = (
        line for line in text.splitlines() if line.startswith("landlord_reconcile_total{") and 'kind="Tenant"' in line
    )
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines))


async def _ours(stage: Stage, count: int) -> tuple[float, float]:
    """Landlord on an empty cluster: seconds and CPU seconds."""
    kubeconfig = await stage.fresh()
    async with stage.admin() as admin:
        with stage.operator(kubeconfig) as process:
            await process.until_serving()
            await admin.apply_manifests(*fleet.environments())
            figures = await _converge(admin, process, count)
            await process.stop()
            return figures


def _report_pairs(pairs: list[tuple[float, tuple[float, float]]], objects: int) -> None:
    """Medians, because either side moves by a twentieth from round to round."""
    yardstick = statistics.median(bare for bare, _ in pairs)
    taken = statistics.median(ours for _, (ours, _) in pairs)
    cpu = statistics.median(cpu for _, (_, cpu) in pairs)
    ratios = ", ".join(f"{ours / bare:.2f}" for bare, (ours, _) in pairs)
    bare = "bare client, server-side apply of the same objects"
    report.figure(bare, f"{yardstick:.1f} s", f"{objects / yardstick:.0f} objects/s")
    report.figure("Landlord, from the first apply to all Ready", f"{taken:.1f} s", f"{cpu:.1f} CPU-s")
    report.ratio("Landlord against the bare client, medians", taken, yardstick, 1.3)
    report.figure("each round", ratios)


async def _run(stage: Stage, count: int, rounds: int, seconds: float) -> None:
    objects = sum(len(each) for each in fleet.namespaces(fleet.tenants(count)))
    report.heading(f"{count} tenants x {len(fleet.ENVIRONMENTS)} namespaces, {objects} objects")
    pairs = [(await _bare(stage, count), await _ours(stage, count)) for _ in range(PAIRS)]
    _report_pairs(pairs, objects)
    kubeconfig = await stage.fresh()
    async with stage.admin() as admin:
        with stage.operator(kubeconfig) as process:
            await process.until_serving()
            await admin.apply_manifests(*fleet.environments())
            await _converge(admin, process, count)
            report.heading("One tenant alone, and drift")
            report.figure("apply to Ready, p50 / p95", report.milliseconds(await _alone(admin, rounds)))
            report.figure("hand edit to repaired, p50 / p95", report.milliseconds(await _drift(admin, rounds)))
            report.heading(f"Steady state with {count + rounds} tenants")
            await asyncio.sleep(5)
            await _steady(stage, process, seconds)
            await process.stop()
        await _restart(stage, kubeconfig, count + rounds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, clean up, however it ends; 130 after an interrupt."""
    chosen = _parser().parse_args(arguments)
    unwind_when_asked_to_end()
    try:
        with tempfile.TemporaryDirectory(prefix="landlord-bench-") as folder, _stage(Path(folder)) as stage:
            _measure(stage, chosen)
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; everything that was started is gone.\n")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--tenants", type=int, default=200, help="how many tenants (200)")
    parser.add_argument("--rounds", type=int, default=20, help="how often single things are timed (20)")
    parser.add_argument("--seconds", type=float, default=60, help="length of the steady state (60)")
    parser.add_argument("--releases", default="100,300", help="how many releases at once, comma separated (100,300)")
    parser.add_argument("--only", choices=["tenants", "releases"], help="only one half")
    return parser


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    """A sandbox that is surely gone after the block."""
    stage = Stage(folder)
    try:
        sandbox.up(folder / "cluster")
        yield stage
    finally:
        sandbox.down(folder / "cluster")


def _measure(stage: Stage, chosen: argparse.Namespace) -> None:
    if chosen.only != "releases":
        asyncio.run(_run(stage, chosen.tenants, chosen.rounds, chosen.seconds))
    if chosen.only != "tenants":
        counts = tuple(int(count) for count in chosen.releases.split(","))
        asyncio.run(releases.run(stage, counts, chosen.seconds))


if __name__ == "__main__":
    sys.exit(main())
