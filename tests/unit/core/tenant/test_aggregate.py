"""The ceiling over all environments: sums with numbers in the message, and a share for everybody."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from landlord.core.quantity import number
from landlord.core.tenant import aggregate
from landlord.core.tenant import plan as planning
from tests.unit.core import bodies, building

Json = dict[str, Any]


def fault(ceiling: Json | None, *shares: Json | None) -> str:
    """What is wrong when environments e0, e1, ... have these shares."""
    entries = [
        {"name": f"e{number}"} | ({} if share is None else {"quota": {"hard": share}})
        for number, share in enumerate(shares)
    ]
    tenant = building.tenant(*entries, **({"quota": {"aggregate": ceiling}} if ceiling is not None else {}))
    stages = {str(entry["name"]): building.environment() for entry in entries}
    places = planning.places("shop", tenant, stages, building.PLATFORM)
    return aggregate.fault(tenant, {name: place.body for name, place in places.items()})


def test_without_a_ceiling_anything_goes() -> None:
    assert fault(None, {"pods": 10**9}) == ""
    assert fault({}, {"pods": 10**9}) == ""
    assert aggregate.fault(building.tenant("e0", quota={}), {}) == ""


def test_shares_may_add_up_to_the_ceiling_and_no_further() -> None:
    assert fault({"requests.cpu": "4"}, {"requests.cpu": "1500m"}, {"requests.cpu": "2.5"}) == ""
    assert fault({"requests.cpu": "4"}, {"requests.cpu": "1501m"}, {"requests.cpu": "2.5"}) == (
        "The environments ask for 4001m of requests.cpu (e0 1501m, e1 2500m), quota.aggregate allows 4; "
        "lower a share or raise the aggregate."
    )


def test_an_environment_that_says_no_share_is_named() -> None:
    assert fault({"pods": 10}, {"pods": 1}, None, {}) == (
        "quota.aggregate limits pods, but e1, e2 says no quota.hard for it; give every environment its share."
    )


def test_every_resource_that_does_not_fit_is_told() -> None:
    told = fault({"pods": 1, "secrets": 1, "services": 9}, {"pods": 2, "secrets": 2, "services": 9})
    assert "of pods" in told
    assert "of secrets" in told
    assert "services" not in told


def test_cpu_and_requests_cpu_are_the_same() -> None:
    assert fault({"cpu": 4}, {"requests.cpu": 4}) == ""
    assert fault({"requests.cpu": 4}, {"cpu": 4}) == ""
    assert "requests.memory" in fault({"memory": "1Gi"}, {"requests.memory": "2Gi"})
    assert fault({"ephemeral-storage": "1Gi"}, {"requests.ephemeral-storage": "1Gi"}) == ""
    assert "says no quota.hard" in fault({"limits.cpu": 4}, {"cpu": 4})


def test_of_two_names_of_one_resource_the_lower_limit_is_the_one_that_holds() -> None:
    for share in ({"cpu": 2, "requests.cpu": 9}, {"requests.cpu": 2, "cpu": 9}, {"cpu": 9, "requests.cpu": 2}):
        assert fault({"cpu": 2}, share) == ""


def test_a_ceiling_that_says_both_names_means_both() -> None:
    assert "of requests.cpu" in fault({"cpu": 1, "requests.cpu": 9}, {"cpu": 2})


def test_sums_are_told_in_the_units_of_the_ceiling() -> None:
    assert "ask for 3Gi of memory" in fault({"memory": "2Gi"}, {"memory": "1Gi"}, {"memory": "2048Mi"}).replace(
        "requests.memory", "memory"
    )
    assert "ask for 2e3 of pods" in fault({"pods": "1e3"}, {"pods": 2000})


def test_sums_are_exact_beyond_the_precision_of_floats() -> None:
    big = 2**63 - 2
    assert fault({"requests.storage": str(big)}, {"requests.storage": big - 1}, {"requests.storage": 1}) == ""
    assert fault({"requests.storage": str(big)}, {"requests.storage": big - 1}, {"requests.storage": 2}) != ""


amounts = st.sampled_from((0, 1, "1", "500m", "0.5", "1e1", "1Ki")) | bodies.quantities()


@given(amounts, st.lists(amounts, min_size=1, max_size=4))
def test_a_ceiling_holds_exactly_when_the_sum_is_not_above_it(ceiling: int | str, shares: list[int | str]) -> None:
    total = sum((number(share) for share in shares), Decimal(0))
    told = fault({"requests.storage": ceiling}, *({"requests.storage": share} for share in shares))
    assert (told == "") == (total <= number(ceiling))
