"""What is left to others when the rest is applied again."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.core.release.blame import Owners
from landlord.core.release.leaving import leave
from landlord.core.release.places import at, pointer, steps

Object = dict[str, Any]


def left(wanted: Object, live: Object, *pointers: str, fields: Object | None = None) -> Object:
    found = deepcopy(wanted)
    entry = {"manager": "hand", "operation": "Update", "fieldsV1": fields or {}}
    whole = {"metadata": {"managedFields": [entry]}, **live}
    for each in pointers:
        leave(found, whole, steps(each), Owners(whole))
    return found


SAID = {"spec": {"replicas": 1, "labels": {"app": "web", "team": "shop"}}}


@pytest.mark.parametrize(
    ("place", "live", "expected"),
    [
        ("/spec/replicas", {"spec": {"replicas": 3}}, {"replicas": 3, "labels": SAID["spec"]["labels"]}),
        ("/spec/replicas", {"spec": {}}, {"labels": SAID["spec"]["labels"]}),
        ("/spec/paused", {"spec": {"paused": True}}, SAID["spec"]),
        ("/spec/labels", {"spec": {"labels": {"app": "x", "own": "y"}}}, {"replicas": 1, "labels": {"app": "x"}}),
        ("/spec/labels/app", {"spec": {"labels": {"own": "y"}}}, {"replicas": 1, "labels": {"team": "shop"}}),
        ("/spec/labels/app", {}, {"replicas": 1, "labels": {"team": "shop"}}),
        ("/spec/replicas/x", {"spec": {"replicas": {"x": 1}}}, SAID["spec"]),
    ],
)
def test_of_what_helm_says_the_values_of_others_are_kept(place: str, live: Object, expected: Object) -> None:
    assert left(SAID, live, place)["spec"] == expected


def test_a_map_that_is_owned_as_a_whole_is_left_as_a_whole() -> None:
    live = {"spec": {"labels": {"app": "x", "own": "y"}}}
    found = left(SAID, live, "/spec/labels", fields={"f:spec": {"f:labels": {}}})
    assert found["spec"]["labels"] == {"app": "x", "own": "y"}


def test_items_of_one_name_are_the_same_wherever_they_stand() -> None:
    said = {"spec": {"env": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]}}
    live = {"spec": {"env": [{"name": "own", "value": "x"}, {"name": "b", "value": "y"}, {"name": "a", "value": "z"}]}}
    assert left(said, live, "/spec/env/0/value")["spec"]["env"][0] == {"name": "a", "value": "z"}
    assert left(said, live, "/spec/env/1")["spec"]["env"][1] == {"name": "b", "value": "y"}
    everything = left(said, live, "/spec/env")["spec"]["env"]
    assert everything == [{"name": "a", "value": "z"}, {"name": "b", "value": "y"}]
    assert left(said, {"spec": {"env": live["spec"]["env"][:2]}}, "/spec/env/0/value") == said


def test_items_without_names_count_by_position_and_lists_of_them_as_a_whole() -> None:
    said, live = {"spec": {"args": ["a", "b"]}}, {"spec": {"args": ["x"]}}
    assert left(said, live, "/spec/args/0")["spec"]["args"] == ["x", "b"]
    assert left(said, live, "/spec/args/1", "/spec/args/-", "/spec/args/7") == said
    assert left(said, live, "/spec/args")["spec"]["args"] == ["x"]


@pytest.mark.parametrize(
    ("place", "texts", "data"),
    [
        ("/data/password", {"password": "rotated", "user": "app"}, None),
        ("/data", {"password": "rotated"}, None),
        ("/data/token", {"password": "first", "user": "app", "token": "t"}, None),
        ("/data/user", {"password": "first"}, None),
        ("/metadata/labels", {"password": "first", "user": "app"}, None),
    ],
)
def test_texts_of_a_secret_are_left_as_the_data_they_have_become(place: str, texts: Object, data: Object) -> None:
    said = {"kind": "Secret", "stringData": {"password": "first", "user": "app"}}
    if "token" in place:
        said["stringData"]["token"] = "old"  # type: ignore[index]
    live = {"kind": "Secret", "data": {"password": "cm90YXRlZA==", "token": "dA=="}}
    found = left(said, live, place)
    assert found["stringData"] == texts
    assert found.get("data") == data


def test_what_is_no_text_any_more_is_left_as_bytes() -> None:
    said = {"kind": "Secret", "stringData": {"key": "text"}}
    found = left(said, {"kind": "Secret", "data": {"key": "/w=="}}, "/data/key")
    assert (found["stringData"], found["data"]) == ({}, {"key": "/w=="})


TREES = st.recursive(
    st.integers() | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner | st.fixed_dictionaries({"name": st.sampled_from("abc")}, optional={"x": inner}), max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "0", "name"]), inner, max_size=3)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(["spec", "data"]), TREES, min_size=1, max_size=2)
WAYS = st.lists(st.sampled_from(["spec", "data", "a", "b", "0", "1", "name"]), min_size=1, max_size=4)


@given(OBJECTS, OBJECTS, WAYS)
def test_whatever_is_left_nothing_else_is_touched(said: Object, live: Object, way: list[str]) -> None:
    found = left(said, live, pointer(way))
    if at(said, way) is None:
        assert found == said
    for key in said.keys() - {way[0]}:
        assert found[key] == said[key]


@given(OBJECTS, WAYS)
def test_what_is_as_helm_says_stays_as_it_is(said: Object, way: list[str]) -> None:
    assert left(said, said, pointer(way)) == said
