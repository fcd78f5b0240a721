"""Every write of a Tenant's life once gone wrong: the end is the same as if nothing had happened."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from landlord.clients.cluster import Cluster
from tests.actors import Actor
from tests.admin import Admin
from tests.cluster import is_given, short_name
from tests.fault_plans import PLANS, Course, Plan, edits, faults_found, plans, run
from tests.fault_scenarios import SCENARIOS, Stage, clear
from tests.manifests import ENVIRONMENTS, TENANTS

T = TypeVar("T")
Play = Callable[[Plan], Coroutine[Any, Any, Course]]
AT_ONCE = 32


@pytest.fixture
async def shared(operator_kubeconfig: Path) -> AsyncIterator[Cluster]:
    """A connection with the operator's own token and the chart's rights."""
    async with await Cluster.connect(str(operator_kubeconfig)) as cluster:
        yield cluster


@pytest.fixture
async def play(landlord_installed: Actor, admin: Admin, shared: Cluster) -> AsyncIterator[Play]:
    """Plays plans on stages of their own, which are cleared in the end."""
    stages: list[Stage] = []

    async def run_on_own_stage(plan: Plan) -> Course:
        stages.append(Stage(admin, short_name("f")))
        return await run(plan, stages[-1], shared)

    yield run_on_own_stage
    await _each([clear(stage, namespaces=is_given()) for stage in stages])


async def _each(runs: Sequence[Coroutine[Any, Any, T]]) -> list[T | Exception]:
    """How each ends, so many at a time; one plan's failure must not hide the others'."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(run: Coroutine[Any, Any, T]) -> T | Exception:
        async with turn:
            try:
                return await run
            except Exception as failure:
                return failure

    return await asyncio.gather(*(one(run) for run in runs))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_every_plan_ends_as_the_undisturbed_run(
    scenario: str, play: Play, record_property: Callable[..., None]
) -> None:
    norms = {edited: await play(Plan(scenario, edited=edited)) for edited in ("", TENANTS, ENVIRONMENTS)}
    assert not [fault for norm in norms.values() for fault in faults_found(norm, norm)]
    chosen = [*plans(norms[""]), *edits(norms[""])]
    ends = await _each([play(plan) for plan in chosen])
    record_property(PLANS, len(chosen))
    wrong = {str(plan): _verdict(norms[plan.after], end) for plan, end in zip(chosen, ends, strict=True)}
    wrong = {plan: found for plan, found in wrong.items() if found}
    told = "\n".join(f"{plan}\n    " + "\n    ".join(found) for plan, found in wrong.items())
    assert not wrong, f"{len(wrong)} of {len(chosen)} plans of {scenario!r} end otherwise:\n{told}"


def _verdict(reference: Course, end: Course | Exception) -> list[str]:
    return [f"{type(end).__name__}: {end}"] if isinstance(end, Exception) else faults_found(reference, end)
