"""An AppRelease's life with one thing gone wrong in it, at every write and at every instant of a Helm process."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from landlord.clients.cluster import Cluster as Client
from tests.admin import open_admin
from tests.cluster import Cluster, short_name
from tests.fault_outcomes import assert_as_good, chosen, each
from tests.release_faults import PLANS, Cast, Course, Plan, faults_found, meetings, plans, play
from tests.release_gateway import open_gateway
from tests.release_scenarios import SCENARIOS, Home, clear_all, settle, stock
from tests.shop import open_shop

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
        ("bad upgrade", "it is deleted"),
        ("bad upgrade", "it is as before"),
        ("bad upgrade", "something else is pushed"),
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
    scratch = tmp_path_factory.mktemp("plans")
    return asyncio.run(_play_all(chosen(request, [*SCENARIOS]), cluster, operator_kubeconfig, scratch))


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

        async def run_all(wanted: Sequence[Plan]) -> Outcomes:
            return dict(zip(wanted, await each([run(plan) for plan in wanted], AT_ONCE), strict=True))

        norms = await run_all([*map(Plan, scenarios), *(plan for plan in MEETINGS if plan.scenario in scenarios)])
        found = [norm for norm in norms.values() if isinstance(norm, Course)]
        ends = await run_all(
            [plan for norm in found for plan in (meetings(norm) if norm.plan.meanwhile else plans(norm))]
        )
        await clear_all(homes)
        return norms | ends


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_plan_of_a_release_ends_as_the_undisturbed_run(
    scenario: str, outcomes: Outcomes, record_property: Callable[[str, object], None]
) -> None:
    mine = {plan: end for plan, end in outcomes.items() if plan.scenario == scenario}
    struck = sum(isinstance(end, Course) and end.struck > 0 for end in mine.values())
    record_property(PLANS, struck)
    assert_as_good(mine, lambda plan: outcomes[plan.norm], faults_found)
    assert struck >= len(mine) * 3 // 4, f"only {struck} of {len(mine)} plans came to their blow"
