"""An AppRelease's life with one thing gone wrong in it, at every write and at every instant of a Helm process."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from landlord.clients.cluster import Cluster as Client
from tests.admin import open_admin
from tests.cluster import Cluster, short_name
from tests.release_faults import PLANS, Cast, Course, Plan, faults_found, meetings, plans, play
from tests.release_gateway import open_gateway
from tests.release_scenarios import SCENARIOS, Home, clear_all, settle, stock
from tests.shop import open_shop

T = TypeVar("T")
Outcomes = dict[Plan, Course | Exception]
AT_ONCE = 12
MEETINGS = [
    Plan(scenario, meanwhile=meanwhile)
    for scenario, meanwhile in (
        ("install", "it is deleted"),
        ("install", "something else is pushed"),
        ("values", "it is deleted"),
        ("values", "it is as before"),
        ("values", "something else is pushed"),
    )
]
"""Undisturbed runs of plans in which people do something else while no operator lives."""


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    operator_kubeconfig: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Outcomes:
    """How all plans of the chosen scenarios end; they run side by side."""
    chosen = [item.callspec.params["scenario"] for item in request.session.items if hasattr(item, "callspec")]
    scenarios = [scenario for scenario in SCENARIOS if scenario in chosen]
    return asyncio.run(_play_all(scenarios, cluster, operator_kubeconfig, tmp_path_factory.mktemp("plans")))


async def _play_all(scenarios: Sequence[str], cluster: Cluster, identity: Path, scratch: Path) -> Outcomes:
    async with AsyncExitStack() as stack:
        people = await stack.enter_async_context(open_admin(cluster.kubeconfig, scratch))
        admin = await stack.enter_async_context(await Client.connect(cluster.kubeconfig))
        operator = await stack.enter_async_context(await Client.connect(str(identity)))
        shop = await stack.enter_async_context(open_shop())
        gateway = await stack.enter_async_context(open_gateway(operator))
        stock(shop)
        cast, homes = Cast(operator, admin, gateway, scratch), list[Home]()

        async def run(plan: Plan) -> Course:
            home = await settle(operator, people, shop, short_name("r"))
            homes.append(home)
            return await play(plan, home, cast)

        async def run_all(chosen: Sequence[Plan]) -> Outcomes:
            return dict(zip(chosen, await _each([run(plan) for plan in chosen]), strict=True))

        norms = await run_all([*map(Plan, scenarios), *(plan for plan in MEETINGS if plan.scenario in scenarios)])
        found = [norm for norm in norms.values() if isinstance(norm, Course)]
        ends = await run_all(
            [plan for norm in found for plan in (meetings(norm) if norm.plan.meanwhile else plans(norm))]
        )
        await clear_all(homes)
        return norms | ends


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
def test_every_plan_of_a_release_ends_as_the_undisturbed_run(
    scenario: str, outcomes: Outcomes, record_property: Callable[[str, object], None]
) -> None:
    mine = {plan: end for plan, end in outcomes.items() if plan.scenario == scenario}
    struck = sum(isinstance(end, Course) and end.struck > 0 for end in mine.values())
    record_property(PLANS, struck)
    wrong = {plan: found for plan, end in mine.items() if (found := _verdict(outcomes[plan.norm], end))}
    told = "\n".join(f"{plan}\n    " + "\n    ".join(found) for plan, found in wrong.items())
    assert not wrong, f"{len(wrong)} of {len(mine)} plans of {scenario!r} end otherwise:\n{told}"
    assert struck >= len(mine) * 3 // 4, f"only {struck} of {len(mine)} plans came to their blow"


def _verdict(norm: Course | Exception, end: Course | Exception) -> list[str]:
    failed = next((each for each in (norm, end) if isinstance(each, Exception)), None)
    if failed is not None:
        return [f"{type(failed).__name__}: {failed}"]
    assert isinstance(norm, Course)
    assert isinstance(end, Course)
    return faults_found(norm, end)
