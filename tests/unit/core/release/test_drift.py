"""Drift of releases: what differs, who did it, what others may change, and what is applied again."""

from copy import deepcopy
from time import process_time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from landlord.core.release.drift import Change, Drift, Ignore, autoscaled, compare, correction
from landlord.core.release.rendered import Entry

ENTRY = Entry("apps/v1", "Deployment", "shop", "web")
SECRET = Entry("v1", "Secret", "shop", "keys")

# What Helm stored, as a dry-run of it would be answered, and as it is live after hands were at it. The managedFields
# are those that kubectl scale and kubectl set image leave.
STORED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "template": {"spec": {"containers": [{"name": "app", "image": "shop/web:1"}]}},
    },
}
HELM = {
    "manager": "helm",
    "operation": "Apply",
    "apiVersion": "apps/v1",
    "time": "2026-01-01T00:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}, "f:name": {}}}}}},
    },
}
SCALE = {
    "manager": "kubectl",
    "operation": "Update",
    "subresource": "scale",
    "fieldsV1": {"f:spec": {"f:replicas": {}}},
}
SET_IMAGE = {
    "manager": "kubectl-set",
    "operation": "Update",
    "time": "2026-01-02T00:00:00Z",
    "fieldsV1": {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:image": {}}}}}},
    },
}
CONTROLLER = {
    "manager": "kube-controller-manager",
    "operation": "Update",
    "subresource": "status",
    "time": "2026-01-03T00:00:00Z",
    "fieldsV1": {"f:status": {"f:replicas": {}}},
}


def would_be() -> dict[str, Any]:
    answer = deepcopy(STORED)
    answer["metadata"] |= {"uid": "u", "resourceVersion": "7", "generation": 3, "managedFields": [HELM]}
    answer["spec"]["strategy"] = {"type": "RollingUpdate"}
    answer["status"] = {"replicas": 2}
    return answer


def live(*managers: dict[str, Any]) -> dict[str, Any]:
    found = would_be()
    found["metadata"] |= {"generation": 2, "managedFields": [HELM, CONTROLLER, *managers]}
    return found


def test_what_a_dry_run_would_not_change_is_no_drift() -> None:
    found = live()
    found["status"] = {"replicas": 1}
    found["metadata"]["resourceVersion"] = "6"
    assert compare(ENTRY, found, would_be()) is None


def test_changed_fields_are_named_with_who_changed_them() -> None:
    found = live(SCALE, SET_IMAGE)
    found["spec"]["replicas"] = 5
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/web:hotfix"
    drift = compare(ENTRY, found, would_be())
    assert drift == Drift(
        ENTRY,
        (
            Change("/spec/replicas", "kubectl"),
            Change("/spec/template/spec/containers/0/image", "kubectl-set"),
        ),
    )
    assert drift.why == (
        "Deployment web was changed: /spec/replicas (by kubectl), "
        "/spec/template/spec/containers/0/image (by kubectl-set)."
    )


def test_who_removed_a_field_is_not_known() -> None:
    found = live()
    del found["metadata"]["labels"]
    assert compare(ENTRY, found, would_be()) == Drift(ENTRY, (Change("/metadata/labels/app", "somebody"),))


def test_somebody_who_applied_in_helms_name_is_called_by_it() -> None:
    found = live()
    found["metadata"]["labels"]["app"] = "other"
    assert compare(ENTRY, found, would_be()) == Drift(ENTRY, (Change("/metadata/labels/app", "helm"),))


def test_of_several_owners_the_newest_other_one_is_blamed() -> None:
    earlier = {**SET_IMAGE, "manager": "earlier", "time": "2025-12-01T00:00:00Z"}
    found = live(SET_IMAGE, earlier)
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/web:hotfix"
    drift = compare(ENTRY, found, would_be())
    assert drift is not None
    assert drift.changes[0].manager == "kubectl-set"


def test_an_object_that_is_not_there_is_gone() -> None:
    drift = compare(ENTRY, None, None)
    assert drift == Drift(ENTRY, (), is_gone=True)
    assert drift.why == "Deployment web is gone."


def test_items_of_lists_are_matched_by_name_where_they_have_one() -> None:
    found, wanted = live(), would_be()
    wanted["spec"]["template"]["spec"]["containers"].insert(0, {"name": "sidecar", "image": "side:1"})
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/web:hotfix"
    drift = compare(ENTRY, found, wanted)
    assert drift is not None
    assert sorted(pointers(drift)) == [
        "/spec/template/spec/containers/0",
        "/spec/template/spec/containers/0/image",
    ]


def test_lists_without_names_are_compared_by_position_or_as_a_whole() -> None:
    wanted, found = {"spec": {"args": ["a", "b"]}}, {"spec": {"args": ["a", "c"]}}
    assert pointers(compare(ENTRY, found, wanted)) == ["/spec/args/1"]
    found = {"spec": {"args": ["a"]}}
    assert pointers(compare(ENTRY, found, wanted)) == ["/spec/args"]


def pointers(drift: Drift | None) -> list[str]:
    return [change.pointer for change in drift.changes] if drift else []


def test_an_empty_map_is_something_and_a_missing_one_is_not() -> None:
    assert pointers(compare(ENTRY, {"spec": {}}, {"spec": {"emptyDir": {}}})) == ["/spec/emptyDir"]


def test_set_items_have_the_manager_that_added_them() -> None:
    found = {
        "metadata": {
            "finalizers": ["x/other"],
            "managedFields": [
                {"manager": "kubectl-edit", "fieldsV1": {"f:metadata": {"f:finalizers": {'v:"x/other"': {}}}}}
            ],
        }
    }
    drift = compare(ENTRY, found, {"metadata": {"finalizers": ["x/mine"]}})
    assert drift is not None
    assert drift.changes == (Change("/metadata/finalizers/0", "kubectl-edit"),)


def test_what_others_may_change_is_no_drift_by_kind_name_and_place() -> None:
    found = live(SCALE)
    found["spec"]["replicas"] = 5
    rules = [
        Ignore(("/spec/replicas",)),
        Ignore(("/spec",), kind="Deployment"),
        Ignore(("/spec/replicas",), kind="Deployment", name="web", api_version="apps/v1"),
    ]
    for rule in rules:
        assert compare(ENTRY, found, would_be(), ignore=[rule]) is None
    others = [
        Ignore(("/spec/replica",)),
        Ignore(("/spec/replicas/x",)),
        Ignore(("/spec",), kind="StatefulSet"),
        Ignore(("/spec",), name="db"),
        Ignore(("/spec",), api_version="apps/v2"),
    ]
    for rule in others:
        assert compare(ENTRY, found, would_be(), ignore=[rule]) is not None


def test_a_place_in_a_list_is_counted_as_the_chart_counts_it() -> None:
    found, wanted = live(), would_be()
    for each in (found, wanted):
        each["spec"]["template"]["spec"]["containers"].insert(0, {"name": "side", "image": "side:1"})
    found["spec"]["template"]["spec"]["containers"][1]["image"] = "shop/web:hotfix"
    rule = Ignore(("/spec/template/spec/containers/0/image",))
    assert compare(ENTRY, found, wanted, stored=STORED, ignore=[rule]) is None
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"
    drift = compare(ENTRY, found, wanted, stored=STORED, ignore=[rule])
    assert pointers(drift) == ["/spec/template/spec/containers/0/image"]


def test_an_item_that_is_gone_can_be_ignored_by_its_place_in_the_chart() -> None:
    found, wanted = live(), would_be()
    found["spec"]["template"]["spec"]["containers"] = [{"name": "own", "image": "x"}]
    wanted["spec"]["template"]["spec"]["containers"] = [{"name": "own", "image": "x"}, {"name": "app", "image": "y"}]
    rule = Ignore(("/spec/template/spec/containers/0",))
    assert compare(ENTRY, found, wanted, stored=STORED, ignore=[rule]) is None


def test_texts_of_a_secret_can_be_ignored_by_the_name_the_chart_has_for_them() -> None:
    found, wanted = {"data": {"password": "b3RoZXI="}}, {"data": {"password": "Zmlyc3Q="}}
    assert compare(SECRET, found, wanted, ignore=[Ignore(("/stringData/password",))]) is None
    assert compare(SECRET, found, wanted, ignore=[Ignore(("/stringData",))]) is None
    assert compare(SECRET, found, wanted, ignore=[Ignore(("/stringDatas",), kind="Secret")]) is not None
    assert compare(ENTRY, found, wanted, ignore=[Ignore(("/stringData",))]) is not None


def test_one_key_can_be_ignored_even_when_the_whole_map_was_removed() -> None:
    found, wanted = live(), would_be()
    wanted["metadata"]["annotations"] = {"example.org/at": "1"}
    rule = Ignore(("/metadata/annotations/example.org~1at",))
    assert compare(ENTRY, found, wanted, ignore=[rule]) is None
    assert pointers(compare(ENTRY, found, wanted)) == ["/metadata/annotations/example.org~1at"]


def test_replicas_of_what_is_autoscaled_are_no_drift() -> None:
    scaled = autoscaled(
        [
            {"kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}},
            {"kind": "ScaledObject", "spec": {"scaleTargetRef": {"name": "worker"}}},
            {"kind": "Broken"},
        ]
    )
    assert scaled == {("Deployment", "web"), ("Deployment", "worker")}
    found = live(SCALE)
    found["spec"]["replicas"] = 5
    assert compare(ENTRY, found, would_be(), scaled=scaled) is None
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "x"
    assert pointers(compare(ENTRY, found, would_be(), scaled=scaled)) == ["/spec/template/spec/containers/0/image"]


def test_no_value_is_ever_told() -> None:
    wanted = {"data": {"password": "aHVudGVyMg==", "gone": "aHVudGVyMg=="}, "stringList": ["hunter2"]}
    found = {"data": {"password": "b3RoZXI="}, "stringList": ["hunter3", "hunter4"]}
    drift = compare(SECRET, found, wanted)
    assert drift is not None
    assert "/data/password" in drift.why
    assert "aHVudGVy" not in repr(drift)
    assert "hunter" not in repr(drift)


def test_a_megabyte_of_changes_beside_many_rules_is_compared_in_no_time() -> None:
    """All tenants share one loop: nobody's ConfigMap may hold it up."""
    keys = [f"key{number}" for number in range(20_000)]
    hand = {"manager": "hand", "fieldsV1": {"f:data": {f"f:{key}": {} for key in keys}}}
    found = {"data": dict.fromkeys(keys, "b"), "metadata": {"managedFields": [hand]}}
    rules = [Ignore(tuple(f"/data/{rule}-{number}" for number in range(16))) for rule in range(32)]
    began = process_time()
    drift = compare(SECRET, found, {"data": dict.fromkeys(keys, "a")}, ignore=rules)
    assert process_time() - began < 5
    assert drift is not None
    assert {change.manager for change in drift.changes} == {"hand"}
    assert len(drift.changes) == len(keys)


def test_a_message_names_a_few_fields_and_counts_the_rest() -> None:
    drift = Drift(ENTRY, tuple(Change(f"/spec/f{n}", "kubectl-edit") for n in range(8)))
    assert drift.why.endswith("/spec/f4 (by kubectl-edit) and 3 more.")


def test_a_correction_is_the_whole_object_with_what_others_may_change_as_they_left_it() -> None:
    found = live(SCALE, SET_IMAGE)
    found["spec"]["replicas"] = 5
    found["metadata"]["labels"]["app"] = "hand"
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/web:hotfix"
    corrected = correction(STORED, found, ignore=[Ignore(("/metadata/labels/app",))], scaled={("Deployment", "web")})
    expected = deepcopy(STORED)
    expected["spec"]["replicas"] = 5
    expected["metadata"]["labels"]["app"] = "hand"
    assert corrected == expected
    assert STORED["spec"]["replicas"] == 2


def test_a_correction_says_nothing_of_fields_that_helm_does_not_say() -> None:
    silent = deepcopy(STORED)
    del silent["spec"]["replicas"]
    found = live(SCALE)
    found["spec"]["replicas"] = 5
    assert correction(silent, found, scaled={("Deployment", "web")}) == silent
    assert correction(silent, found, ignore=[Ignore(("/metadata/annotations/x",))]) == silent


def test_a_pointer_past_the_end_of_a_list_points_at_nothing() -> None:
    rule = Ignore(("/spec/args/1", "/spec/args/x", "/spec/args/0/deeper"))
    stored = {"kind": "Thing", "metadata": {"name": "t"}, "spec": {"args": ["a"]}}
    assert correction(stored, {"spec": {"args": ["b", "c"]}}, ignore=[rule]) == stored


def test_what_is_gone_is_made_again_as_stored() -> None:
    assert correction(STORED, None, scaled={("Deployment", "web")}) == STORED


TREES = st.recursive(
    st.integers() | st.text("ab/~", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~n", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.sampled_from(["spec", "data", "x"]), TREES, max_size=3)


@given(OBJECTS)
def test_nothing_differs_from_itself(obj: dict[str, Any]) -> None:
    assert compare(ENTRY, obj, deepcopy(obj)) is None


@given(OBJECTS, OBJECTS)
def test_what_differs_is_found(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (compare(ENTRY, one, other) is None) == (one == other)


@given(OBJECTS, OBJECTS)
def test_ignoring_every_field_that_differs_leaves_nothing(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = pointers(compare(ENTRY, one, other))
    assert compare(ENTRY, one, other, ignore=[Ignore(tuple(found))]) is None
