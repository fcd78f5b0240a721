"""The Environment's status: tenants counted from their own words, storable, and quiet when nothing changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.conditions import ConditionType, Reason, Status
from landlord.api.environment import EnvironmentStatus
from landlord.core.conditions import Finding, find, is_true, settle
from landlord.core.environment.verdict import Facts, Inhabitant, counts, holders, status
from landlord.core.tenant.verdict import same

Json = dict[str, Any]
T0 = datetime(2026, 1, 1, tzinfo=UTC)


def inhabitant(tenant: str, ready: Status | None = Status.TRUE, *, drifted: bool = False) -> Inhabitant:
    findings = [Finding(ConditionType.READY, ready, Reason.APPLIED, "So.")] if ready else []
    if drifted:
        findings.append(Finding(ConditionType.DRIFTED, Status.TRUE, Reason.DRIFT_FOUND, "X."))
    return Inhabitant(tenant, {"name": "dev", "conditions": settle([], findings, 1, T0)} if findings else {})


def told(*inhabitants: Inhabitant, deleting: bool = False, suspended: bool = False, **facts: Any) -> Json:
    return status({}, Facts(2, deleting, suspended, inhabitants, **facts), T0)


def ready(result: Json) -> tuple[str, str]:
    found = find(result["conditions"], ConditionType.READY)
    return found["status"], found["reason"]


def test_tenants_are_counted_by_what_they_say_of_the_environment() -> None:
    found = [
        inhabitant("a"),
        inhabitant("b", drifted=True),
        inhabitant("c", Status.FALSE),
        inhabitant("d", Status.UNKNOWN),
        inhabitant("e", None),
        Inhabitant("f", {"conditions": None}),
    ]
    assert counts(found) == {"total": 6, "ready": 2, "failed": 1, "drifted": 1}
    assert told(*found)["tenants"]["total"] == 6
    assert counts([]) == {"total": 0, "ready": 0, "failed": 0, "drifted": 0}


def test_an_environment_is_ready_with_and_without_tenants() -> None:
    empty, used = told(), told(inhabitant("shop", Status.FALSE))
    assert ready(empty) == ready(used) == ("True", "Applied")
    assert find(empty["conditions"], ConditionType.IN_USE)["reason"] == "NoTenants"
    assert find(used["conditions"], ConditionType.IN_USE)["message"] == "Named by 1 Tenant."
    many = told(inhabitant("a"), inhabitant("b"))
    assert find(many["conditions"], ConditionType.IN_USE)["message"] == "Named by 2 Tenants."


def test_a_suspended_environment_is_ready_and_says_so() -> None:
    assert ready(told(suspended=True)) == ("True", "Suspended")


def test_an_environment_that_is_not_understood_is_stalled_and_names_the_field() -> None:
    result = told(inhabitant("a"), fault="spec.tier: no such tier")
    assert ready(result) == ("False", "InvalidSpec")
    assert is_true(result["conditions"], ConditionType.STALLED)
    assert "spec.tier" in find(result["conditions"], ConditionType.READY)["message"]


def test_an_environment_that_is_held_names_who_holds_it() -> None:
    result = told(inhabitant("shop"), inhabitant("bank"), deleting=True, suspended=True)
    assert ready(result) == ("Unknown", "TenantsPresent")
    assert "bank, shop" in find(result["conditions"], ConditionType.READY)["message"]
    assert is_true(result["conditions"], ConditionType.RECONCILING)


def test_an_environment_that_nobody_holds_any_more_goes_without_a_word_of_reconciling() -> None:
    result = told(deleting=True)
    assert ready(result)[0] == "Unknown"
    assert is_true(result["conditions"], ConditionType.IN_USE) is False


@pytest.mark.parametrize(("count", "tail"), [(1, "t00"), (10, "t09"), (11, "t09 and 1 more"), (25, "t09 and 15 more")])
def test_at_most_ten_holders_are_named(count: int, tail: str) -> None:
    assert holders([inhabitant(f"t{number:02}") for number in reversed(range(count))]).endswith(tail)


def test_a_request_that_was_handled_is_echoed() -> None:
    assert told(handled_at="then")["lastHandledReconcileAt"] == "then"
    assert "lastHandledReconcileAt" not in told()


inhabitants = st.lists(
    st.builds(
        inhabitant,
        st.text("abc", min_size=1, max_size=3),
        st.sampled_from((*Status, None)),
        drifted=st.booleans(),
    ),
    max_size=14,
)
facts = st.builds(
    Facts,
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    inhabitants,
    st.sampled_from((None, "then")),
    st.sampled_from(("", "spec.tier: no such word")),
)


@given(st.lists(facts, min_size=1, max_size=3))
def test_every_status_is_storable_and_a_second_pass_writes_nothing(rounds: list[Facts]) -> None:
    result: Json = {}
    for number, each in enumerate(rounds):
        result = status(result, each, T0 + number * timedelta(minutes=1))
        EnvironmentStatus.model_validate(result)
        assert result["observedGeneration"] == each.generation
        assert is_true(result["conditions"], ConditionType.RECONCILING) <= (ready(result)[0] == "Unknown")
        again = status(result, each, T0 + timedelta(days=1))
        assert same(result, again)
        assert again == result
        total = result["tenants"]
        assert total["ready"] + total["failed"] <= total["total"]
