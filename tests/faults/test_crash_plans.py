"""Every write of a Tenant's life once gone wrong: the end is the same as if nothing had happened."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from landlord.clients.cluster import Cluster as Client
from tests.admin import open_admin
from tests.cluster import Cluster, is_given, short_name
from tests.fault_plans import PLANS, Course, Plan, edits, faults_found, plans, run
from tests.fault_scenarios import SCENARIOS, Stage, clear
from tests.manifests import ENVIRONMENTS, TENANTS

T = TypeVar("T")
Outcomes = dict[Plan, Course | Exception]
AT_ONCE = 40


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    operator_kubeconfig: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Outcomes:
    """How all plans of the chosen scenarios end. They run side by side, because some spend their time waiting."""
    chosen = [item.callspec.params["scenario"] for item in request.session.items if hasattr(item, "callspec")]
    scenarios = [scenario for scenario in SCENARIOS if scenario in chosen]
    return asyncio.run(_play_all(scenarios, cluster, operator_kubeconfig, tmp_path_factory.mktemp("plans")))


async def _play_all(scenarios: Sequence[str], cluster: Cluster, identity: Path, scratch: Path) -> Outcomes:
    async with open_admin(cluster.kubeconfig, scratch) as admin, await Client.connect(str(identity)) as shared:
        stages: list[Stage] = []

        async def play(chosen: Sequence[Plan]) -> Outcomes:
            mine = [Stage(admin, short_name("f")) for _ in chosen]
            stages.extend(mine)
            ends = await _each([run(plan, stage, shared) for plan, stage in zip(chosen, mine, strict=True)])
            return dict(zip(chosen, ends, strict=True))

        norms = await play([Plan(scenario, edited=edited) for scenario in scenarios for edited in _NORMS])
        for _ in range(_ATTEMPTS):
            norms |= await play([plan for plan, end in norms.items() if isinstance(end, Course) and not end.is_smooth])
        undisturbed = [end for plan, end in norms.items() if isinstance(end, Course) and not plan.edited]
        ends = await play([plan for norm in undisturbed for plan in (*plans(norm), *edits(norm))])
        await _each([clear(stage, namespaces=is_given()) for stage in stages])
        return norms | ends


_NORMS = ("", TENANTS, ENVIRONMENTS)
"""What is edited in the end of the undisturbed runs."""
_ATTEMPTS = 5
"""A busy API server makes adoptions take a second try; plans count the writes of a run without."""


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


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_plan_ends_as_the_undisturbed_run(
    scenario: str, outcomes: Outcomes, record_property: Callable[[str, object], None]
) -> None:
    mine = {plan: end for plan, end in outcomes.items() if plan.scenario == scenario}
    norms = {edited: outcomes[Plan(scenario, edited=edited)] for edited in _NORMS}
    record_property(PLANS, len(mine) - len(norms))
    wrong = {plan: found for plan, end in mine.items() if (found := _verdict(norms[plan.edited or plan.after], end))}
    told = "\n".join(f"{plan}\n    " + "\n    ".join(found) for plan, found in wrong.items())
    assert not wrong, f"{len(wrong)} of {len(mine)} plans of {scenario!r} end otherwise:\n{told}"


def _verdict(norm: Course | Exception, end: Course | Exception) -> list[str]:
    failed = next((each for each in (norm, end) if isinstance(each, Exception)), None)
    if failed is not None:
        return [f"{type(failed).__name__}: {failed}"]
    assert isinstance(norm, Course)
    assert isinstance(end, Course)
    return faults_found(norm, end)
