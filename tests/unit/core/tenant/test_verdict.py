"""The Tenant's status: truthful, kstatus-correct, storable, and the same when nothing changed."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landlord.api.conditions import ConditionType, Reason, Status
from landlord.api.tenant import TenantStatus
from landlord.core.conditions import find, is_true
from landlord.core.tenant.verdict import Seen, State, Whole, same, status

Json = dict[str, Any]
T0 = datetime(2026, 1, 1, tzinfo=UTC)
LATER = T0 + timedelta(hours=1)


def seen(name: str = "dev", state: State = State.READY, **facts: Any) -> Seen:
    reason = {State.READY: Reason.APPLIED, State.FROZEN: Reason.ENVIRONMENT_SUSPENDED}.get(state, Reason.API_TROUBLE)
    message = facts.pop("message", f"{state.name.lower()} there")
    return Seen(name, f"shop-{name}", state, facts.pop("reason", reason), message, **facts)


def told(*all_seen: Seen, before: Json | None = None, now: datetime = T0, **facts: Any) -> Json:
    return status(before or {}, Whole(generation=facts.pop("generation", 1), seen=all_seen, **facts), now)


def condition(result: Json, kind: ConditionType = ConditionType.READY) -> tuple[Any, Any]:
    found = find(result["conditions"], kind)
    return found.get("status"), found.get("reason")


def test_a_tenant_with_all_environments_ready_is_ready() -> None:
    result = told(seen("dev", uid="u", digest="d" * 16, adopted=True), seen("prod"))
    assert condition(result) == ("True", "Applied")
    assert find(result["conditions"], ConditionType.READY)["message"] == "All 2 environments are as the spec says."
    assert result["summary"] == "2/2"
    entry = result["environments"][0]
    assert (entry["namespace"], entry["uid"], entry["digest"], entry["adopted"]) == ("shop-dev", "u", "d" * 16, True)
    assert condition(entry) == ("True", "Applied")


def test_a_tenant_with_one_environment_is_told_so() -> None:
    assert find(told(seen())["conditions"], ConditionType.READY)["message"] == "The environment is as the spec says."


@pytest.mark.parametrize(
    ("states", "ready", "also"),
    [
        ((State.READY, State.WORKING), "Unknown", ConditionType.RECONCILING),
        ((State.WORKING, State.WAITING), "False", None),
        ((State.STUCK, State.WORKING, State.READY), "False", ConditionType.STALLED),
        ((State.WAITING, State.FROZEN), "False", None),
    ],
)
def test_the_worst_environment_wins(states: tuple[State, ...], ready: str, also: ConditionType | None) -> None:
    result = told(*(seen(f"e{number}", state) for number, state in enumerate(states)))
    assert condition(result)[0] == ready
    for kind in (ConditionType.RECONCILING, ConditionType.STALLED):
        assert is_true(result["conditions"], kind) == (kind is also)


def test_the_message_names_every_environment_that_is_not_ready_and_no_other() -> None:
    result = told(seen("a"), seen("b", State.STUCK, message="Broken."), seen("c", State.WORKING, message="Coming."))
    assert find(result["conditions"], ConditionType.READY)["message"] == "b: Broken.; c: Coming."


def test_the_reason_is_that_of_the_worst() -> None:
    bad = seen("b", State.STUCK, reason=Reason.NOT_OURS)
    assert condition(told(seen("a", State.WORKING), bad)) == ("False", "NotOurs")


def test_a_suspended_tenant_stays_as_ready_as_it_was_and_keeps_its_environments() -> None:
    before = told(seen())
    result = status(before, Whole(generation=2, suspended=True, untouched=before["environments"]), LATER)
    assert condition(result) == ("True", "Suspended")
    assert result["environments"] == before["environments"]
    assert result["summary"] == "1/1"
    assert condition(told(suspended=True)) == ("False", "Suspended")
    working = told(seen(state=State.WORKING))
    assert condition(status(working, Whole(generation=2, suspended=True), LATER))[0] == "False"


def test_an_environment_that_is_frozen_stays_as_ready_as_it_was() -> None:
    before = told(seen("a"), seen("b", State.STUCK))
    result = told(seen("a", State.FROZEN), seen("b", State.FROZEN), before=before)
    assert [condition(entry)[0] for entry in result["environments"]] == ["True", "False"]


def test_a_tenant_becomes_ready_when_the_last_bad_environment_heals_though_another_is_frozen() -> None:
    before = told(seen("a"), seen("b", State.STUCK))
    result = told(seen("a", State.FROZEN), seen("b"), before=before)
    assert result["summary"] == "2/2"
    assert condition(result)[0] == "True"


def test_a_ready_tenant_is_not_ready_once_an_environment_is_frozen_before_it_ever_was() -> None:
    before = told(seen("a"))
    result = told(seen("a"), seen("b", State.FROZEN), before=before)
    assert result["summary"] == "1/2"
    assert condition(result)[0] == "False"


def test_a_fault_stalls_the_whole_and_leaves_the_environments_as_they_were() -> None:
    before = told(seen())
    whole = Whole(generation=2, fault=(Reason.AGGREGATE_EXCEEDED, "Too much."), untouched=before["environments"])
    result = status(before, whole, LATER)
    assert condition(result) == ("False", "AggregateExceeded")
    assert condition(result, ConditionType.STALLED) == ("True", "AggregateExceeded")
    assert result["environments"] == before["environments"]
    assert result["observedGeneration"] == 2


def test_a_tenant_that_is_being_deleted_is_reconciling_whatever_else() -> None:
    result = told(deleting="Waiting for a namespace.", suspended=True, fault=(Reason.INVALID_SPEC, "Bad."))
    assert condition(result) == ("Unknown", "Deleting")
    assert condition(result, ConditionType.RECONCILING) == ("True", "Deleting")
    assert condition(result, ConditionType.DELETING) == ("True", "Deleting")
    assert not is_true(result["conditions"], ConditionType.STALLED)


def test_troubles_of_environments_are_told_of_the_whole_by_name() -> None:
    bad = seen("b", drift=("X was changed.", "Y was deleted."), contested=("X again.",), over=("9 pods.",))
    result = told(seen("a"), bad)
    for kind, message in (
        (ConditionType.DRIFTED, "b: X was changed. Y was deleted."),
        (ConditionType.CONTESTED, "b: X again."),
        (ConditionType.QUOTA_EXCEEDED, "b: 9 pods."),
    ):
        assert find(result["conditions"], kind)["message"] == message
        assert is_true(result["conditions"], kind)
        assert find(result["environments"][0]["conditions"], kind) == {}
        assert is_true(result["environments"][1]["conditions"], kind)
    assert condition(result)[0] == "True"


def test_capped_corrections_are_told_as_such_of_environment_and_whole() -> None:
    capped = seen("b", drift=("X was changed.",), is_capped=True)
    result = told(seen("a", drift=("Z was changed.",)), capped)
    assert condition(result, ConditionType.DRIFTED) == ("True", "CorrectionsCapped")
    assert condition(result["environments"][0], ConditionType.DRIFTED) == ("True", "DriftFound")
    assert condition(result["environments"][1], ConditionType.DRIFTED) == ("True", "CorrectionsCapped")


def test_that_nothing_drifted_is_said_only_where_a_pass_looked() -> None:
    calm = find(told(seen())["conditions"], ConditionType.DRIFTED)
    assert (calm["status"], calm["reason"]) == ("False", "NoDrift")
    assert find(told(suspended=True)["conditions"], ConditionType.DRIFTED) == {}
    assert find(told(fault=(Reason.INVALID_SPEC, "Bad."))["conditions"], ConditionType.DRIFTED) == {}


def test_other_troubles_are_conditions_only_while_they_last() -> None:
    types = {entry["type"] for entry in told(seen())["conditions"]}
    assert types == {"Ready", "Drifted"}


def test_drift_that_was_found_before_a_suspension_is_still_told() -> None:
    before = told(seen(drift=("X was changed.",)))
    whole = Whole(generation=1, suspended=True, untouched=before["environments"])
    result = status(before, whole, LATER)
    assert find(result["conditions"], ConditionType.DRIFTED) == find(before["conditions"], ConditionType.DRIFTED)


def test_a_cordon_is_told() -> None:
    assert condition(told(seen(), cordoned=True), ConditionType.CORDONED) == ("True", "Cordoned")
    assert find(told(seen())["conditions"], ConditionType.CORDONED) == {}


def test_a_request_that_was_handled_is_echoed() -> None:
    assert told(seen(), handled_at="then")["lastHandledReconcileAt"] == "then"
    assert "lastHandledReconcileAt" not in told(seen())


def test_two_namespaces_of_one_environment_are_one_entry_the_worse_one() -> None:
    # An environment that was removed, added with another namespace and removed again before the first one was gone.
    one = seen("old", State.WORKING, message="First.")
    other = seen("old", State.STUCK, message="Second.")
    for pair in ((one, other), (other, one)):
        result = told(seen("dev"), *pair)
        assert [entry["name"] for entry in result["environments"]] == ["dev", "old"]
        assert condition(result["environments"][1], ConditionType.STALLED)[0] == "True"


def test_what_is_gone_is_dropped_from_the_status() -> None:
    before = told(seen("a"), seen("b", State.WORKING))
    result = told(seen("a"), before=before)
    assert [entry["name"] for entry in result["environments"]] == ["a"]
    assert find(result["conditions"], ConditionType.RECONCILING) == {}


def test_a_status_is_the_same_only_if_nothing_in_it_would_change() -> None:
    result = told(seen(), handled_at="then")
    assert same(result, result)
    assert same({**result, "extra": 1}, result)
    assert not same({}, result)
    assert not same(result, {**result, "summary": "0/1"})


lines = st.lists(st.sampled_from(("X was changed.", "Y.", "long " * 900)), max_size=2).map(tuple)
names = st.sampled_from(("dev", "staging", "production"))
previews = st.lists(st.fixed_dictionaries({"kind": st.just("Traffic"), "message": st.text(max_size=9)}), max_size=2)
sights = st.builds(
    Seen,
    names,
    st.just("shop-x"),
    st.sampled_from(State),
    st.sampled_from(Reason),
    st.text(max_size=10),
    uid=st.sampled_from(("", "u1")),
    digest=st.sampled_from(("", "0" * 16)),
    adopted=st.booleans(),
    drift=lines,
    is_capped=st.booleans(),
    contested=lines,
    over=lines,
    preview=previews.map(tuple),
)


@st.composite
def wholes(draw: st.DrawFn, previous: Json | None = None) -> Whole:
    kind = draw(st.sampled_from(("seen", "seen", "seen", "suspended", "fault", "deleting")))
    kept = tuple((previous or {}).get("environments") or ())
    return Whole(
        generation=draw(st.integers(1, 3)),
        cordoned=draw(st.booleans()),
        suspended=kind == "suspended",
        fault=(draw(st.sampled_from(Reason)), "Bad.") if kind == "fault" else None,
        deleting="Going." if kind == "deleting" else "",
        members=draw(st.sampled_from(([], [{"subject": "User:jane", "roles": {"dev": "owner"}}]))),
        handled_at=draw(st.sampled_from((None, "then"))),
        seen=tuple(draw(st.lists(sights, min_size=1, max_size=4))) if kind == "seen" else (),
        untouched=() if kind == "seen" else kept,
    )


@given(st.data())
def test_every_status_is_storable_kstatus_correct_and_truthful_and_a_second_pass_writes_nothing(
    data: st.DataObject,
) -> None:
    result: Json = {}
    now = T0
    for _ in range(3):
        whole = data.draw(wholes(result))
        before, now = result, now + timedelta(minutes=1)
        kept = deepcopy(before)
        result = status(before, whole, now)
        assert before == kept
        TenantStatus.model_validate(result)
        assert_kstatus(result, whole)
        assert_summed_up(result, whole)
        again = status(result, whole, now + timedelta(days=1))
        assert same(result, again)
        assert again == result


def assert_kstatus(result: Json, whole: Whole) -> None:
    assert result["observedGeneration"] == whole.generation
    parts = [result, *(result["environments"] if whole.seen else ())]
    for part in parts:
        conditions = part["conditions"]
        types = [entry["type"] for entry in conditions]
        assert len(types) == len(set(types))
        ready = find(conditions, ConditionType.READY)["status"]
        reconciling, stalled = (
            is_true(conditions, kind) for kind in (ConditionType.RECONCILING, ConditionType.STALLED)
        )
        assert not (reconciling and stalled)
        assert reconciling == (ready == Status.UNKNOWN.value)
        assert not (stalled and ready != Status.FALSE.value)
        assert all(entry["observedGeneration"] == whole.generation for entry in conditions)


def assert_summed_up(result: Json, whole: Whole) -> None:
    entries = result["environments"]
    assert len({entry["name"] for entry in entries}) == len(entries)
    ready = sum(is_true(entry["conditions"], ConditionType.READY) for entry in entries)
    assert result["summary"] == f"{ready}/{len(entries)}"
    if whole.seen:
        assert is_true(result["conditions"], ConditionType.READY) == (ready == len(entries))
    for kind in (ConditionType.DRIFTED, ConditionType.CONTESTED, ConditionType.QUOTA_EXCEEDED):
        anywhere = any(is_true(entry["conditions"], kind) for entry in entries)
        assert is_true(result["conditions"], kind) == anywhere


@given(sights, st.integers(1, 5))
@example(Seen("dev", "shop-dev", State.STUCK, Reason.FORBIDDEN, "m" * 9999), 1)
def test_an_environments_transition_times_move_only_with_its_status(one: Seen, generation: int) -> None:
    before = told(one)
    after = status(before, Whole(generation=generation, seen=(one,)), LATER)
    for old, new in zip(before["environments"][0]["conditions"], after["environments"][0]["conditions"], strict=True):
        assert new["lastTransitionTime"] == old["lastTransitionTime"]
        assert new["observedGeneration"] == generation
