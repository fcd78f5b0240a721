"""Conditions: transition times move only with the status, and nothing that was not found stays."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from landlord.api.conditions import Condition, ConditionType, Reason, Status
from landlord.core.conditions import MESSAGE_LIMIT, Finding, find, flag, is_true, settle, timestamp

T0 = datetime(2026, 1, 1, tzinfo=UTC)
LATER = T0 + timedelta(hours=1)


def finding(status: Status = Status.TRUE, message: str = "So.", kind: ConditionType = ConditionType.READY) -> Finding:
    return Finding(kind, status, Reason.APPLIED, message)


def test_a_new_condition_begins_now() -> None:
    assert settle([], [finding()], 3, T0) == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Applied",
            "message": "So.",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": 3,
        }
    ]


def test_the_transition_time_stays_while_the_status_does_whatever_else_changes() -> None:
    before = settle([], [finding()], 1, T0)
    after = settle(before, [Finding(ConditionType.READY, Status.TRUE, Reason.SUSPENDED, "Else.")], 2, LATER)
    assert after[0]["lastTransitionTime"] == before[0]["lastTransitionTime"]
    assert (after[0]["reason"], after[0]["message"], after[0]["observedGeneration"]) == ("Suspended", "Else.", 2)


def test_the_transition_time_changes_with_the_status() -> None:
    before = settle([], [finding()], 1, T0)
    after = settle(before, [finding(Status.UNKNOWN)], 1, LATER)
    assert after[0]["lastTransitionTime"] == timestamp(LATER)


def test_what_is_not_found_any_more_is_dropped() -> None:
    before = settle([], [finding(), finding(kind=ConditionType.STALLED)], 1, T0)
    assert [entry["type"] for entry in settle(before, [finding()], 1, LATER)] == ["Ready"]


def test_a_long_message_is_cut_and_says_so() -> None:
    exact = settle([], [finding(message="x" * MESSAGE_LIMIT)], 1, T0)[0]["message"]
    longer = settle([], [finding(message="x" * (MESSAGE_LIMIT + 1))], 1, T0)[0]["message"]
    assert exact == "x" * MESSAGE_LIMIT
    assert len(longer) == MESSAGE_LIMIT
    assert longer.endswith("...")


def test_a_condition_of_a_later_version_does_not_disturb() -> None:
    before = [{"type": "FromTheFuture", "status": "True"}, {"status": "True"}]
    assert [entry["type"] for entry in settle(before, [finding()], 1, T0)] == ["Ready"]


def test_conditions_are_found_by_type() -> None:
    conditions = settle([], [finding(Status.FALSE), finding(kind=ConditionType.DRIFTED)], 1, T0)
    assert find(conditions, ConditionType.READY)["status"] == "False"
    assert find(conditions, ConditionType.STALLED) == {}
    assert find(None, ConditionType.READY) == {}
    assert is_true(conditions, ConditionType.DRIFTED)
    assert not is_true(conditions, ConditionType.READY)
    assert not is_true(None, ConditionType.DRIFTED)


def test_a_flag_is_raised_only_by_a_problem() -> None:
    reasons = (Reason.DRIFT_FOUND, Reason.NO_DRIFT)
    raised = flag(ConditionType.DRIFTED, reasons, "It differs.", "Calm.")
    calm = flag(ConditionType.DRIFTED, reasons, "", "Calm.")
    assert (raised.status, raised.reason, raised.message) == (Status.TRUE, Reason.DRIFT_FOUND, "It differs.")
    assert (calm.status, calm.reason, calm.message) == (Status.FALSE, Reason.NO_DRIFT, "Calm.")


def test_times_are_told_in_utc_to_the_second() -> None:
    there = datetime(2026, 7, 1, 2, 30, 15, 999999, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(there) == "2026-07-01T00:30:15Z"


findings = st.lists(
    st.builds(
        Finding,
        st.sampled_from(ConditionType),
        st.sampled_from(Status),
        st.sampled_from(Reason),
        st.text(max_size=20) | st.just("long " * 2000),
    ),
    unique_by=lambda each: each.type,
    max_size=9,
)


@given(findings, findings, st.integers(0, 9), st.integers(0, 9))
def test_settling_twice_changes_nothing_and_fits_the_schema(
    old: list[Finding], new: list[Finding], first: int, second: int
) -> None:
    before = settle([], old, first, T0)
    after = settle(before, new, second, LATER)
    assert settle(after, new, second, LATER + timedelta(days=1)) == after
    for entry in after:
        Condition.model_validate(entry)
        _transition_is_true(before, entry)


def _transition_is_true(before: list[dict[str, Any]], entry: dict[str, Any]) -> None:
    same = [old for old in before if (old["type"], old["status"]) == (entry["type"], entry["status"])]
    assert entry["lastTransitionTime"] == (same[0]["lastTransitionTime"] if same else timestamp(LATER))
