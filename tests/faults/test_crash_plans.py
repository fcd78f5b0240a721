"""Every write of a Tenant's life once gone wrong: the end is the same as if nothing had happened."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from landlord.clients.cluster import Cluster as Client
from tests.admin import open_admin
from tests.cluster import Cluster, is_given, short_name
from tests.fault_outcomes import assert_as_good, chosen, each
from tests.fault_plans import PLANS, Course, Plan, edits, faults_found, plans, run
from tests.fault_scenarios import SCENARIOS, Stage, clear
from tests.manifests import ENVIRONMENTS, TENANTS

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
    scratch = tmp_path_factory.mktemp("plans")
    return asyncio.run(_play_all(chosen(request, [*SCENARIOS]), cluster, operator_kubeconfig, scratch))


async def _play_all(scenarios: Sequence[str], cluster: Cluster, identity: Path, scratch: Path) -> Outcomes:
    async with open_admin(cluster.kubeconfig, scratch) as admin, await Client.connect(str(identity)) as shared:
        stages: list[Stage] = []

        async def play(wanted: Sequence[Plan]) -> Outcomes:
            mine = [Stage(admin, short_name("f")) for _ in wanted]
            stages.extend(mine)
            ends = await each([run(plan, stage, shared) for plan, stage in zip(wanted, mine, strict=True)], AT_ONCE)
            return dict(zip(wanted, ends, strict=True))

        norms = await play([Plan(scenario, edited=edited) for scenario in scenarios for edited in _NORMS])
        for _ in range(_ATTEMPTS):
            norms |= await play([plan for plan, end in norms.items() if isinstance(end, Course) and not end.is_smooth])
        undisturbed = [end for plan, end in norms.items() if isinstance(end, Course) and not plan.edited]
        ends = await play([plan for norm in undisturbed for plan in (*plans(norm), *edits(norm))])
        await each([clear(stage, namespaces=is_given()) for stage in stages], AT_ONCE)
        return norms | ends


_NORMS = ("", TENANTS, ENVIRONMENTS)
"""What is edited in the end of the undisturbed runs."""
_ATTEMPTS = 5
"""A busy API server makes adoptions take a second try; plans count the writes of a run without."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_plan_ends_as_the_undisturbed_run(
    scenario: str, outcomes: Outcomes, record_property: Callable[[str, object], None]
) -> None:
    mine = {plan: end for plan, end in outcomes.items() if plan.scenario == scenario}
    norms = {edited: outcomes[Plan(scenario, edited=edited)] for edited in _NORMS}
    record_property(PLANS, len(mine) - len(norms))
    assert_as_good(mine, lambda plan: norms[plan.edited or plan.after], faults_found)
