"""Every write of a Tenant's life once gone wrong: the end is the same as if nothing had happened."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from landlord.clients.cluster import Cluster
from tests.actors import Actor
from tests.admin import Admin
from tests.fault_plans import PLANS, Course, Plan, edits, faults_found, plans, run
from tests.fault_scenarios import SCENARIOS
from tests.manifests import ENVIRONMENTS, TENANTS

AT_ONCE = 32


@pytest.fixture
async def shared(operator_kubeconfig: Path) -> AsyncIterator[Cluster]:
    """A connection with the operator's own token and the chart's rights."""
    async with await Cluster.connect(str(operator_kubeconfig)) as cluster:
        yield cluster


async def _run_all(chosen: list[Plan], admin: Admin, shared: Cluster) -> list[Course | Exception]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(plan: Plan) -> Course | Exception:
        async with turn:
            try:
                return await run(plan, admin, shared)
            except Exception as failure:  # one plan's failure must not hide the others'
                return failure

    return await asyncio.gather(*(one(plan) for plan in chosen))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_every_plan_ends_as_the_undisturbed_run(
    scenario: str, landlord_installed: Actor, admin: Admin, shared: Cluster, record_property: Callable[..., None]
) -> None:
    norms = {edited: await run(Plan(scenario, edited=edited), admin, shared) for edited in ("", TENANTS, ENVIRONMENTS)}
    assert not [fault for norm in norms.values() for fault in faults_found(norm, norm)]
    chosen = [*plans(norms[""]), *edits(norms[""])]
    ends = await _run_all(chosen, admin, shared)
    record_property(PLANS, len(chosen))
    wrong = {str(plan): _verdict(norms[plan.after], end) for plan, end in zip(chosen, ends, strict=True)}
    wrong = {plan: found for plan, found in wrong.items() if found}
    told = "\n".join(f"{plan}\n    " + "\n    ".join(found) for plan, found in wrong.items())
    assert not wrong, f"{len(wrong)} of {len(chosen)} plans of {scenario!r} end otherwise:\n{told}"


def _verdict(reference: Course, end: Course | Exception) -> list[str]:
    return [f"{type(end).__name__}: {end}"] if isinstance(end, Exception) else faults_found(reference, end)
