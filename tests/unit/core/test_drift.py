"""Drift: what is answered, what others may change, and when a fight is given up."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.environment import DriftIgnore, DriftMode
from landlord.api.refs import Ref
from landlord.core.drift import (
    CAP_WINDOW,
    CONTEST_ROUNDS,
    CONTEST_WINDOW,
    Answer,
    Ledger,
    answer,
    graft,
    is_owner,
    other_writer,
    pointers,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)
QUOTA = Ref("ResourceQuota", "shop-dev", "landlord")
LIMITS = Ref("LimitRange", "shop-dev", "landlord")
SECOND = timedelta(seconds=1)


def fought(ref: Ref, times: int, *, every: timedelta = SECOND) -> Ledger:
    ledger = Ledger()
    for round_ in range(times):
        ledger.note(ref, T0 + round_ * every)
    return ledger


def test_drift_is_ignored_or_reported_as_the_mode_says_however_much_was_corrected() -> None:
    ledger = fought(QUOTA, CONTEST_ROUNDS)
    assert answer(DriftMode.IGNORE, 1, ledger, QUOTA, T0) is Answer.IGNORE
    assert answer(DriftMode.WARN, 1, ledger, QUOTA, T0) is Answer.REPORT


def test_drift_is_corrected_until_another_writer_must_be_at_work() -> None:
    assert answer(DriftMode.CORRECT, 60, fought(QUOTA, CONTEST_ROUNDS - 1), QUOTA, T0) is Answer.CORRECT
    contested = fought(QUOTA, CONTEST_ROUNDS)
    assert answer(DriftMode.CORRECT, 60, contested, QUOTA, T0 + SECOND * 4) is Answer.CONTESTED
    assert answer(DriftMode.CORRECT, 60, contested, LIMITS, T0 + SECOND * 4) is Answer.CORRECT


def test_a_contest_pauses_for_the_window_then_one_more_attempt_is_made() -> None:
    ledger = fought(QUOTA, CONTEST_ROUNDS)
    assert ledger.is_contested(QUOTA, T0 + CONTEST_WINDOW)
    late = T0 + CONTEST_WINDOW + SECOND
    assert not ledger.is_contested(QUOTA, late)
    ledger.note(QUOTA, late)
    assert ledger.is_contested(QUOTA, late)


def test_slow_corrections_are_no_contest() -> None:
    apart = CONTEST_WINDOW / (CONTEST_ROUNDS - 1) + SECOND
    ledger = fought(QUOTA, CONTEST_ROUNDS * 3, every=apart)
    assert not ledger.is_contested(QUOTA, T0 + apart * (CONTEST_ROUNDS * 3 - 1))


def test_the_cap_counts_all_objects_of_the_last_hour() -> None:
    ledger = Ledger()
    for number in range(3):
        ledger.note(Ref("ResourceQuota", "shop-dev", f"landlord-{number}"), T0)
    assert answer(DriftMode.CORRECT, 3, ledger, QUOTA, T0 + CAP_WINDOW) is Answer.CAPPED
    assert answer(DriftMode.CORRECT, 4, ledger, QUOTA, T0 + CAP_WINDOW) is Answer.CORRECT
    assert answer(DriftMode.CORRECT, 3, ledger, QUOTA, T0 + CAP_WINDOW + SECOND) is Answer.CORRECT
    assert ledger.corrections(T0 + CAP_WINDOW + SECOND) == 0


def test_a_contest_is_told_before_the_cap() -> None:
    assert answer(DriftMode.CORRECT, 1, fought(QUOTA, CONTEST_ROUNDS), QUOTA, T0 + SECOND * 4) is Answer.CONTESTED


def test_a_forgiven_ledger_is_a_new_one() -> None:
    ledger = fought(QUOTA, CONTEST_ROUNDS)
    ledger.forgive()
    assert ledger == Ledger()
    assert answer(DriftMode.CORRECT, 1, ledger, QUOTA, T0) is Answer.CORRECT


@given(st.lists(st.tuples(st.integers(0, 900), st.sampled_from((QUOTA, LIMITS))), max_size=40), st.integers(0, 5000))
def test_the_ledger_counts_like_a_list_of_all_corrections(steps: list[tuple[int, Ref]], wait: int) -> None:
    ledger, now, notes = Ledger(), T0, list[tuple[datetime, Ref]]()
    for seconds, ref in steps:
        now += seconds * SECOND
        ledger.note(ref, now)
        notes.append((now, ref))
    now += wait * SECOND
    assert ledger.corrections(now) == sum(now - when <= CAP_WINDOW for when, _ in notes)
    for ref in (QUOTA, LIMITS):
        recent = [when for when, each in notes if each == ref and now - when <= CONTEST_WINDOW]
        assert ledger.is_contested(ref, now) == (len(recent) >= CONTEST_ROUNDS)


def ignore(kind: str, *paths: str, name: str = "") -> DriftIgnore:
    return DriftIgnore.model_validate({"kind": kind, "name": name, "pointers": list(paths)})


def test_pointers_hold_for_the_kind_and_where_given_the_name() -> None:
    entries = (
        ignore("ResourceQuota", "/spec/hard/pods"),
        ignore("ResourceQuota", "/spec/hard/services", name="landlord"),
        ignore("ResourceQuota", "/spec/hard/secrets", name="landlord-batch"),
        ignore("LimitRange", "/spec/limits"),
    )
    assert pointers(entries, QUOTA) == ("/spec/hard/pods", "/spec/hard/services")
    assert pointers(entries, LIMITS) == ("/spec/limits",)
    assert pointers((), QUOTA) == ()


WANTED: dict[str, Any] = {
    "metadata": {"name": "landlord", "labels": {"landlord.dev/tenant": "shop"}},
    "spec": {"hard": {"pods": "10", "a/b~c": "1"}, "limits": [{"type": "Container", "max": {"cpu": "1"}}]},
}


@pytest.mark.parametrize(
    ("pointer", "live", "path", "value"),
    [
        ("/spec/hard/pods", {"spec": {"hard": {"pods": "20"}}}, ("spec", "hard", "pods"), "20"),
        ("/spec/hard/new", {"spec": {"hard": {"new": "5"}}}, ("spec", "hard", "new"), "5"),
        ("/spec/hard/a~1b~0c", {"spec": {"hard": {"a/b~c": "2"}}}, ("spec", "hard", "a/b~c"), "2"),
        ("/spec/limits/0/max/cpu", {"spec": {"limits": [{"max": {"cpu": "3"}}]}}, ("spec", "limits", 0), None),
        ("/spec/limits/0", {"spec": {"limits": [{"type": "Pod"}]}}, ("spec", "limits", 0), {"type": "Pod"}),
        ("/spec/hard", {"spec": {"hard": {"pods": "1"}}}, ("spec", "hard"), {"pods": "1"}),
        (
            "/metadata/annotations/landlord.dev~1policy.registries",
            {"metadata": {"annotations": {"landlord.dev/policy.registries": "ghcr.io"}}},
            ("metadata", "annotations"),
            {"landlord.dev/policy.registries": "ghcr.io"},
        ),
        ("/spec/deep/er/still", {"spec": {"deep": {"er": {"still": "x"}}}}, ("spec", "deep", "er"), {"still": "x"}),
    ],
)
def test_values_that_others_may_change_are_taken_as_they_are(
    pointer: str, live: dict[str, Any], path: tuple[str | int, ...], value: Any
) -> None:
    grafted: Any = graft(WANTED, live, (pointer,))
    for step in path:
        grafted = grafted[step]
    assert grafted == (value if value is not None else {"type": "Container", "max": {"cpu": "3"}})


def test_a_value_that_others_removed_stays_removed() -> None:
    assert "pods" not in graft(WANTED, {"spec": {"hard": {}}}, ("/spec/hard/pods",))["spec"]["hard"]
    assert "pods" not in graft(WANTED, {}, ("/spec/hard/pods",))["spec"]["hard"]


@pytest.mark.parametrize(
    "pointer",
    [
        "/spec/nothing/here",
        "/metadata/annotations/none",
        "/spec/limits/7",
        "/spec/limits/0/max/cpu/deeper",
        "/spec/limits/x/max",
        "/spec/limits/last",
        "/spec/hard/pods/0",
    ],
)
def test_a_pointer_that_leads_nowhere_changes_nothing(pointer: str) -> None:
    live = {"spec": {"limits": [{"max": {"cpu": "9"}}], "hard": {"pods": "10"}}}
    assert graft(WANTED, live, (pointer,)) == WANTED


def test_a_list_item_that_is_gone_is_not_invented() -> None:
    assert graft(WANTED, {"spec": {"limits": []}}, ("/spec/limits/0",)) == WANTED


json_values: st.SearchStrategy[Any] = st.recursive(
    st.integers(0, 3) | st.sampled_from(("a", "b")),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("a", "b", "0", "~/")), inner, max_size=3)
    ),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(("a", "b", "0")), json_values, max_size=3)
some_pointers = st.lists(
    st.lists(st.sampled_from(("a", "b", "0", "1", "~0~1")), min_size=1, max_size=3).map(lambda p: "/" + "/".join(p)),
    max_size=3,
).map(tuple)


@given(objects, objects, some_pointers)
def test_grafting_never_fails_never_touches_its_arguments_and_is_done_at_once(
    wanted: dict[str, Any], live: dict[str, Any], pointer_list: tuple[str, ...]
) -> None:
    kept = deepcopy((wanted, live))
    grafted = graft(wanted, live, pointer_list)
    assert (wanted, live) == kept
    assert graft(live, live, pointer_list) == live
    assert graft(wanted, live, ()) == wanted
    if len(pointer_list) == 1:
        assert graft(grafted, live, pointer_list) == grafted


def wrote(manager: str, time: str, *path: str, subresource: str = "") -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for step in reversed(path):
        fields = {f"f:{step}": fields}
    return {"manager": manager, "time": f"2026-01-01T00:00:0{time}Z", "fieldsV1": fields} | (
        {"subresource": subresource} if subresource else {}
    )


def live_with(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries)}}


def test_the_other_writer_is_the_last_one_that_is_not_us_and_owns_what_changed() -> None:
    live = live_with(
        wrote("kubectl-edit", "2", "spec", "hard", "pods"),
        wrote("argocd", "1", "spec", "hard", "pods"),
        wrote("annotator", "7", "metadata", "annotations", "x"),
        wrote("landlord", "9", "spec", "hard", "pods"),
        wrote("kube-controller-manager", "8", "status", "used", subresource="status"),
    )
    assert other_writer(live, "landlord", ["/spec/hard/pods"]) == "kubectl-edit"
    assert other_writer(live, "landlord", ["/spec/hard"]) == "kubectl-edit"
    assert other_writer(live, "landlord", ["/spec/hard/services", "/metadata/annotations/x"]) == "annotator"


def test_owners_are_found_below_escaped_names() -> None:
    live = live_with(wrote("helm", "1", "metadata", "labels", "landlord.dev/tenant"))
    assert other_writer(live, "landlord", ["/metadata/labels/landlord.dev~1tenant"]) == "helm"


@pytest.mark.parametrize(
    "live",
    [
        {},
        {"metadata": {}},
        {"metadata": {"managedFields": None}},
        live_with({}),
        live_with({"manager": "older", "operation": "Update"}),
        live_with(wrote("landlord", "1", "spec", "hard", "pods")),
        live_with(wrote("", "1", "spec", "hard", "pods")),
    ],
)
def test_a_writer_that_left_no_name_is_somebody(live: dict[str, Any]) -> None:
    assert other_writer(live, "landlord", ["/spec/hard/pods"]) == "somebody"


def test_a_manager_owns_what_it_wrote_and_what_is_above_it() -> None:
    live = live_with(wrote("landlord", "1", "metadata", "labels", "landlord.dev/tenant"), {"manager": "landlord"})
    assert is_owner(live, "landlord", "/metadata/labels/landlord.dev~1tenant")
    assert is_owner(live, "landlord", "/metadata/labels")
    assert not is_owner(live, "landlord", "/metadata/annotations")
    assert not is_owner(live, "velero", "/metadata/labels/landlord.dev~1tenant")
    assert not is_owner({}, "landlord", "/metadata/labels")
