"""Contents and digests: blind to what is not ours, and to nothing that is."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.refs import NAMESPACES, RESOURCE_QUOTAS, ROLE_BINDINGS, Ref
from landlord.core.manifest import content, desired, differing_paths, digest, surplus
from landlord.core.tenant import plan as planning
from tests.unit.core import bodies, building

Json = dict[str, Any]


def quota(hard: Json, **meta: Any) -> Json:
    return {"metadata": {"name": "landlord", "namespace": "shop-dev", **meta}, "spec": {"hard": hard}}


def digest_of(kind: str, manifest: Json) -> str:
    return digest(content(kind, manifest))


def test_a_wanted_object_has_its_head_and_knows_its_key() -> None:
    wanted = desired(RESOURCE_QUOTAS, "landlord", "shop-dev", labels={"a": "b"}, spec={"hard": {}})
    assert wanted.manifest == {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "landlord", "labels": {"a": "b"}, "namespace": "shop-dev"},
        "spec": {"hard": {}},
    }
    assert wanted.ref == Ref("ResourceQuota", "shop-dev", "landlord")


def test_cluster_scoped_objects_have_no_namespace_and_annotations_only_when_there_are_some() -> None:
    bare = desired(NAMESPACES, "shop-dev", labels={}, annotations={})
    assert bare.manifest["metadata"] == {"name": "shop-dev", "labels": {}}
    assert bare.ref == Ref("Namespace", None, "shop-dev")
    noted = desired(NAMESPACES, "shop-dev", labels={}, annotations={"landlord.dev/x": "y"})
    assert noted.manifest["metadata"]["annotations"] == {"landlord.dev/x": "y"}
    assert noted.digest != bare.digest


def test_a_digest_is_blind_to_the_order_of_keys_and_nothing_else() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
    assert len(digest(None)) == 16


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"cpu": "1000m"}, {"cpu": 1}),
        ({"memory": "1.5Gi"}, {"memory": "1536Mi"}),
        ({"cpu": "0.5"}, {"cpu": "500m"}),
        ({"pods": "1E3"}, {"pods": "1e3"}),
    ],
)
def test_quantities_are_compared_by_what_they_are_worth(one: Json, other: Json) -> None:
    assert digest_of("ResourceQuota", quota(one)) == digest_of("ResourceQuota", quota(other))
    limits = [{"spec": {"limits": [{"type": "Container", "max": each}]}} for each in (one, other)]
    assert digest_of("LimitRange", limits[0]) == digest_of("LimitRange", limits[1])


def test_a_quantity_that_cannot_be_read_is_compared_as_text() -> None:
    broken = quota({"pods": "many"})
    assert content("ResourceQuota", broken)["spec"] == {"hard": {"pods": "many"}}
    assert digest_of("ResourceQuota", broken) != digest_of("ResourceQuota", quota({"pods": "10"}))


@pytest.mark.parametrize(
    "change", [{"uid": "u"}, {"resourceVersion": "7"}, {"managedFields": []}, {"labels": {"x": "y"}}]
)
def test_what_is_not_ours_is_not_seen(change: Json) -> None:
    assert digest_of("ResourceQuota", quota({"pods": "1"}, **change)) == digest_of(
        "ResourceQuota", quota({"pods": "1"})
    )
    status = {**quota({"pods": "1"}), "status": {"used": {"pods": "1"}}}
    assert digest_of("ResourceQuota", status) == digest_of("ResourceQuota", quota({"pods": "1"}))


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"landlord.dev/tenant": "shop"}},
        {"labels": {"app.kubernetes.io/managed-by": "Helm"}},
        {"annotations": {"landlord.dev/policy.registries": "ghcr.io"}},
    ],
)
def test_our_labels_and_annotations_are_seen_whoever_wrote_them(change: Json) -> None:
    assert digest_of("ResourceQuota", quota({}, **change)) != digest_of("ResourceQuota", quota({}))


def test_pod_security_labels_count_on_namespaces_only() -> None:
    labelled = {"metadata": {"name": "n", "labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    bare = {"metadata": {"name": "n"}}
    assert digest_of("Namespace", labelled) != digest_of("Namespace", bare)
    assert digest_of("ServiceAccount", labelled) == digest_of("ServiceAccount", bare)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (
            "ResourceQuota",
            {"spec": {"hard": {"pods": "1"}}},
            {"spec": {"hard": {"pods": "1"}, "scopes": ["BestEffort"]}},
        ),
        ("LimitRange", {"spec": {"limits": []}}, {"spec": {"limits": [{"type": "Pod", "max": {"cpu": "1"}}]}}),
        ("NetworkPolicy", {"spec": {"podSelector": {}}}, {"spec": {"podSelector": {}, "egress": [{}]}}),
        ("ServiceAccount", {"automountServiceAccountToken": False}, {"automountServiceAccountToken": True}),
        ("ServiceAccount", {"automountServiceAccountToken": False}, {}),
        ("RoleBinding", {"roleRef": {"name": "a"}}, {"roleRef": {"name": "b"}}),
        ("RoleBinding", {"subjects": []}, {"subjects": [{"kind": "User", "name": "eve"}]}),
    ],
)
def test_every_payload_is_seen(kind: str, one: Json, other: Json) -> None:
    assert digest_of(kind, one) != digest_of(kind, other)
    assert differing_paths(content(kind, one), content(kind, other)) != []


@pytest.mark.parametrize(
    "kind", ["Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "RoleBinding", "ServiceAccount"]
)
def test_an_object_without_anything_has_a_content(kind: str) -> None:
    assert content(kind, {}) == content(kind, {"metadata": {"labels": None, "annotations": None}, "spec": None})


def test_items_of_a_limit_range_are_compared_in_any_order() -> None:
    items = [{"type": "Pod", "max": {"cpu": "1"}}, {"type": "Container", "max": {"cpu": "1"}}]
    one, other = ({"spec": {"limits": each}} for each in (items, items[::-1]))
    assert digest_of("LimitRange", one) == digest_of("LimitRange", other)


def test_surplus_names_what_must_go_and_only_that() -> None:
    wanted = {"spec": {"hard": {"pods": "1"}}, "labels": {}}
    found = {"spec": {"hard": {"pods": "2", "services": "1"}, "scopes": ["x"]}, "labels": {"landlord.dev/x": "y"}}
    assert surplus(wanted, found) == {
        "spec": {"hard": {"services": None}, "scopes": None},
        "labels": {"landlord.dev/x": None},
    }
    assert surplus(wanted, wanted) == {}


def test_paths_are_json_pointers_of_the_object() -> None:
    wanted = quota({"pods": "1", "count/a~b": "1"}, labels={"landlord.dev/tenant": "shop"})
    found = quota({"pods": "2"}, labels={})
    paths = differing_paths(content("ResourceQuota", wanted), content("ResourceQuota", found))
    assert paths == ["/metadata/labels/landlord.dev~1tenant", "/spec/hard/count~1a~0b", "/spec/hard/pods"]


def test_lists_differ_as_a_whole() -> None:
    assert differing_paths({"a": [{"b": 1}]}, {"a": [{"b": 2}]}) == ["/a"]
    assert differing_paths({"a": 1}, {"a": {"b": 1}}) == ["/a"]
    assert differing_paths([1], [1]) == []


leaves = st.sampled_from(("1", "2")) | st.lists(st.integers(0, 1), max_size=2)
trees: st.SearchStrategy[Json] = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(leaves, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
)


@given(trees, trees)
def test_applying_the_surplus_leaves_no_key_beyond_the_wanted(wanted: Json, found: Json) -> None:
    kept = deepcopy((wanted, found))
    patched = merged(found, surplus(wanted, found))
    assert (wanted, found) == kept
    assert surplus(wanted, patched) == {}
    for path in differing_paths(wanted, patched):
        assert path in differing_paths(wanted, found)


@given(trees, trees)
def test_differing_paths_are_none_exactly_for_equal_trees(one: Json, other: Json) -> None:
    assert (differing_paths(one, other) == []) == (one == other)
    assert differing_paths(one, other) == differing_paths(other, one)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@given(bodies.bodies(), bodies.members())
def test_the_digest_of_every_wanted_object_is_that_of_its_manifest_after_a_trip_through_json(
    body: Json, members: list[Json]
) -> None:
    for wanted in planning.plan(building.place(body, members=members)).objects:
        stored = json.loads(json.dumps(wanted.manifest))
        assert stored == wanted.manifest
        assert digest_of(wanted.resource.kind, stored) == wanted.digest
        noisy = deepcopy(stored)
        noisy["metadata"] |= {"uid": "u", "resourceVersion": "9", "managedFields": [{}], "creationTimestamp": "t"}
        noisy["metadata"]["labels"]["team"] = "x"
        noisy["status"] = {"phase": "Active"}
        assert digest_of(wanted.resource.kind, noisy) == wanted.digest


def test_role_bindings_keep_the_order_of_subjects() -> None:
    subjects = [{"kind": "User", "name": "b"}, {"kind": "User", "name": "a"}]
    wanted = desired(ROLE_BINDINGS, "x", "n", labels={}, roleRef={}, subjects=subjects)
    assert content("RoleBinding", wanted.manifest)["subjects"] == subjects
